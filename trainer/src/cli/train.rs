//! `train`: from a dataset to a proved model.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Map, Value};

use super::evaluation_text;
use super::insight_text;
use super::machine_options::MachineArgs;
use super::report::{Report, short};
use super::window_options::{SelectionArgs, WindowArgs, share};
use super::{Context, Versioned, to_json};
use crate::store::task_name;
use crate::training::insight::Insight;
use crate::training::settings::{PipelineSettings, Settings};
use crate::training::{Trained, train};

/// Train a model on a dataset: replay the recordings as a device would see them, compute features,
/// fit, evaluate on data that was not learned from, build the .onnx file, prove it, store it.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Train {
    /// Name of the dataset, or NAME@VERSION.
    dataset: Versioned,
    /// The estimator; `cirame-trainer estimators` lists them.
    #[arg(long, short, value_name = "NAME")]
    estimator: String,
    /// A parameter of the estimator. Repeatable.
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Name of the model; otherwise DATASET-ESTIMATOR.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Decides everything that is drawn at random.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 53))]
    seed: u64,
    #[command(flatten)]
    windows: WindowArgs,
    /// Answer each row for itself, for slow process data: windows end at every row and are as long as
    /// the lags and differences among the features ask for.
    #[arg(
        long,
        help_heading = "Pipeline",
        conflicts_with_all = ["window_s", "window_samples", "stride_s", "stride_samples"]
    )]
    rows: bool,
    /// Features: `all` (level, spread, shape, change, order, spectrum, bands), families (these, and runs,
    /// cepstrum, pairs, velocity, envelope, bearing, band_energy, orders), names for all channels (rms), or
    /// names with their channel (accX.rms). lag_K is the value K samples earlier, difference_K the change
    /// since then; `all` of single rows is each channel's newest value.
    #[arg(
        long,
        help_heading = "Pipeline",
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "all"
    )]
    features: Vec<String>,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Share of an anomaly detector's training windows that is held back to set the alarm line.
    #[arg(long, help_heading = "Windows, labels and tests", value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    calibration_share: f64,
    /// Cross-validate: learn and test K times within the training windows, divided as the test is. Shows how
    /// much the figures hang on which recordings were learned from.
    #[arg(long, help_heading = "What to find out", value_name = "K", value_parser = clap::value_parser!(u32).range(2..=20))]
    folds: Option<u32>,
    /// What the model owes to each channel and feature: how far its figure falls on the test windows where
    /// their values are shuffled, N times each (5 where no number is given).
    #[arg(long, help_heading = "What to find out", value_name = "N", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u32).range(1..=100))]
    importance: Option<u32>,
}

const AFTER_HELP: &str = "\
Examples:
  Classify, with proposed windows, tested on a quarter of the recordings:
    cirame-trainer train pump --estimator random_forest_classifier --name pump
  Train on loads 0 to 2, test on load 3; windows of 1024 samples that do not overlap:
    cirame-trainer train bearings --estimator random_forest_classifier \\
        --window-samples 1024 --stride-samples 1024 --test tag:load=3
  Tell the faults of a 6205 on a shaft at 1797 rpm apart, by its own frequencies:
    cirame-trainer train bearings --estimator random_forest_classifier --window-samples 4096 \\
        --features bearing,velocity --shaft 1797rpm --bearing 9,7.94,39.04 --acceleration-unit g
  Predict a column from the other columns, row by row, tested on later years:
    cirame-trainer train turbine --estimator ridge --rate none --target TEY --without CO,NOX \\
        --test recording:gt_2014* --test recording:gt_2015*
  The same with what the inputs were 1 and 6 rows earlier, and how they have changed over 24:
    cirame-trainer train turbine --estimator gradient_boosting_regressor --rows --target TEY \\
        --without CO,NOX --features all,lag_1,lag_6,difference_24
  Watch for anomalies, learning from the first 400 rows:
    cirame-trainer train valve --estimator t2q --train-rows 0..400 --normal 0";

impl Train {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let settings = self.settings()?;
        let default_name = || format!("{}-{}", self.dataset.name, self.estimator);
        let name = self.name.clone().unwrap_or_else(default_name);
        let folder = context.open()?;
        let trained = train(context.work(&folder), settings, &name)?;
        Ok(Report { text: describe(&trained), json: to_json(&trained) })
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        Ok(Settings {
            dataset: self.dataset.name.clone(),
            dataset_version: self.dataset.number,
            estimator: self.estimator.clone(),
            parameters: parameters(&self.parameters)?,
            pipeline: PipelineSettings {
                rows: self.rows,
                machine: self.machine.machine(),
                ..self.windows.settings(self.features.clone())
            },
            selection: self.selection.selection(self.calibration_share)?,
            seed: self.seed,
            insight: Insight { folds: self.folds, importance_repeats: self.importance },
        })
    }
}

/// `NAME=VALUE` pairs; a value that is JSON is taken as such, other text as text.
fn parameters(given: &[String]) -> anyhow::Result<Map<String, Value>> {
    let mut parameters = Map::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            anyhow::bail!("--param {text:?} is not NAME=VALUE, such as n_estimators=200");
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if parameters.insert(name.to_owned(), value).is_some() {
            anyhow::bail!("--param {name} is given twice");
        }
    }
    Ok(parameters)
}

/// The report of a run for people.
pub(super) fn describe(trained: &Trained) -> String {
    let report = &trained.report;
    let mut text = String::new();
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    let windows = &report.windows;
    let _ = write!(text, "windows: ");
    if windows.train > 0 {
        let _ = write!(text, "{} to learn from, ", windows.train);
    }
    if windows.calibration > 0 {
        let _ = write!(text, "{} to set the alarm line by, ", windows.calibration);
    }
    let _ = write!(text, "{} to test on", windows.test);
    if windows.unused > 0 {
        let _ = write!(text, "; {} in neither part", windows.unused);
    }
    if windows.unlabelled > 0 {
        let _ = write!(text, "; {} without a label or value", windows.unlabelled);
    }
    if !report.pipeline.features.is_empty() {
        let _ = write!(text, "; {} features each", report.pipeline.features.len());
    }
    text.push_str("\n\n");
    if let Some(evaluation) = &report.evaluation {
        text.push_str(&evaluation_text::describe(evaluation));
    }
    if let Some(share) = report.alarm_share {
        let _ = writeln!(text, "alarms in {:.2} % of the test windows", 100.0 * share);
    }
    if let Some(found) = &report.cross_validation {
        text.push_str(&insight_text::cross_validation(found));
    }
    if let Some(found) = &report.importance {
        text.push_str(&insight_text::importance(found));
    }
    let _ = writeln!(text, "{}", evaluation_text::proof(&report.proof));
    let _ = writeln!(
        text,
        "model {} version {} ({}), artifact {} of {} bytes, run {}",
        trained.model.model,
        trained.model.number,
        task_name(report.task),
        short(report.artifact_sha256),
        report.artifact_bytes,
        trained.run_id
    );
    text
}
