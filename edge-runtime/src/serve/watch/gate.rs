//! Gates: while one is closed, windows say nothing about alarms, as the machine stands or starts.

use std::sync::Arc;

use model_format::pipeline::Pipeline;
use model_format::protocol::{NameTemplate, TopicTemplate};
use model_format::signal::features::FeaturePlan;
use model_format::signal::stream::WindowRef;

use super::Scope;

/// A gate, from the configuration.
#[derive(Debug)]
pub(crate) struct GateSpec {
    /// Its name, in results that it closes off.
    pub(crate) name: Arc<str>,
    pub(crate) scope: Scope,
    pub(crate) condition: Condition,
    /// After it opens, windows count that begin so much later.
    pub(crate) settle_ns: i64,
}

/// When a gate is open.
#[derive(Debug)]
pub(crate) enum Condition {
    /// A feature of the window, such as `speed.mean`, lies above a number, or below it.
    Feature { feature: String, than: f64, is_below: bool },
    /// A message on a topic says so.
    Topic(TopicCondition),
}

/// How a topic says that a gate is open.
#[derive(Debug)]
pub(crate) struct TopicCondition {
    pub(crate) topic: TopicTemplate,
    /// The stream, or a pattern of streams, that a topic is about.
    pub(crate) stream: NameTemplate,
    /// Where in a JSON object the state stands; the whole payload is the state otherwise.
    pub(crate) field: Option<String>,
    /// The states in which the gate is open.
    pub(crate) open: Vec<String>,
    /// Whether it is open before the first message.
    pub(crate) is_open_at_first: bool,
}

/// A gate of one stream and model.
pub(super) struct LiveGate {
    spec: Arc<GateSpec>,
    /// What computes the feature.
    feature: Option<FeaturePlan>,
    /// Start of the first window that met it open.
    open_since_ns: Option<i64>,
}

impl LiveGate {
    /// None where the model does not have the channel: then the gate says nothing about it.
    pub(super) fn new(spec: &Arc<GateSpec>, stream: &str, pipeline: &Pipeline) -> Option<Self> {
        let feature = match &spec.condition {
            Condition::Topic(_) => None,
            Condition::Feature { feature, .. } => {
                let pipeline = Pipeline { features: vec![feature.clone()], ..pipeline.clone() };
                match FeaturePlan::new(&pipeline) {
                    Ok(plan) => Some(plan),
                    Err(error) => {
                        let gate = &*spec.name;
                        tracing::warn!(gate, stream, %error, "a gate does not hold for a stream");
                        return None;
                    }
                }
            }
        };
        Some(LiveGate { spec: Arc::clone(spec), feature, open_since_ns: None })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.spec.name
    }

    /// Whether the window counts; `told` is what a topic has said of the stream.
    pub(super) fn lets_pass(&mut self, window: &WindowRef<'_>, told: Option<bool>) -> bool {
        let is_open = match (&self.spec.condition, &mut self.feature) {
            (Condition::Feature { than, is_below, .. }, Some(plan)) => {
                let mut value = [0.0];
                plan.compute(window.values, &mut value);
                let value = f64::from(value[0]);
                if *is_below { value < *than } else { value > *than }
            }
            (Condition::Feature { .. }, None) => true,
            (Condition::Topic(topic), _) => told.unwrap_or(topic.is_open_at_first),
        };
        if !is_open {
            self.open_since_ns = None;
            return false;
        }
        let since_ns = match self.open_since_ns {
            // A clock that was set back does not close the gate for as long.
            Some(since_ns) if since_ns <= window.start_ns => since_ns,
            _ => window.start_ns,
        };
        self.open_since_ns = Some(since_ns);
        window.start_ns.saturating_sub(since_ns) >= self.spec.settle_ns
    }
}

impl TopicCondition {
    /// What a payload says; none where it cannot be read.
    pub(crate) fn read(&self, payload: &[u8]) -> Option<bool> {
        let text = std::str::from_utf8(payload).ok()?;
        let Some(field) = &self.field else {
            return Some(self.open.iter().any(|state| state == text.trim()));
        };
        let document: serde_json::Value = serde_json::from_str(text).ok()?;
        let found = field.split('.').try_fold(&document, |value, name| value.get(name))?;
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        Some(self.open.contains(&found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_says_whether_the_gate_is_open() {
        let topic = TopicTemplate::parse("plant/{machine}/state").unwrap();
        let mut condition = TopicCondition {
            stream: NameTemplate::all(&topic),
            topic,
            field: None,
            open: vec!["running".to_owned(), "1".to_owned()],
            is_open_at_first: true,
        };
        for (payload, open) in [("running\n", true), ("1", true), ("standing", false), ("", false)]
        {
            assert_eq!(condition.read(payload.as_bytes()), Some(open), "{payload}");
        }
        assert_eq!(condition.read(b"\xff"), None);
        condition.field = Some("state.now".to_owned());
        assert_eq!(condition.read(br#"{"state":{"now":"running"}}"#), Some(true));
        assert_eq!(condition.read(br#"{"state":{"now":1}}"#), Some(true));
        assert_eq!(condition.read(br#"{"state":{"now":false}}"#), Some(false));
        assert_eq!(condition.read(br#"{"state":1}"#), None);
        assert_eq!(condition.read(b"running"), None);
    }
}
