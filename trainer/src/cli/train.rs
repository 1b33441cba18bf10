//! `train`: from a dataset to a proved model.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Map, Value};

use super::evaluation_text;
use super::report::{Report, short};
use super::{Context, Versioned, to_json};
use crate::store::task_name;
use crate::training::settings::{
    Extent, LabelRule, PipelineSettings, RateChoice, RowRange, Selection, Selector, Settings,
    SplitBy, TargetName, TargetRule, TestChoice,
};
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
    pipeline: PipelineArgs,
    #[command(flatten)]
    selection: SelectionArgs,
}

const AFTER_HELP: &str = "\
Examples:
  Classify, with proposed windows, tested on a quarter of the recordings:
    cirame-trainer train pump --estimator random_forest_classifier --name pump
  Train on loads 0 to 2, test on load 3; windows of 1024 samples that do not overlap:
    cirame-trainer train bearings --estimator random_forest_classifier \\
        --window-samples 1024 --stride-samples 1024 --test tag:load=3
  Predict a column from the other columns, row by row, tested on later years:
    cirame-trainer train turbine --estimator ridge --rate none --target TEY --without CO,NOX \\
        --test recording:gt_2014* --test recording:gt_2015*
  Watch for anomalies, learning from the first 400 rows:
    cirame-trainer train valve --estimator t2q --train-rows 0..400 --normal 0";

/// From samples to features.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pipeline")]
struct PipelineArgs {
    /// Input channels, in the order that the model takes them; otherwise all inputs that every
    /// recording has.
    #[arg(long, value_name = "CHANNEL,…", value_delimiter = ',')]
    channels: Vec<String>,
    /// Channels that shall not be inputs.
    #[arg(long, value_name = "CHANNEL,…", value_delimiter = ',')]
    without: Vec<String>,
    /// Samples per second of the pipeline; `none` if rows are cycles or irregular readings.
    /// Otherwise the recordings' own.
    #[arg(long, value_name = "HZ|none", default_value = "recorded", hide_default_value = true)]
    rate: RateChoice,
    /// Resample recordings whose rate is another one, instead of refusing them.
    #[arg(long)]
    resample: bool,
    /// Length of a window in seconds; proposed otherwise, with the reason.
    #[arg(long, value_name = "SECONDS", conflicts_with = "window_samples", value_parser = seconds)]
    window_s: Option<f64>,
    /// Length of a window in samples.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    window_samples: Option<u32>,
    /// From one window's start to the next, in seconds; half a window otherwise.
    #[arg(long, value_name = "SECONDS", conflicts_with = "stride_samples", value_parser = seconds)]
    stride_s: Option<f64>,
    /// From one window's start to the next, in samples.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    stride_samples: Option<u32>,
    /// Features: `all`, families (level, spread, shape, change, order, spectrum, bands), names for all
    /// channels (rms), or names with their channel (accX.rms).
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "all")]
    features: Vec<String>,
    /// Fill gaps of at most so many samples; longer ones end a segment.
    #[arg(long, value_name = "N", default_value_t = 0)]
    gap_max_samples: u32,
    /// What gaps are filled with.
    #[arg(long, value_name = "WITH", default_value = "none")]
    gap_fill: GapFill,
}

/// What gaps are filled with.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum GapFill {
    /// Nothing: every gap ends the segment.
    None,
    /// The last value before the gap.
    Hold,
    /// A straight line across the gap.
    Linear,
}

/// Which windows are for what, and what is true of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Windows, labels and tests")]
pub(super) struct SelectionArgs {
    /// What a regression predicts: a channel, or tag:NAME for one value per recording.
    #[arg(long, value_name = "CHANNEL|tag:NAME")]
    target: Option<TargetName>,
    /// How a target channel's values in a window become one.
    #[arg(long, value_name = "RULE", default_value = "last")]
    target_rule: TargetRule,
    /// How the labels in a window become its class.
    #[arg(long, value_name = "RULE", default_value = "majority")]
    label_rule: LabelRule,
    /// The class that is normal: what an anomaly detector learns from, and what it is tested by.
    #[arg(long, value_name = "CLASS")]
    normal: Option<String>,
    /// Only these recordings: tag:NAME=VALUE or recording:NAME, where * is any text. Repeatable.
    #[arg(long, value_name = "RECORDINGS")]
    only: Vec<Selector>,
    /// Learn from these rows of each recording alone, whatever their labels; what follows them is
    /// tested on.
    #[arg(long, value_name = "FROM..TO")]
    train_rows: Option<RowRange>,
    /// What to test on: a share such as 0.25, tag:NAME=VALUE, recording:NAME, or dataset:NAME.
    /// Selections are repeatable. Otherwise the dataset's own testing partition, or a quarter.
    #[arg(long, value_name = "WHAT")]
    test: Vec<TestArg>,
    /// How a share is drawn: by `recording`, by `tag:NAME` (all recordings of one value together),
    /// or by `time` (the last part of each recording, with a gap before it).
    #[arg(long, value_name = "BY")]
    split: Option<SplitBy>,
    /// Share of an anomaly detector's training windows that is held back to set the alarm line.
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    calibration_share: f64,
}

/// One `--test`.
#[derive(Clone, Debug)]
enum TestArg {
    Share(f64),
    Recordings(Selector),
    Dataset(Versioned),
}

impl std::str::FromStr for TestArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(dataset) = text.strip_prefix("dataset:") {
            return dataset.parse().map(TestArg::Dataset);
        }
        if text.parse::<f64>().is_ok() {
            return share(text).map(TestArg::Share);
        }
        text.parse().map(TestArg::Recordings).map_err(|_| {
            format!(
                "{text:?} is not understood: a share such as 0.25, tag:NAME=VALUE, recording:NAME \
                 or dataset:NAME is expected"
            )
        })
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.01..=0.99).contains(&share) => Ok(share),
        _ => Err(format!("{text:?} is no share: a number from 0.01 to 0.99 is expected")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds.is_finite() => Ok(seconds),
        _ => Err(format!("{text:?} is no length of time: a number of seconds above 0 is expected")),
    }
}

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
        use model_format::pipeline::{Fill, Gap};
        let pipeline = &self.pipeline;
        let extent = |seconds: Option<f64>, samples: Option<u32>| {
            seconds.map(Extent::Seconds).or(samples.map(Extent::Samples))
        };
        let fill = match pipeline.gap_fill {
            GapFill::None => Fill::None,
            GapFill::Hold => Fill::Hold,
            GapFill::Linear => Fill::Linear,
        };
        Ok(Settings {
            dataset: self.dataset.name.clone(),
            dataset_version: self.dataset.number,
            estimator: self.estimator.clone(),
            parameters: parameters(&self.parameters)?,
            pipeline: PipelineSettings {
                channels: pipeline.channels.clone(),
                without_channels: pipeline.without.clone(),
                rate: pipeline.rate,
                resample: pipeline.resample,
                gap: Gap { max_samples: pipeline.gap_max_samples, fill },
                window: extent(pipeline.window_s, pipeline.window_samples),
                stride: extent(pipeline.stride_s, pipeline.stride_samples),
                features: pipeline.features.clone(),
            },
            selection: self.selection.selection()?,
            seed: self.seed,
        })
    }
}

impl SelectionArgs {
    fn selection(&self) -> anyhow::Result<Selection> {
        Ok(Selection {
            label_rule: self.label_rule,
            target: self.target.clone(),
            target_rule: self.target_rule,
            normal: self.normal.clone(),
            only: self.only.clone(),
            train_rows: self.train_rows,
            test: test_choice(&self.test)?,
            split: self.split.clone(),
            calibration_share: self.calibration_share,
        })
    }
}

fn test_choice(given: &[TestArg]) -> anyhow::Result<Option<TestChoice>> {
    let selectors: Vec<Selector> = given
        .iter()
        .filter_map(|test| match test {
            TestArg::Recordings(selector) => Some(selector.clone()),
            _ => None,
        })
        .collect();
    match given {
        [] => Ok(None),
        [TestArg::Share(share)] => Ok(Some(TestChoice::Share(*share))),
        [TestArg::Dataset(other)] => {
            Ok(Some(TestChoice::Dataset(other.name.clone(), other.number)))
        }
        _ if selectors.len() == given.len() => Ok(Some(TestChoice::Recordings(selectors))),
        _ => anyhow::bail!(
            "--test takes one share, one dataset, or any number of tag: and recording: selections, \
             not a mixture"
        ),
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

fn describe(trained: &Trained) -> String {
    let report = &trained.report;
    let mut text = String::new();
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    let windows = &report.windows;
    let _ = write!(text, "windows: {} to learn from, ", windows.train);
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
    let _ = writeln!(text, "; {} features each\n", report.pipeline.features.len());
    if let Some(evaluation) = &report.evaluation {
        text.push_str(&evaluation_text::describe(evaluation));
    }
    if let Some(share) = report.alarm_share {
        let _ = writeln!(text, "alarms in {:.2} % of the test windows", 100.0 * share);
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
