//! The options by which recordings become windows and windows get their truth: the same for every command
//! that needs a dataset.

use clap::Args;
use model_format::pipeline::machine::Machine;
use model_format::pipeline::{Fill, Gap};

use super::Versioned;
use crate::training::settings::{
    Extent, LabelRule, PipelineSettings, RateChoice, RowRange, Selection, Selector, SplitBy,
    TargetName, TargetRule, TestChoice,
};

/// From samples to windows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pipeline")]
pub(super) struct WindowArgs {
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
    pub(super) window_s: Option<f64>,
    /// Length of a window in samples.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) window_samples: Option<u32>,
    /// From one window's start to the next, in seconds; half a window otherwise.
    #[arg(long, value_name = "SECONDS", conflicts_with = "stride_samples", value_parser = seconds)]
    stride_s: Option<f64>,
    /// From one window's start to the next, in samples.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    stride_samples: Option<u32>,
    /// Fill gaps of at most so many samples; longer ones end a segment.
    #[arg(long, value_name = "N", default_value_t = 0)]
    gap_max_samples: u32,
    /// What gaps are filled with.
    #[arg(long, value_name = "WITH", default_value = "none")]
    gap_fill: GapFill,
    /// Without a rate: rows further apart than this begin a new segment, which no window and no lag
    /// reaches across.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    gap_s: Option<f64>,
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
    /// How the labels in a window become its class: `majority`, `all`, `first`, `last`, or
    /// `threshold:SHARE`, such as threshold:0.2 for the class of the most rows, of at least 20 %.
    /// Otherwise majority, and last where each row is answered for itself.
    #[arg(long, value_name = "RULE")]
    label_rule: Option<LabelRule>,
    /// The label set; the recordings' own labels otherwise.
    #[arg(long, value_name = "NAME")]
    label_set: Option<String>,
    /// The class that rows without a label have; otherwise they have none.
    #[arg(long, value_name = "CLASS")]
    unlabelled: Option<String>,
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

pub(super) fn share(text: &str) -> Result<f64, String> {
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

impl WindowArgs {
    /// The settings that these options ask for.
    pub(super) fn settings(&self, features: Vec<String>) -> PipelineSettings {
        let extent = |seconds: Option<f64>, samples: Option<u32>| {
            seconds.map(Extent::Seconds).or(samples.map(Extent::Samples))
        };
        let fill = match self.gap_fill {
            GapFill::None => Fill::None,
            GapFill::Hold => Fill::Hold,
            GapFill::Linear => Fill::Linear,
        };
        PipelineSettings {
            channels: self.channels.clone(),
            without_channels: self.without.clone(),
            rate: self.rate,
            resample: self.resample,
            gap: Gap {
                max_samples: self.gap_max_samples,
                fill,
                interval_max_ms: self.gap_s.map(|seconds| (seconds * 1e3).ceil() as u64),
            },
            rows: false,
            window: extent(self.window_s, self.window_samples),
            stride: extent(self.stride_s, self.stride_samples),
            features,
            machine: Machine::default(),
        }
    }
}

impl SelectionArgs {
    /// The selection that these options ask for.
    pub(super) fn selection(&self, calibration_share: f64) -> anyhow::Result<Selection> {
        Ok(Selection {
            label_rule: self.label_rule,
            label_set: self.label_set.clone(),
            unlabelled: self.unlabelled.clone(),
            target: self.target.clone(),
            target_rule: self.target_rule,
            normal: self.normal.clone(),
            only: self.only.clone(),
            train_rows: self.train_rows,
            test: test_choice(&self.test)?,
            split: self.split.clone(),
            calibration_share,
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
