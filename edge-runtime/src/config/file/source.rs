//! `[[source]]`: topics that carry samples.

use std::collections::{BTreeMap, HashMap};

use anyhow::ensure;
use model_format::payload::Format;
use model_format::payload::message::{Reading, Times};
use model_format::protocol::{
    NameTemplate, SourceSettings, TopicSource, TopicTemplate, check_topic_level,
};
use serde::Deserialize;

use crate::serve::{MappedChannel, Source, SparkplugSource};

/// One source as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    /// Such as `plant/{line}/{machine}/accel`.
    topic: String,
    /// Such as `{line}-{machine}`; all levels in braces, joined by dots, otherwise.
    stream: Option<String>,
    #[serde(default)]
    format: Format,
    /// The name with the time.
    time: Option<String>,
    time_unit: Option<String>,
    /// The names of values that come without names, in their order.
    #[serde(default)]
    positions: Vec<String>,
    /// For `number`: the channel that a topic is about.
    channel: Option<String>,
    /// For `influx`: the tag whose value is added to the stream's name.
    stream_tag: Option<String>,
    /// The models that answer.
    models: Option<Vec<String>>,
    /// By the name in payloads.
    #[serde(default)]
    channels: BTreeMap<String, ChannelTable>,
}

/// Nodes of Sparkplug B, as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SparkplugTable {
    /// All groups otherwise.
    group: Option<String>,
    models: Option<Vec<String>>,
    /// By the name of the metric.
    #[serde(default)]
    channels: BTreeMap<String, ChannelTable>,
}

impl SparkplugTable {
    pub(super) fn lower(&self) -> anyhow::Result<SparkplugSource> {
        if let Some(group) = &self.group {
            ensure!(check_topic_level(group), "{group:?} cannot be the name of a group");
        }
        // The stream's name comes from the whole topic, which has no fixed number of levels.
        let topic = TopicTemplate::parse("spBv1.0/{group}/{kind}/{node}")?;
        let topics = TopicSource {
            stream: NameTemplate::all(&topic),
            topic,
            reading: Reading::json(Times::found()),
            channel: None,
            stream_tag: None,
        };
        let (models, channels) = (self.models.clone(), lowered(&self.channels)?);
        let source = Source { topics, models, channels };
        Ok(SparkplugSource { group: self.group.clone(), source })
    }
}

/// What stands under a name, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelTable {
    name: Option<String>,
    unit: Option<String>,
    #[serde(default = "one")]
    scale: f64,
    #[serde(default)]
    offset: f64,
}

fn one() -> f64 {
    1.0
}

impl SourceTable {
    pub(super) fn lower(&self) -> anyhow::Result<Source> {
        let settings = SourceSettings {
            topic: self.topic.clone(),
            stream: self.stream.clone(),
            format: self.format,
            time: self.time.clone(),
            time_unit: self.time_unit.clone(),
            positions: self.positions.clone(),
            channel: self.channel.clone(),
            stream_tag: self.stream_tag.clone(),
        };
        let channels = lowered(&self.channels)?;
        Ok(Source { topics: settings.lower()?, models: self.models.clone(), channels })
    }
}

fn lowered(
    tables: &BTreeMap<String, ChannelTable>,
) -> anyhow::Result<HashMap<String, MappedChannel>> {
    let mut channels = HashMap::new();
    for (found, table) in tables {
        let ChannelTable { name, unit, scale, offset } = table;
        ensure!(
            scale.is_finite() && *scale != 0.0 && offset.is_finite(),
            "channel {found:?}: scale {scale} and offset {offset} must be finite, and scale not 0"
        );
        let name = name.clone().unwrap_or_else(|| found.clone());
        let mapped = MappedChannel { name, unit: unit.clone(), scale: *scale, offset: *offset };
        channels.insert(found.clone(), mapped);
    }
    Ok(channels)
}
