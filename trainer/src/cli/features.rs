//! `features`: the catalogue of features with their definitions.

use std::fmt::Write as _;

use clap::Args;
use model_format::nearest::did_you_mean;
use model_format::signal::features::{CATALOGUE, Feature, LOOKING_BACK};

use super::report::Report;
use super::to_json;
use crate::catalogue::{FeatureInfo, FeatureParameter};

/// The catalogue of features: definition, unit, source, and what each one needs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer features
  cirame-trainer features spectrum
  cirame-trainer features velocity_rms
  cirame-trainer features kurtosis --json")]
pub(super) struct Features {
    /// Only the features whose name or family contains this.
    filter: Option<String>,
}

impl Features {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        let matches = |feature: &&&Feature| {
            self.filter.as_ref().is_none_or(|filter| {
                feature.name.contains(filter.as_str()) || feature.family.name() == filter
            })
        };
        let known = || CATALOGUE.iter().chain(LOOKING_BACK);
        let features: Vec<&Feature> = known().filter(matches).copied().collect();
        if features.is_empty() {
            let filter = self.filter.as_deref().unwrap_or_default();
            let hint = did_you_mean(filter, known().map(|feature| feature.name));
            anyhow::bail!("no feature or family is called {filter:?}{hint}");
        }
        let json = features.iter().map(|feature| to_json(&FeatureInfo::from(*feature)));
        Ok(Report { text: text(&features), json: json.collect() })
    }
}

fn text(features: &[&Feature]) -> String {
    let mut text = String::new();
    let mut family = None;
    for feature in features {
        if family != Some(feature.family) {
            family = Some(feature.family);
            let asked = if feature.family.is_in_all() { "" } else { " (not in `all`: name it)" };
            let _ = writeln!(text, "{}{asked}", feature.family.name());
        }
        let needs = match (feature.needs.rate(), feature.window_min_samples) {
            _ if feature.name.ends_with('K') => ", needs K + 1 samples".to_owned(),
            (false, 0 | 1) => String::new(),
            (false, samples) => format!(", needs {samples} samples"),
            (true, samples) => format!(", needs a rate and {samples} samples"),
        };
        let unit = feature.unit.describe("the channel's unit");
        let _ = writeln!(text, "  {} [{unit}{needs}]", feature.name);
        let _ = writeln!(text, "      {}", feature.doc);
        let parameters = FeatureInfo::from(*feature).parameters;
        if !parameters.is_empty() {
            let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
            let _ = writeln!(text, "      Reads of the machine: {}.", names.join(", "));
        }
        if features.len() <= 3 {
            let _ =
                writeln!(text, "      Source: {}. Version {}.", feature.source, feature.version);
            let _ = writeln!(text, "      Range: {}.", feature.range.describe());
            for FeatureParameter { name, doc, accepts } in parameters {
                let _ = writeln!(text, "      {name}: {doc} Takes {accepts}.");
            }
        }
    }
    text
}
