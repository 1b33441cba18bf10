//! What a recorder is asked for, checked once.

use std::collections::BTreeMap;
use std::time::Duration;

use model_format::protocol::{SourceSettings, TopicSource, check_topic_level};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::recording::check_tags;

/// Most sources, and most groups of Sparkplug B.
const SOURCES_MAX: usize = 64;

/// Longest time that rows are held back for others, in milliseconds.
const LATENESS_MS_MAX: u32 = 60_000;

/// Longest recording: a month.
const DURATION_S_MAX: f64 = 31.0 * 24.0 * 3600.0;

/// Most megabytes of messages where nothing else is said, and at all.
const SIZE_MB: (u32, u32) = (1024, 64 * 1024);

/// Longest class, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// What shall be recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordSettings {
    /// The topics, and how their messages are read. Each stream becomes a recording of its own.
    #[serde(default)]
    pub(crate) sources: Vec<SourceSettings>,
    /// Groups of Sparkplug B nodes to record; `+` for all groups.
    #[serde(default)]
    pub(crate) sparkplug_groups: Vec<String>,
    /// The class of what comes from the beginning on; none otherwise.
    #[serde(default)]
    pub(crate) label: Option<String>,
    /// Ends by itself after so many seconds.
    #[serde(default)]
    pub(crate) duration_s_max: Option<f64>,
    /// Resample each recording to so many rows a second, as a device would: causal, anti-aliased.
    #[serde(default)]
    pub(crate) rate_hz: Option<f64>,
    /// Samples may come out of order by so many milliseconds; later ones are dropped and counted.
    #[serde(default)]
    pub(crate) lateness_ms: u32,
    /// Ends by itself after so many megabytes of messages; 1024 otherwise.
    #[serde(default)]
    pub(crate) size_mb_max: Option<u32>,
    /// Tags of the recordings.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {change}")]
pub(crate) struct SettingError {
    /// The field, such as `sources[0].topic`.
    pub(crate) field: String,
    /// What was found, and what to change.
    pub(crate) change: String,
}

impl SettingError {
    pub(crate) fn new(field: impl Into<String>, change: impl Into<String>) -> Self {
        SettingError { field: field.into(), change: change.into() }
    }
}

/// [`RecordSettings`], checked.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) sources: Vec<TopicSource>,
    pub(crate) sparkplug_groups: Vec<String>,
    pub(crate) label: Option<String>,
    pub(crate) duration_max: Option<Duration>,
    pub(crate) rate_hz: Option<f64>,
    pub(crate) lateness_ms: u32,
    pub(crate) bytes_max: u64,
    pub(crate) tags: BTreeMap<String, String>,
}

impl RecordSettings {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// Names the field to change.
    pub(crate) fn check(&self) -> Result<Plan, SettingError> {
        let error = |field: &str, change: String| Err(SettingError::new(field, change));
        if self.sources.is_empty() && self.sparkplug_groups.is_empty() {
            let change = "name a topic, such as plant/{machine}/accel, or a group of Sparkplug B";
            return error("sources", change.to_owned());
        }
        for (field, count) in
            [("sources", self.sources.len()), ("sparkplug_groups", self.sparkplug_groups.len())]
        {
            if count > SOURCES_MAX {
                return error(field, format!("{count} are given: at most {SOURCES_MAX} are taken"));
            }
        }
        let mut sources = Vec::with_capacity(self.sources.len());
        for (place, source) in self.sources.iter().enumerate() {
            sources.push(source.lower().map_err(|error| {
                SettingError::new(format!("sources[{place}].{}", error.field), error.change)
            })?);
        }
        for (place, group) in self.sparkplug_groups.iter().enumerate() {
            if group != "+" && !check_topic_level(group) {
                let field = format!("sparkplug_groups[{place}]");
                return error(&field, format!("{group:?} cannot be the name of a group"));
            }
        }
        if let Some(label) = &self.label {
            check_class(label).map_err(|change| SettingError::new("label", change))?;
        }
        let duration_max = match self.duration_s_max {
            Some(s) if s > 0.0 && s <= DURATION_S_MAX => Some(Duration::from_secs_f64(s)),
            Some(s) => {
                let change = format!("{s} s: more than 0 and at most {DURATION_S_MAX} are taken");
                return error("duration_s_max", change);
            }
            None => None,
        };
        let rate_max = model_format::pipeline::RATE_HZ_MAX;
        if let Some(hz) = self.rate_hz.filter(|hz| !(*hz > 0.0 && *hz <= rate_max)) {
            return error(
                "rate_hz",
                format!("{hz} Hz: more than 0 and at most {rate_max} are taken"),
            );
        }
        if self.lateness_ms > LATENESS_MS_MAX {
            let change = format!("{} ms: at most {LATENESS_MS_MAX} are taken", self.lateness_ms);
            return error("lateness_ms", change);
        }
        let size_mb = self.size_mb_max.unwrap_or(SIZE_MB.0);
        if !(1..=SIZE_MB.1).contains(&size_mb) {
            return error("size_mb_max", format!("{size_mb} MB: 1 to {} are taken", SIZE_MB.1));
        }
        check_tags(&self.tags).map_err(|change| SettingError::new("tags", change))?;
        Ok(Plan {
            sources,
            sparkplug_groups: self.sparkplug_groups.clone(),
            label: self.label.clone(),
            duration_max,
            rate_hz: self.rate_hz,
            lateness_ms: self.lateness_ms,
            bytes_max: u64::from(size_mb) << 20,
            tags: self.tags.clone(),
        })
    }
}

/// Whether a class can stand as a label.
///
/// # Errors
/// Says what was found.
pub(crate) fn check_class(class: &str) -> Result<(), String> {
    match class.len() {
        1..=TEXT_BYTES_MAX if !class.contains(char::is_control) => Ok(()),
        found => Err(format!("a class has 1 to {TEXT_BYTES_MAX} bytes of text, this one {found}")),
    }
}

impl Plan {
    /// The topic filters to subscribe to.
    pub(crate) fn filters(&self) -> Vec<String> {
        let sparkplug = self.sparkplug_groups.iter().map(|group| format!("spBv1.0/{group}/#"));
        self.sources.iter().map(|source| source.topic.filter()).chain(sparkplug).collect()
    }

    pub(super) fn has_group(&self, group: &str) -> bool {
        self.sparkplug_groups.iter().any(|known| known == "+" || known == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_recorded_is_named_by_its_field() {
        let topic = |topic: &str| SourceSettings { topic: topic.to_owned(), ..Default::default() };
        let good = || RecordSettings { sources: vec![topic("a/{b}")], ..Default::default() };
        let field = |settings: RecordSettings| settings.check().unwrap_err().field;
        assert_eq!(good().check().unwrap().filters(), ["a/+"]);
        assert_eq!(field(RecordSettings::default()), "sources");
        assert_eq!(
            field(RecordSettings { sources: vec![topic("a/{b}"), topic("a/#")], ..good() }),
            "sources[1].topic"
        );
        let groups = vec!["a/b".to_owned()];
        assert_eq!(
            field(RecordSettings { sparkplug_groups: groups, ..good() }),
            "sparkplug_groups[0]"
        );
        assert_eq!(field(RecordSettings { label: Some(String::new()), ..good() }), "label");
        for (name, s) in [("duration_s_max", 0.0), ("duration_s_max", f64::NAN)] {
            assert_eq!(field(RecordSettings { duration_s_max: Some(s), ..good() }), name);
        }
        assert_eq!(field(RecordSettings { rate_hz: Some(-1.0), ..good() }), "rate_hz");
        assert_eq!(field(RecordSettings { lateness_ms: 60_001, ..good() }), "lateness_ms");
        assert_eq!(field(RecordSettings { size_mb_max: Some(0), ..good() }), "size_mb_max");
        let tags = BTreeMap::from([(String::new(), "x".to_owned())]);
        assert_eq!(field(RecordSettings { tags, ..good() }), "tags");
    }
}
