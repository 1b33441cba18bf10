//! `[[source]]`: topics that carry samples.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail, ensure};
use model_format::payload::Format;
use model_format::payload::message::{Reading, Times};
use model_format::payload::time::TimeFormat;
use model_format::protocol::{NameTemplate, TopicTemplate, check_topic_level};
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
        let source = Source {
            stream: NameTemplate::all(&topic),
            topic,
            reading: Reading::json(Times::found()),
            channel: None,
            stream_tag: None,
            models: self.models.clone(),
            channels: lowered(&self.channels)?,
        };
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
        let topic = TopicTemplate::parse(&self.topic).context("topic")?;
        let stream = match &self.stream {
            Some(stream) => NameTemplate::parse(stream, &topic).context("stream")?,
            None if topic.names().is_empty() => bail!(
                "the topic {} has no level in braces: name the stream with `stream = \"…\"`",
                self.topic
            ),
            None => NameTemplate::all(&topic),
        };
        let channel = match (&self.channel, self.format) {
            (Some(channel), Format::Number) => {
                Some(NameTemplate::parse(channel, &topic).context("channel")?)
            }
            (None, Format::Number) => bail!(
                "the format number needs `channel`: which channel a topic is about, such as \
                 `channel = \"{{channel}}\"` for the topic `plant/{{machine}}/{{channel}}`"
            ),
            (Some(_), _) => bail!("`channel` is for the format number alone: leave it out"),
            (None, _) => None,
        };
        ensure!(
            self.stream_tag.is_none() || self.format == Format::Influx,
            "`stream_tag` is for the format influx alone: leave it out"
        );
        let reading = Reading {
            format: self.format,
            times: self.times()?,
            positions: self.positions.clone(),
        };
        reading.check().map_err(anyhow::Error::msg)?;
        Ok(Source {
            topic,
            stream,
            reading,
            channel,
            stream_tag: self.stream_tag.clone(),
            models: self.models.clone(),
            channels: lowered(&self.channels)?,
        })
    }

    fn times(&self) -> anyhow::Result<Times> {
        let unit = self.time_unit.as_deref().map(str::parse::<TimeFormat>);
        let unit = unit.transpose().map_err(|error| anyhow::anyhow!("time_unit: {error}"))?;
        match (&self.time, unit) {
            (Some(name), unit) => Ok(Times::named(name, unit)),
            (None, Some(unit)) if self.format == Format::Influx => Ok(Times::in_unit(unit)),
            (None, Some(_)) => bail!("`time_unit` needs `time`: the name with the time"),
            (None, None) => Ok(Times::found()),
        }
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
