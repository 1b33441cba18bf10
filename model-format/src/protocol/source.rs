//! Sources: topics that carry samples, how these are written, and which streams they are. Devices and
//! the recorder find streams with it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{NameTemplate, TemplateError, TopicTemplate};
use crate::payload::Format;
use crate::payload::message::{Reading, Times};
use crate::payload::time::TimeFormat;

/// A source as it is written in configurations and requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// Such as `plant/{line}/{machine}/accel`: a level in braces may be anything and has a name, `+`
    /// may be anything.
    pub topic: String,
    /// What the topic's streams are called, such as `{line}-{machine}`; all levels in braces, joined
    /// by dots, otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// How messages are written: `json`, `cbor`, `senml-json`, `senml-cbor`, `influx` or `number`;
    /// `json` otherwise.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub format: Format,
    /// The name with the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its unit: `s`, `ms`, `us`, `ns` or `datetime`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<String>,
    /// The names of values that come without names, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<String>,
    /// For `number`: the channel that a topic is about, such as `{channel}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// For `influx`: the tag whose value is added to the stream's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_tag: Option<String>,
}

/// Topics that carry samples.
#[derive(Clone, Debug)]
pub struct TopicSource {
    /// The topics.
    pub topic: TopicTemplate,
    /// The stream that a topic belongs to.
    pub stream: NameTemplate,
    /// How its payloads are read.
    pub reading: Reading,
    /// The channel that a topic is about, where a payload names none.
    pub channel: Option<NameTemplate>,
    /// The tag whose value is added to the stream's name.
    pub stream_tag: Option<String>,
}

/// A source that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {change}")]
pub struct SourceError {
    /// The field of [`SourceSettings`].
    pub field: &'static str,
    /// What was found, and what to change.
    pub change: String,
}

impl SourceError {
    fn new(field: &'static str, change: impl Into<String>) -> Self {
        SourceError { field, change: change.into() }
    }

    fn of(field: &'static str) -> impl Fn(TemplateError) -> Self {
        move |error| SourceError::new(field, error.to_string())
    }
}

impl SourceSettings {
    /// Checks what is written.
    ///
    /// # Errors
    /// Names the field to change.
    pub fn lower(&self) -> Result<TopicSource, SourceError> {
        let topic = TopicTemplate::parse(&self.topic).map_err(SourceError::of("topic"))?;
        let stream = match &self.stream {
            Some(stream) => {
                NameTemplate::parse(stream, &topic).map_err(SourceError::of("stream"))?
            }
            None if topic.names().is_empty() => {
                let change = format!(
                    "the topic {} has no level in braces, so the stream needs a name: write {{name}} \
                     for the level that tells machines apart, or name the stream",
                    self.topic
                );
                return Err(SourceError::new("stream", change));
            }
            None => NameTemplate::all(&topic),
        };
        let channel = match (&self.channel, self.format) {
            (Some(channel), Format::Number) => {
                let channel = NameTemplate::parse(channel, &topic);
                Some(channel.map_err(SourceError::of("channel"))?)
            }
            (None, Format::Number) => {
                let change = "the format number needs it: which channel a topic is about, such as \
                              {channel} for the topic plant/{machine}/{channel}";
                return Err(SourceError::new("channel", change));
            }
            (Some(_), _) => {
                let change = "it is for the format number alone: leave it out";
                return Err(SourceError::new("channel", change));
            }
            (None, _) => None,
        };
        if self.stream_tag.is_some() && self.format != Format::Influx {
            let change = "it is for the format influx alone: leave it out";
            return Err(SourceError::new("stream_tag", change));
        }
        let reading = Reading {
            format: self.format,
            times: self.times()?,
            positions: self.positions.clone(),
        };
        reading.check().map_err(|change| SourceError::new("format", change))?;
        Ok(TopicSource { topic, stream, reading, channel, stream_tag: self.stream_tag.clone() })
    }

    fn times(&self) -> Result<Times, SourceError> {
        let unit = self.time_unit.as_deref().map(str::parse::<TimeFormat>).transpose();
        let unit = unit.map_err(|error| SourceError::new("time_unit", error.to_string()))?;
        match (&self.time, unit) {
            (Some(name), unit) => Ok(Times::named(name, unit)),
            (None, Some(unit)) if self.format == Format::Influx => Ok(Times::in_unit(unit)),
            (None, Some(_)) => {
                let change = "it needs `time`: the name with the time";
                Err(SourceError::new("time_unit", change))
            }
            (None, None) => Ok(Times::found()),
        }
    }
}

impl AsRef<TopicSource> for TopicSource {
    fn as_ref(&self) -> &TopicSource {
        self
    }
}

/// Finds the source of a topic.
#[derive(Debug, Default)]
pub struct Router {
    found: Vec<Range<usize>>,
    channel: String,
    name: String,
}

impl Router {
    /// The place of the source that a topic belongs to; its stream is [`Router::name`] then.
    pub fn source(&mut self, sources: &[impl AsRef<TopicSource>], topic: &str) -> Option<usize> {
        let place = sources
            .iter()
            .position(|source| source.as_ref().topic.matches(topic, &mut self.found))?;
        let source = sources[place].as_ref();
        source.stream.render(topic, &self.found, &mut self.name);
        self.channel.clear();
        if let Some(channel) = &source.channel {
            channel.render(topic, &self.found, &mut self.channel);
        }
        Some(place)
    }

    /// Whether a topic fits; the name that it gives is [`Router::name`] then.
    pub fn fits(&mut self, topic: &TopicTemplate, name: &NameTemplate, text: &str) -> bool {
        let fits = topic.matches(text, &mut self.found);
        if fits {
            name.render(text, &self.found, &mut self.name);
        }
        fits
    }

    /// The stream that was found last.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The channel that the topic is about, where its source says so.
    pub fn channel(&self) -> Option<&str> {
        (!self.channel.is_empty()).then_some(&*self.channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_cannot_be_names_its_field() {
        let field = |change: &dyn Fn(&mut SourceSettings)| {
            let topic = "plant/{line}/{machine}".to_owned();
            let mut settings = SourceSettings { topic, ..SourceSettings::default() };
            change(&mut settings);
            settings.lower().err().map(|error| error.field)
        };
        assert_eq!(field(&|_| {}), None);
        assert_eq!(field(&|it| it.topic = "a/#".to_owned()), Some("topic"));
        assert_eq!(field(&|it| it.topic = "a/+".to_owned()), Some("stream"));
        assert_eq!(field(&|it| it.stream = Some("{hall}".to_owned())), Some("stream"));
        assert_eq!(field(&|it| it.channel = Some("x".to_owned())), Some("channel"));
        assert_eq!(field(&|it| it.format = Format::Number), Some("channel"));
        assert_eq!(field(&|it| it.stream_tag = Some("x".to_owned())), Some("stream_tag"));
        assert_eq!(field(&|it| it.time_unit = Some("ms".to_owned())), Some("time_unit"));
        assert_eq!(field(&|it| it.time_unit = Some("h".to_owned())), Some("time_unit"));
        let positions = |it: &mut SourceSettings| {
            (it.format, it.positions) = (Format::SenmlJson, vec!["x".to_owned()]);
        };
        assert_eq!(field(&positions), Some("format"));
    }
}
