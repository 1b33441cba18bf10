//! `[[gate]]`: when windows say nothing about alarms.

use anyhow::{Context as _, bail, ensure};
use model_format::protocol::{NameTemplate, TopicTemplate};
use serde::Deserialize;

use super::seconds_ns;
use crate::serve::{Condition, GateSpec, Scope, TopicCondition};

/// One gate as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GateTable {
    name: Option<String>,
    /// A pattern; all otherwise.
    streams: Option<String>,
    models: Option<Vec<String>>,
    /// A channel of the model: its mean over the window counts.
    channel: Option<String>,
    /// A feature, such as `acc.x.rms`.
    feature: Option<String>,
    /// Open where channel or feature lie above this, or below.
    above: Option<f64>,
    below: Option<f64>,
    /// A topic that says so.
    topic: Option<String>,
    /// The stream that the topic is about.
    stream: Option<String>,
    /// Where in a JSON payload the state stands.
    field: Option<String>,
    /// The states in which the gate is open.
    open: Option<Vec<String>>,
    /// Whether it is open before the topic has said anything.
    #[serde(default = "yes")]
    open_at_first: bool,
    /// After it opens, windows count that begin so much later.
    #[serde(default)]
    settle_s: f64,
}

fn yes() -> bool {
    true
}

impl GateTable {
    /// `index` is its place among the gates.
    pub(super) fn lower(&self, index: usize) -> anyhow::Result<GateSpec> {
        let name = self.name.clone().unwrap_or_else(|| format!("gate {}", index + 1));
        let condition = match (&self.channel, &self.feature, &self.topic) {
            (Some(channel), None, None) => self.feature_condition(format!("{channel}.mean"))?,
            (None, Some(feature), None) => self.feature_condition(feature.clone())?,
            (None, None, Some(topic)) => self.topic_condition(topic)?,
            _ => bail!("give one of `channel`, `feature` and `topic`"),
        };
        Ok(GateSpec {
            name: name.into(),
            scope: Scope { streams: self.streams.clone(), models: self.models.clone() },
            condition,
            settle_ns: seconds_ns("settle_s", self.settle_s)?,
        })
    }

    fn feature_condition(&self, feature: String) -> anyhow::Result<Condition> {
        ensure!(
            self.stream.is_none() && self.field.is_none() && self.open.is_none(),
            "`stream`, `field` and `open` are for gates by topic: leave them out"
        );
        let (than, is_below) = match (self.above, self.below) {
            (Some(above), None) => (above, false),
            (None, Some(below)) => (below, true),
            _ => bail!("say when it is open: `above = …` or `below = …`"),
        };
        ensure!(than.is_finite(), "{than} is no number to compare with");
        Ok(Condition::Feature { feature, than, is_below })
    }

    fn topic_condition(&self, topic: &str) -> anyhow::Result<Condition> {
        ensure!(
            self.above.is_none() && self.below.is_none(),
            "`above` and `below` are for gates by channel or feature: leave them out"
        );
        let Some(open) = self.open.clone().filter(|open| !open.is_empty()) else {
            bail!("say in which states it is open, such as `open = [\"running\"]`");
        };
        let topic = TopicTemplate::parse(topic).context("topic")?;
        let stream = match &self.stream {
            Some(stream) => NameTemplate::parse(stream, &topic).context("stream")?,
            None if topic.names().is_empty() => {
                bail!("the topic has no level in braces: name the stream with `stream = \"…\"`")
            }
            None => NameTemplate::all(&topic),
        };
        let (field, is_open_at_first) = (self.field.clone(), self.open_at_first);
        Ok(Condition::Topic(TopicCondition { topic, stream, field, open, is_open_at_first }))
    }
}
