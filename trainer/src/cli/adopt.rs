//! `adopt`: a model of another program becomes one of the registry.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use model_format::artifact::FILE_BYTES_MAX;
use model_format::manifest::{InputReading, Task};
use serde_json::Map;

use super::report::Report;
use super::train::describe;
use super::window_options::{SelectionArgs, WindowArgs};
use super::{Context, Versioned, to_json};
use crate::training::adopt::{AdoptOptions, Adoption, adopt};
use crate::training::insight::Insight;
use crate::training::settings::Settings;

/// Take in a model that another program made: an ONNX file with one float input, the raw window, and
/// float outputs. The windows of a dataset are answered by ONNX Runtime; its answers are measured and
/// go into the model as golden windows. From then on it is a model like any other: proved, evaluated,
/// exported, deployed.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Adopt {
    /// The ONNX file.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// The dataset that it is judged on: NAME, or NAME@VERSION.
    #[arg(long, value_name = "DATASET")]
    dataset: Versioned,
    /// Name of the model.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it answers; otherwise that follows from its output and from --target or --normal.
    #[arg(long, value_name = "TASK")]
    task: Option<TaskArg>,
    /// The classes in the order of the output, where the file does not carry them. For an output of one
    /// number, the probability of the second of two classes: `--classes other,that`.
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    classes: Vec<String>,
    /// The output has logits, not probabilities: a softmax is added, or a sigmoid where it has one number
    /// for two classes.
    #[arg(long)]
    logits: bool,
    /// The output that answers, where the file has several of floats.
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// How the input takes a window of W samples and C channels, where its shape does not tell:
    /// time_major [N, W, C], channels_first [N, C, W], plane_time_major [N, 1, W, C],
    /// plane_channels_first [N, 1, C, W], flat_time_major [N, W*C], flat_channels_first [N, C*W] or row
    /// [N, C].
    #[arg(long, value_name = "READING")]
    input: Option<InputReading>,
    /// Share of normal windows that may lie above an anomaly detector's alarm line; 0.01 otherwise.
    #[arg(long, value_name = "SHARE", value_parser = rate)]
    false_alarm_rate: Option<f64>,
    /// An anomaly detector's score is lower for what is more unusual, as scikit-learn has it.
    #[arg(long)]
    lower_is_unusual: bool,
    /// Decides which windows a share to test on has.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 53))]
    seed: u64,
    #[command(flatten)]
    windows: WindowArgs,
    #[command(flatten)]
    selection: SelectionArgs,
}

const AFTER_HELP: &str = "\
Examples:
  A pipeline of scikit-learn that skl2onnx exported; the window follows from the input's shape, the
  classes stand in the file:
    cirame-trainer adopt forest.onnx --dataset pump --name pump-forest
  A convolutional network with logits for an output, measured on the load that it never saw:
    cirame-trainer adopt cnn.onnx --dataset pump --name pump-cnn --logits \\
        --classes cavitation,imbalance,normal --test tag:load=60
  An isolation forest of scikit-learn; normal windows set the alarm line:
    cirame-trainer adopt isolation.onnx --dataset pump --name pump-watch --normal normal --lower-is-unusual";

/// What a model answers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TaskArg {
    /// Which class.
    Classification,
    /// How much.
    Regression,
    /// How unusual.
    Anomaly,
}

impl From<TaskArg> for Task {
    fn from(task: TaskArg) -> Task {
        match task {
            TaskArg::Classification => Task::Classification,
            TaskArg::Regression => Task::Regression,
            TaskArg::Anomaly => Task::Anomaly,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (1e-6..=0.5).contains(&rate) => Ok(rate),
        _ => Err(format!("{text:?} is no rate: a number from 0.000001 to 0.5 is expected")),
    }
}

impl Adopt {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let adoption = self.adoption()?;
        let folder = context.open()?;
        let adopted = adopt(context.work(&folder), adoption, &self.name)?;
        Ok(Report { text: describe(&adopted), json: to_json(&adopted) })
    }

    fn adoption(&self) -> anyhow::Result<Adoption> {
        let name = self.file.display();
        let unreadable = || format!("{name} cannot be read");
        let bytes = std::fs::metadata(&self.file).with_context(unreadable)?.len();
        ensure!(
            bytes <= FILE_BYTES_MAX as u64,
            "{name} has {bytes} bytes; at most {FILE_BYTES_MAX} are accepted: quantise or prune the \
             model"
        );
        Ok(Adoption {
            file: std::fs::read(&self.file).with_context(unreadable)?,
            options: AdoptOptions {
                task: self.task.map(Task::from),
                classes: self.classes.clone(),
                output: self.output.clone(),
                input: self.input,
                logits: self.logits,
                lower_is_unusual: self.lower_is_unusual,
                false_alarm_rate: self.false_alarm_rate,
            },
            settings: Settings {
                dataset: self.dataset.name.clone(),
                dataset_version: self.dataset.number,
                estimator: String::new(),
                parameters: Map::new(),
                pipeline: self.windows.settings(Vec::new()),
                selection: self.selection.selection(1.0)?,
                seed: self.seed,
                insight: Insight::default(),
            },
        })
    }
}
