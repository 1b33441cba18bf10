//! A recording in memory: one continuous multi-channel time series with its labels.

use std::collections::BTreeMap;

use model_format::id::Digest;
use sha2::{Digest as _, Sha256};

use crate::store::{Annotation, ChannelInfo, NewEntry, RecordingInfo};

/// One continuous multi-channel time series.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Unique in its dataset; by default the file's path below the imported folder.
    pub name: String,
    /// The channels, each as long as `time_ns`.
    pub channels: Vec<RecordedChannel>,
    /// Time of each row: nanoseconds since 1970 UTC, or since the recording's start where the
    /// source has no absolute time (`absolute_time` says which).
    pub time_ns: Vec<i64>,
    /// True where `time_ns` counts from 1970.
    pub absolute_time: bool,
    /// Sampling rate in hertz; none for rows without one (cycles, irregular readings).
    pub rate_hz: Option<f64>,
    /// Labelled spans, sorted, not overlapping.
    pub labels: Vec<LabelSpan>,
    /// Label sets beside these, by name.
    pub label_sets: BTreeMap<String, Vec<LabelSpan>>,
    /// Facts about the recording: machine, load, operator, session.
    pub tags: BTreeMap<String, String>,
}

/// One channel of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedChannel {
    /// Name.
    pub name: String,
    /// Unit, if known.
    pub unit: Option<String>,
    /// What the channel is for.
    pub role: Role,
    /// The values; NaN where there is none.
    pub values: Vec<f32>,
}

/// What a channel is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChannelRole)]
pub enum Role {
    /// A model input.
    Input,
    /// What a regression predicts; never an input.
    Target,
}

/// A class over a span of rows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct LabelSpan {
    /// First row of the span.
    pub from_row: u64,
    /// First row after the span.
    pub to_row: u64,
    /// The class.
    pub class: String,
}

/// Label spans that no recording can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Not within the rows.
    #[error("label span {index} covers the rows {from}..{to}; the recording has 0..{rows}")]
    Rows {
        /// Which span.
        index: usize,
        /// Its first row.
        from: u64,
        /// The first row after it.
        to: u64,
        /// Rows of the recording.
        rows: u64,
    },
    /// Not sorted, or overlapping.
    #[error("label span {0} begins before the one before it ends: sort the spans")]
    Order(usize),
    /// No class.
    #[error("label span {0} has no class, or one of more than 200 bytes")]
    Class(usize),
}

impl LabelError {
    /// Which field of a list of spans is wrong, such as `3.to_row`.
    pub(crate) fn field(&self) -> String {
        match self {
            LabelError::Rows { index, to, rows, .. } if to > rows => format!("{index}.to_row"),
            LabelError::Rows { index, .. } | LabelError::Order(index) => {
                format!("{index}.from_row")
            }
            LabelError::Class(index) => format!("{index}.class"),
        }
    }
}

/// Refuses label spans that a recording of so many rows cannot have.
///
/// # Errors
/// Names the first span that is wrong.
pub fn check_labels(labels: &[LabelSpan], rows: u64) -> Result<(), LabelError> {
    let mut end = 0;
    for (index, span) in labels.iter().enumerate() {
        let LabelSpan { from_row: from, to_row: to, .. } = *span;
        if from >= to || to > rows {
            return Err(LabelError::Rows { index, from, to, rows });
        }
        if from < end {
            return Err(LabelError::Order(index));
        }
        if span.class.is_empty() || span.class.len() > 200 {
            return Err(LabelError::Class(index));
        }
        end = to;
    }
    Ok(())
}

/// Most tags of a recording, and longest name and value of a tag, in bytes.
const TAGS_MAX: usize = 32;
const TAG_BYTES_MAX: usize = 200;

/// Refuses tags that could not be told apart, chosen by or shown.
///
/// # Errors
/// Says which one, and what to change.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), String> {
    if tags.len() > TAGS_MAX {
        return Err(format!("{} tags: a recording has at most {TAGS_MAX}", tags.len()));
    }
    for (name, value) in tags {
        let is_short = |text: &str| {
            (1..=TAG_BYTES_MAX).contains(&text.len())
                && text.trim() == text
                && !text.contains(char::is_control)
        };
        let shown = name.chars().take(40).collect::<String>();
        if !is_short(name) || name.contains(['=', ',']) {
            return Err(format!(
                "{shown:?} is no name of a tag: 1 to {TAG_BYTES_MAX} bytes of text without '=', ',' and \
                 blanks at its ends are taken"
            ));
        }
        if !is_short(value) {
            return Err(format!(
                "the tag {shown:?} has no usable value: 1 to {TAG_BYTES_MAX} bytes of text without blanks \
                 at its ends are taken"
            ));
        }
    }
    Ok(())
}

impl Recording {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.time_ns.len()
    }

    /// Digest of samples, times, channels and rate; names, labels and tags are no part of it. It
    /// is taken from the values, not from a file, so no writer's version enters a lineage.
    pub fn content(&self) -> Digest {
        let mut content = ContentDigest::new(self.channels.len());
        content.add(&self.time_ns, self.channels.iter().map(|channel| channel.values.as_slice()));
        let channels: Vec<ChannelInfo> = self.channels.iter().map(RecordedChannel::info).collect();
        content.finish(self.absolute_time, self.rate_hz, &channels)
    }

    /// What a dataset version lists of this recording.
    pub fn entry(&self) -> NewEntry {
        NewEntry {
            info: RecordingInfo {
                name: self.name.clone(),
                content: self.content(),
                rows: self.rows() as u64,
                rate_hz: self.rate_hz,
                absolute_time: self.absolute_time,
                channels: self.channels.iter().map(RecordedChannel::info).collect(),
            },
            annotation: Annotation {
                labels: self.labels.clone(),
                label_sets: self.label_sets.clone(),
                tags: self.tags.clone(),
            },
            lineage: None,
        }
    }
}

/// [`Recording::content`], of rows that come one group after another.
#[derive(Clone)]
pub(crate) struct ContentDigest {
    times: Sha256,
    channels: Vec<Sha256>,
    bytes: Vec<u8>,
}

impl ContentDigest {
    pub(crate) fn new(channels: usize) -> Self {
        ContentDigest {
            times: Sha256::new(),
            channels: vec![Sha256::new(); channels],
            bytes: Vec::new(),
        }
    }

    /// Adds rows: their times, and the values of each channel.
    pub(crate) fn add<'a>(&mut self, time_ns: &[i64], channels: impl Iterator<Item = &'a [f32]>) {
        self.bytes.clear();
        self.bytes.extend(time_ns.iter().flat_map(|time| time.to_le_bytes()));
        self.times.update(&self.bytes);
        for (digest, values) in self.channels.iter_mut().zip(channels) {
            let value = |&value: &f32| if value.is_nan() { f32::NAN } else { value };
            self.bytes.clear();
            self.bytes.extend(values.iter().flat_map(|v| value(v).to_le_bytes()));
            digest.update(&self.bytes);
        }
    }

    /// The digest of all rows, with what else belongs to the content.
    pub(crate) fn finish(
        self,
        absolute_time: bool,
        rate_hz: Option<f64>,
        channels: &[ChannelInfo],
    ) -> Digest {
        let mut parts = serde_json::to_vec(&(absolute_time, rate_hz, channels))
            .expect("plain data has a JSON form");
        for digest in std::iter::once(self.times).chain(self.channels) {
            let digest: [u8; 32] = digest.finalize().into();
            parts.extend_from_slice(&digest);
        }
        Digest::of(&parts)
    }
}

impl RecordedChannel {
    /// True for model inputs.
    pub fn is_input(&self) -> bool {
        self.role == Role::Input
    }

    fn info(&self) -> ChannelInfo {
        ChannelInfo { name: self.name.clone(), unit: self.unit.clone(), role: self.role }
    }
}
