//! Alarms of one stream and model: which number is watched, and what happens to them.

use std::sync::Arc;

use model_format::decide::{Alarm, AlarmRule, Change};
use model_format::id::event_id;
use model_format::manifest::{Manifest, Task};
use model_format::payload::time::rfc3339;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::answer::Field;
use crate::serve::operator::RaisedAlarm;

/// An alarm, from the configuration.
#[derive(Debug, PartialEq)]
pub(crate) struct AlarmSpec {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) watched: Watched,
    /// True where small numbers are bad: the rule is for the number with its sign changed.
    pub(crate) is_below: bool,
    pub(crate) severity: Severity,
    pub(crate) rule: AlarmRule,
}

/// Which of a model's numbers is watched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Watched {
    /// The score of an anomaly model.
    Score,
    /// The value of a regression.
    Value,
    /// The probability of a class.
    Class(String),
}

impl Watched {
    /// Its place among the numbers of a model; none where the model has no such number.
    pub(super) fn output(&self, manifest: &Manifest) -> Option<usize> {
        match (self, manifest.task) {
            (Watched::Score, Task::Anomaly) | (Watched::Value, Task::Regression) => Some(0),
            (Watched::Class(class), Task::Classification) => {
                manifest.classes.iter().position(|known| known == class)
            }
            _ => None,
        }
    }
}

/// How much an alarm matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Info,
    #[default]
    Warning,
    Critical,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// Something that happened to an alarm.
#[derive(Clone, Debug)]
pub(in crate::serve) struct AlarmEvent {
    spec: Arc<AlarmSpec>,
    kind: EventKind,
    since_ns: i64,
    at_ns: i64,
    /// The worst number so far.
    peak: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum EventKind {
    Raise,
    /// Why, where no window has done it.
    Clear(Option<&'static str>),
    /// By whom.
    Acknowledge(String),
}

/// An alarm of one stream and model.
pub(super) struct LiveAlarm {
    spec: Arc<AlarmSpec>,
    /// Which of the model's numbers is watched.
    output: usize,
    alarm: Alarm,
    is_acknowledged: bool,
}

impl LiveAlarm {
    /// `before` is what an earlier life of the program has left.
    pub(super) fn new(spec: &Arc<AlarmSpec>, output: usize, before: Option<RaisedAlarm>) -> Self {
        let rule = spec.rule.clone();
        let alarm = match &before {
            Some(before) => Alarm::raised(rule, before.since_ns, spec.signed(before.peak)),
            None => Alarm::new(rule),
        };
        let alarm = alarm.expect("the rule was checked when the configuration was read");
        let is_acknowledged = before.is_some_and(|before| before.is_acknowledged);
        LiveAlarm { spec: Arc::clone(spec), output, alarm, is_acknowledged }
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    pub(super) fn interrupt(&mut self) {
        self.alarm.interrupt();
    }

    pub(super) fn window(&mut self, end_ns: i64, floats: &[f32]) -> Option<AlarmEvent> {
        let found = floats.get(self.output).copied().unwrap_or(f32::NAN);
        let change = self.alarm.window(end_ns, self.spec.signed(f64::from(found)))?;
        let (kind, since_ns, at_ns, peak_score) = match change {
            Change::Raise { since_ns, at_ns, peak_score } => {
                (EventKind::Raise, since_ns, at_ns, peak_score)
            }
            Change::Clear { since_ns, at_ns, peak_score } => {
                (EventKind::Clear(None), since_ns, at_ns, peak_score)
            }
        };
        self.is_acknowledged = false;
        let (spec, peak) = (Arc::clone(&self.spec), self.spec.signed(peak_score));
        Some(AlarmEvent { spec, kind, since_ns, at_ns, peak })
    }

    /// Somebody has seen it; none where it is not raised, or was seen already.
    pub(super) fn acknowledge(&mut self, by: &str, at_ns: i64) -> Option<AlarmEvent> {
        if self.is_acknowledged {
            return None;
        }
        let event = self.event(EventKind::Acknowledge(by.to_owned()), at_ns)?;
        self.is_acknowledged = true;
        Some(event)
    }

    /// What it is about is no longer there; none where it is not raised.
    pub(super) fn withdraw(&mut self, reason: &'static str, at_ns: i64) -> Option<AlarmEvent> {
        let event = self.event(EventKind::Clear(Some(reason)), at_ns)?;
        let rule = self.spec.rule.clone();
        self.alarm =
            Alarm::new(rule).expect("the rule was checked when the configuration was read");
        self.is_acknowledged = false;
        Some(event)
    }

    fn event(&self, kind: EventKind, at_ns: i64) -> Option<AlarmEvent> {
        let since_ns = self.alarm.raised_since_ns()?;
        let peak = self.spec.signed(self.alarm.peak_score());
        Some(AlarmEvent { spec: Arc::clone(&self.spec), kind, since_ns, at_ns, peak })
    }

    /// How it is, where it is raised.
    pub(super) fn raised(
        &self,
        stream: &str,
        model: &str,
        is_absolute: bool,
    ) -> Option<RaisedAlarm> {
        Some(RaisedAlarm {
            stream: stream.to_owned(),
            model: model.to_owned(),
            alarm: self.spec.name.clone(),
            severity: self.spec.severity,
            since_ns: self.alarm.raised_since_ns()?,
            peak: self.spec.signed(self.alarm.peak_score()),
            is_acknowledged: self.is_acknowledged,
            is_absolute,
        })
    }
}

impl AlarmSpec {
    /// Changes the sign where small numbers are bad.
    fn signed(&self, number: f64) -> f64 {
        if self.is_below { -number } else { number }
    }

    fn watched(&self) -> String {
        match &self.watched {
            Watched::Score => "the score".to_owned(),
            Watched::Value => "the value".to_owned(),
            Watched::Class(class) => format!("the probability of {class}"),
        }
    }
}

/// Whose alarm it is.
#[derive(Clone, Copy)]
pub(in crate::serve) struct Owner<'a> {
    pub(in crate::serve) device: &'a str,
    pub(in crate::serve) stream: &'a str,
    pub(in crate::serve) model: &'a str,
    pub(in crate::serve) version: Option<u32>,
    pub(in crate::serve) artifact_sha256: &'a str,
    /// True where times count from 1970.
    pub(in crate::serve) is_absolute: bool,
}

impl AlarmEvent {
    /// As one JSON object.
    pub(in crate::serve) fn json(&self, owner: &Owner<'_>) -> String {
        let Owner { device, stream, model, is_absolute, .. } = *owner;
        let about = (stream, model, self.spec.name.as_str());
        let kind = self.kind.name();
        let id = event_id(device, about, self.since_ns, (kind, self.at_ns)).to_string();
        let alarm_id = event_id(device, about, self.since_ns, ("alarm", 0)).to_string();
        let text = self.text(stream, is_absolute);
        let [since, at] = if is_absolute { ["since", "at"] } else { ["since_s", "at_s"] };
        let mut fields = vec![
            ("id", Field::Text(&id)),
            ("alarm_id", Field::Text(&alarm_id)),
            ("event", Field::Text(kind)),
            ("alarm", Field::Text(&self.spec.name)),
            ("severity", Field::Text(self.spec.severity.name())),
            ("stream", Field::Text(stream)),
            (since, Field::Time(self.since_ns)),
            (at, Field::Time(self.at_ns)),
            ("peak", Field::Float(self.peak as f32)),
            ("raise_at", Field::Float(self.spec.signed(self.spec.rule.raise_score) as f32)),
            ("model", Field::Text(model)),
            ("version", owner.version.map_or(Field::Null, |version| Field::Whole(version.into()))),
            ("artifact_sha256", Field::Text(owner.artifact_sha256)),
        ];
        match &self.kind {
            EventKind::Acknowledge(by) => fields.push(("by", Field::Text(by))),
            EventKind::Clear(Some(reason)) => fields.push(("reason", Field::Text(reason))),
            EventKind::Clear(None) | EventKind::Raise => {}
        }
        fields.push(("text", Field::Text(&text)));
        let mut json = String::new();
        crate::answer::write_json(&fields, is_absolute, &mut json);
        json
    }

    /// True where the set of raised alarms is another one after it.
    pub(in crate::serve) fn is_raise(&self) -> bool {
        self.kind == EventKind::Raise
    }

    /// A sentence for people.
    fn text(&self, stream: &str, is_absolute: bool) -> String {
        let AlarmSpec { name, is_below, rule, .. } = &*self.spec;
        let (watched, peak) = (self.spec.watched(), self.peak as f32);
        let time = |time_ns: i64| match is_absolute {
            true => rfc3339(time_ns),
            false => format!("second {}", time_ns as f64 / 1e9),
        };
        let (since, at) = (time(self.since_ns), time(self.at_ns));
        let reach = if *is_below { "down to" } else { "up to" };
        match &self.kind {
            EventKind::Raise => {
                let side = if *is_below { "at or below" } else { "at or above" };
                let line = self.spec.signed(rule.raise_score) as f32;
                format!(
                    "{stream}: {name}: {watched} has been {side} {line} since {since}, {reach} {peak}"
                )
            }
            EventKind::Clear(None) => {
                format!(
                    "{stream}: {name} is over: from {since} to {at}, {watched} went {reach} {peak}"
                )
            }
            EventKind::Clear(Some(reason)) => {
                format!("{stream}: {name} is over without its condition having ended: {reason}")
            }
            EventKind::Acknowledge(by) => {
                let by = if by.is_empty() { "somebody" } else { by };
                format!("{stream}: {name}, raised since {since}, was acknowledged by {by}")
            }
        }
    }
}

impl EventKind {
    fn name(&self) -> &'static str {
        match self {
            EventKind::Raise => "raise",
            EventKind::Clear(_) => "clear",
            EventKind::Acknowledge(_) => "acknowledge",
        }
    }
}
