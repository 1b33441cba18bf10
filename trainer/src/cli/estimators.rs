//! `estimators`: the catalogue of estimators with their parameters.

use std::fmt::Write as _;

use clap::Args;
use learn::catalogue::{CATALOGUE, Entry};
use model_format::nearest::did_you_mean;

use super::report::Report;
use super::to_json;
use crate::catalogue::EstimatorInfo;
use crate::store::task_name;

/// The catalogue of estimators: what each one does, and its parameters with bounds and defaults.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer estimators
  cirame-trainer estimators regression
  cirame-trainer estimators ridge --json")]
pub(super) struct Estimators {
    /// Only the estimators whose name or task contains this.
    filter: Option<String>,
}

impl Estimators {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        let matches = |entry: &&&Entry| {
            self.filter.as_ref().is_none_or(|filter| {
                entry.name.contains(filter.as_str()) || task_name(entry.task).contains(filter)
            })
        };
        let entries: Vec<&Entry> = CATALOGUE.iter().filter(matches).copied().collect();
        if entries.is_empty() {
            let filter = self.filter.as_deref().unwrap_or_default();
            let hint = did_you_mean(filter, CATALOGUE.iter().map(|entry| entry.name));
            anyhow::bail!("no estimator or task is called {filter:?}{hint}");
        }
        let json = entries.iter().map(|entry| to_json(&EstimatorInfo::from(*entry)));
        Ok(Report { text: text(&entries), json: json.collect() })
    }
}

fn text(entries: &[&Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{}: {} ({})", entry.name, entry.title, task_name(entry.task));
        let _ = writeln!(text, "    {}", entry.doc);
        for parameter in entry.parameters {
            let _ = writeln!(
                text,
                "  {} = {}   ({})",
                parameter.name,
                parameter.default.json(),
                parameter.accepts_text()
            );
            let _ = writeln!(text, "      {}", parameter.doc);
        }
        text.push('\n');
    }
    text
}
