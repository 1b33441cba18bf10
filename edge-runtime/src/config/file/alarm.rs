//! `[[alarm]]`: which number of a model is watched, and when it raises an alarm.

use anyhow::{bail, ensure};
use model_format::decide::AlarmRule;
use serde::Deserialize;

use super::seconds_ms;
use crate::serve::{AlarmSpec, Scope, Severity, Watched};

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// One alarm as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlarmTable {
    name: String,
    /// A pattern; all otherwise.
    streams: Option<String>,
    models: Option<Vec<String>>,
    /// Which number.
    watch: WatchName,
    /// The class whose probability it is, for `watch = "probability"`.
    class: Option<String>,
    /// The alarm is raised at this number and above; the score's line is 1.0.
    above: Option<f64>,
    /// The alarm is raised at this number and below.
    below: Option<f64>,
    /// The alarm is cleared beyond this number.
    clear: Option<f64>,
    #[serde(default)]
    severity: Severity,
    #[serde(default = "three")]
    raise_windows: u32,
    #[serde(default = "three")]
    clear_windows: u32,
    #[serde(default)]
    raise_after_s: f64,
    #[serde(default)]
    clear_after_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WatchName {
    Score,
    Value,
    Probability,
}

fn three() -> u32 {
    3
}

/// The alarm of every anomaly model, where the file names none.
pub(super) fn usual() -> AlarmSpec {
    AlarmSpec {
        name: "anomaly".to_owned(),
        scope: Scope::default(),
        watched: Watched::Score,
        is_below: false,
        severity: Severity::Warning,
        rule: AlarmRule::default(),
    }
}

impl AlarmTable {
    pub(super) fn lower(&self) -> anyhow::Result<AlarmSpec> {
        ensure!(
            !self.name.is_empty() && self.name.len() <= NAME_BYTES_MAX,
            "a name of 1 to {NAME_BYTES_MAX} bytes is expected"
        );
        let watched = match (self.watch, &self.class) {
            (WatchName::Score, None) => Watched::Score,
            (WatchName::Value, None) => Watched::Value,
            (WatchName::Probability, Some(class)) => Watched::Class(class.clone()),
            (WatchName::Probability, None) => {
                bail!("`watch = \"probability\"` needs `class`: of which class?")
            }
            (_, Some(_)) => bail!("`class` is for `watch = \"probability\"` alone: leave it out"),
        };
        let (line, is_below) = match (self.above, self.below) {
            (Some(above), None) => (above, false),
            (None, Some(below)) => (below, true),
            (None, None) if self.watch == WatchName::Score => (1.0, false),
            (None, None) => bail!("say from which number on: `above = …` or `below = …`"),
            (Some(_), Some(_)) => {
                bail!("give `above` or `below`, not both: two alarms watch two lines")
            }
        };
        let clear = match (self.clear, is_below) {
            (Some(clear), _) => clear,
            // A tenth of the line between raise and clear keeps an alarm from fluttering.
            (None, false) => line - line.abs() / 10.0,
            (None, true) => line + line.abs() / 10.0,
        };
        ensure!(
            if is_below { clear >= line } else { clear <= line },
            "the alarm is raised at {line} and cleared at {clear}, where it is raised as well: \
             `clear` lies on the other side of the line"
        );
        let signed = |number: f64| if is_below { -number } else { number };
        let rule = AlarmRule {
            raise_score: signed(line),
            clear_score: signed(clear),
            raise_windows: self.raise_windows,
            clear_windows: self.clear_windows,
            raise_duration_ms: seconds_ms("raise_after_s", self.raise_after_s)?,
            clear_duration_ms: seconds_ms("clear_after_s", self.clear_after_s)?,
        };
        rule.check()?;
        let scope = Scope { streams: self.streams.clone(), models: self.models.clone() };
        let severity = self.severity;
        Ok(AlarmSpec { name: self.name.clone(), scope, watched, is_below, severity, rule })
    }
}
