//! What operators and the plant tell the device: acknowledgements, mutes, gates by topic; and what
//! of it must survive a restart.

use std::collections::HashMap;

use model_format::payload::time::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::watch::Severity;

/// Most gate states that are kept; a state beyond is not taken.
const GATE_STATES_MAX: usize = 20_000;
/// Most mutes.
const MUTES_MAX: usize = 1000;
/// Longest mute.
const MUTE_HOURS_MAX: f64 = 24.0 * 31.0;
/// Longest name of an operator, in characters.
const BY_CHARS_MAX: usize = 200;

/// A command, as it comes by MQTT or HTTP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Command {
    /// Somebody has seen the raised alarms of a stream, or one of them.
    Acknowledge {
        stream: String,
        #[serde(default)]
        alarm: Option<String>,
        #[serde(default)]
        by: String,
    },
    /// No alarms of a stream, or of all, for some hours.
    Mute {
        #[serde(default)]
        stream: Option<String>,
        hours: f64,
        #[serde(default)]
        by: String,
    },
    /// The end of a mute.
    Unmute {
        #[serde(default)]
        stream: Option<String>,
    },
}

/// Why a command was not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error(
        "{0}; a command is {{\"command\":\"acknowledge\",\"stream\":…}}, \
         {{\"command\":\"mute\",\"hours\":…}} or {{\"command\":\"unmute\"}}"
    )]
    Form(#[from] serde_json::Error),
    #[error("mute for {0} hours: give more than 0 and at most {MUTE_HOURS_MAX}")]
    Hours(f64),
    #[error("{MUTES_MAX} streams are muted already: mute all, by leaving `stream` out")]
    TooManyMutes,
    #[error("no such alarm of {stream:?} is raised that nobody has acknowledged")]
    NoAlarm { stream: String },
}

impl Command {
    pub(super) fn read(payload: &[u8]) -> Result<Command, CommandError> {
        let mut command: Command = serde_json::from_slice(payload)?;
        if let Command::Acknowledge { by, .. } | Command::Mute { by, .. } = &mut command {
            *by = by.chars().filter(|c| !c.is_control()).take(BY_CHARS_MAX).collect();
        }
        Ok(command)
    }
}

/// An alarm that is raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RaisedAlarm {
    pub(super) stream: String,
    pub(super) model: String,
    pub(super) alarm: String,
    pub(super) severity: Severity,
    pub(super) since_ns: i64,
    /// The worst number so far.
    pub(super) peak: f64,
    pub(super) is_acknowledged: bool,
    /// True where its times count from 1970.
    pub(super) is_absolute: bool,
}

impl RaisedAlarm {
    /// As others are shown it.
    pub(super) fn shown(&self) -> Value {
        let since = match self.is_absolute {
            true => Value::from(rfc3339(self.since_ns)),
            false => Value::from(self.since_ns as f64 / 1e9),
        };
        json!({
            "stream": self.stream,
            "model": self.model,
            "alarm": self.alarm,
            "severity": self.severity,
            "since": since,
            "peak": self.peak,
            "acknowledged": self.is_acknowledged,
        })
    }
}

/// No alarms of one stream, or of all, until a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mute {
    /// None for all.
    pub(super) stream: Option<String>,
    pub(super) until_ns: i64,
    pub(super) by: String,
}

impl Mute {
    /// As others are shown it.
    pub(super) fn shown(&self) -> Value {
        json!({ "stream": self.stream, "until": rfc3339(self.until_ns), "by": self.by })
    }
}

/// What survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    #[serde(default)]
    pub(super) raised: Vec<RaisedAlarm>,
    #[serde(default)]
    pub(super) mutes: Vec<Mute>,
}

/// All that operators and the plant have told, and what it is about.
#[derive(Debug, Default)]
pub(super) struct Operator {
    pub(super) remembered: Remembered,
    pub(super) mutes: Mutes,
    pub(super) gate_states: GateStates,
    /// True once something has changed that must survive a restart.
    pub(super) is_changed: bool,
}

impl Operator {
    pub(super) fn new(book: Book) -> Self {
        let (remembered, mutes) = (Remembered(book.raised), Mutes(book.mutes));
        Operator { remembered, mutes, ..Operator::default() }
    }
}

/// Raised alarms of an earlier life whose streams have not come yet.
#[derive(Debug, Default)]
pub(super) struct Remembered(Vec<RaisedAlarm>);

impl Remembered {
    pub(super) fn new(raised: Vec<RaisedAlarm>) -> Self {
        Remembered(raised)
    }

    pub(super) fn take(&mut self, stream: &str, model: &str, alarm: &str) -> Option<RaisedAlarm> {
        let is_it = |raised: &RaisedAlarm| {
            raised.stream == stream && raised.model == model && raised.alarm == alarm
        };
        let place = self.0.iter().position(is_it)?;
        Some(self.0.swap_remove(place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RaisedAlarm> {
        self.0.iter()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = RaisedAlarm> {
        self.0.drain(..)
    }
}

/// The mutes.
#[derive(Debug, Default)]
pub(super) struct Mutes(Vec<Mute>);

impl Mutes {
    pub(super) fn holds(&self, stream: &str, now_ns: i64) -> bool {
        self.0.iter().any(|mute| {
            mute.until_ns > now_ns && mute.stream.as_deref().is_none_or(|muted| muted == stream)
        })
    }

    pub(super) fn add(
        &mut self,
        stream: Option<String>,
        hours: f64,
        by: String,
        now_ns: i64,
    ) -> Result<(), CommandError> {
        if !(hours > 0.0 && hours <= MUTE_HOURS_MAX) {
            return Err(CommandError::Hours(hours));
        }
        self.forget_past(now_ns);
        self.remove(stream.as_deref());
        if self.0.len() >= MUTES_MAX {
            return Err(CommandError::TooManyMutes);
        }
        let until_ns = now_ns.saturating_add((hours * 3600e9) as i64);
        self.0.push(Mute { stream, until_ns, by });
        Ok(())
    }

    pub(super) fn remove(&mut self, stream: Option<&str>) {
        self.0.retain(|mute| mute.stream.as_deref() != stream);
    }

    /// True where one has ended.
    pub(super) fn forget_past(&mut self, now_ns: i64) -> bool {
        let before = self.0.len();
        self.0.retain(|mute| mute.until_ns > now_ns);
        self.0.len() < before
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Mute> {
        self.0.iter()
    }
}

/// What topics have said of gates, by the gate's place in the plan and the stream.
#[derive(Debug, Default)]
pub(super) struct GateStates(HashMap<usize, HashMap<String, bool>>);

impl GateStates {
    pub(super) fn is_open(&self, gate: usize, stream: &str) -> Option<bool> {
        self.0.get(&gate)?.get(stream).copied()
    }

    /// False where there are too many.
    pub(super) fn set(&mut self, gate: usize, stream: &str, is_open: bool) -> bool {
        let states: usize = self.0.values().map(HashMap::len).sum();
        let of_gate = self.0.entry(gate).or_default();
        match of_gate.get_mut(stream) {
            Some(state) => *state = is_open,
            None if states >= GATE_STATES_MAX => return false,
            None => drop(of_gate.insert(stream.to_owned(), is_open)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_strictly() {
        let read = |text: &str| Command::read(text.as_bytes());
        assert_eq!(
            read(r#"{"command":"acknowledge","stream":"p","by":"Ann\u0007"}"#).unwrap(),
            Command::Acknowledge { stream: "p".to_owned(), alarm: None, by: "Ann".to_owned() }
        );
        assert_eq!(read(r#"{"command":"unmute"}"#).unwrap(), Command::Unmute { stream: None });
        for text in [
            "",
            "{}",
            r#"{"command":"mute"}"#,
            r#"{"command":"reboot"}"#,
            r#"{"command":"mute","hours":1,"hour":1}"#,
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains("acknowledge"), "{message}");
        }
    }

    #[test]
    fn a_mute_ends_by_itself_or_by_command() {
        let mut mutes = Mutes::default();
        for hours in [0.0, -1.0, f64::NAN, 1e9] {
            assert!(mutes.add(None, hours, String::new(), 0).is_err());
        }
        mutes.add(Some("p".to_owned()), 1.0, String::new(), 0).unwrap();
        assert!(mutes.holds("p", 3_599_999_999_999) && !mutes.holds("p", 3_600_000_000_000));
        assert!(!mutes.holds("q", 0));
        mutes.add(None, 1.0, String::new(), 0).unwrap();
        assert!(mutes.holds("q", 0));
        mutes.remove(None);
        assert!(!mutes.holds("q", 0) && mutes.holds("p", 0));
        assert!(mutes.forget_past(3_600_000_000_000));
        assert_eq!(mutes.iter().count(), 0);
    }
}
