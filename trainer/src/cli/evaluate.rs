//! `evaluate`: a stored model's answers on a dataset, measured.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use engine::EngineKind;

use super::report::Report;
use super::{Context, Versioned, evaluation_text, to_json};
use crate::evaluation::{Answered, Question, evaluate};
use crate::store::OwnerId;
use crate::training::settings::{RowRange, Selector};

/// Let a stored model answer every window of a dataset, and measure the answers. The recordings are
/// replayed and answered window by window, as on a device.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer evaluate pump pump --only tag:partition=testing
  cirame-trainer evaluate pump@2 new-recordings --results answers.csv
  cirame-trainer evaluate pump pump --engine tract --json")]
pub(super) struct Evaluate {
    /// Name of the model, or NAME@VERSION.
    model: Versioned,
    /// Name of the dataset, or NAME@VERSION.
    dataset: Versioned,
    /// Only these recordings: tag:NAME=VALUE or recording:NAME, where * is any text. Repeatable.
    #[arg(long, value_name = "RECORDINGS")]
    only: Vec<Selector>,
    /// Only windows that lie within these rows of each recording.
    #[arg(long, value_name = "FROM..TO")]
    rows: Option<RowRange>,
    /// What executes the model: native, tract or ort. Otherwise native, or ort for an adopted model.
    #[arg(long, value_name = "ENGINE")]
    engine: Option<EngineKind>,
    /// Write one line per window: id, rows, answer, truth.
    #[arg(long, value_name = "FILE.csv")]
    results: Option<PathBuf>,
}

impl Evaluate {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let model =
            folder.store().model_version(OwnerId::LOCAL, &self.model.name, self.model.number)?;
        let dataset = folder.store().dataset_version(
            OwnerId::LOCAL,
            &self.dataset.name,
            self.dataset.number,
        )?;
        let question = Question { only: self.only.clone(), rows: self.rows, engine: self.engine };
        let answered = evaluate(context.work(&folder), &model, &dataset, &question)?;
        if let Some(path) = &self.results {
            answered.write_results(path)?;
        }
        Ok(Report { text: self.describe(&answered), json: to_json(&answered) })
    }

    fn describe(&self, answered: &Answered) -> String {
        let mut text = format!(
            "model {}@{} on dataset {}@{}, engine {}: {} windows, {} of them with a truth\n\n",
            answered.model,
            answered.model_version,
            answered.dataset,
            answered.dataset_version,
            answered.engine,
            answered.windows,
            answered.measured
        );
        if let Some(evaluation) = &answered.evaluation {
            text.push_str(&evaluation_text::describe(evaluation));
        }
        if answered.learned_from_dataset {
            text.push_str(
                "note: the model was trained on recordings of this dataset; only those that it was \
                 tested on (--only) give honest figures\n",
            );
        }
        if let Some(share) = answered.alarm_share {
            let _ = writeln!(text, "alarms in {:.2} % of the windows", 100.0 * share);
        }
        if let Some(path) = &self.results {
            let _ = writeln!(text, "results: {}", path.display());
        }
        text
    }
}
