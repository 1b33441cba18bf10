//! `repair`: recordings are joined and repaired, as new recordings.

use std::fmt::Write as _;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value};

use super::report::{Report, short};
use super::{Context, Versioned, to_json};
use crate::repair::{RepairInput, Step, repair};
use crate::training::settings::Selector;

/// Fields of steps that are text, whatever it looks like.
const TEXT_FIELDS: [&str; 5] = ["channel", "name", "from", "to", "method"];

/// Join and repair recordings of a dataset, step by step. The recordings stay as they are: what is made
/// of them are new ones, which know what they were made of (`cirame-trainer replay` makes them again).
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Repair {
    /// Name of the dataset, or NAME@VERSION.
    dataset: Versioned,
    /// Name of the dataset that gets what is made; made where there is none.
    #[arg(long, value_name = "DATASET")]
    into: String,
    /// Only these recordings, in this order: tag:NAME=VALUE or recording:NAME, where * is any text.
    /// Repeatable. The first one is the clock of a join.
    #[arg(long = "recordings", value_name = "RECORDINGS")]
    recordings: Vec<Selector>,
    /// A step: its name and fields, as `resample rate_hz=100 method=mean`, or as JSON. Repeatable;
    /// carried out in this order.
    #[arg(long = "step", value_name = "STEP", required = true)]
    steps: Vec<String>,
    /// Name of what is made; {name} is that of the recording that went in.
    #[arg(long, value_name = "NAME", default_value = "{name}")]
    name: String,
}

const AFTER_HELP: &str = "\
Steps, each of one recording:
  select channels=A,B                      some channels, in this order
  rename channel=A name=B
  convert channel=A to=m/s2 [from=g]       another unit
  resample rate_hz=100 method=linear|mean|previous [gap_max_ms=50]
                                           linear to a lower rate is filtered first
  fill method=linear|previous gap_max_rows=5 [channels=A,B]
                                           runs of missing values up to that long
  cut from_row=100 to_row=900              or from_s=, to_s=, seconds from the first row
Steps that make one recording of all:
  join tolerance_ms=5 [accept_few_rows=true] [name_by_recording=true] [same_start=true]
                                           on the times of the first recording
  concatenate [pause_s=10]                 one after the other
Examples:
  Everything at 100 Hz, without short holes:
    cirame-trainer repair pump --into pump-100hz --step 'fill method=linear gap_max_rows=3' \\
        --step 'resample rate_hz=100 method=linear'
  A slow temperature beside a fast vibration:
    cirame-trainer repair press --into press-joined --recordings recording:vibration.csv \\
        --recordings recording:temperature.csv --step 'join tolerance_ms=500' --name press_01
  The first minute alone, in the same dataset:
    cirame-trainer repair pump --into pump --name '{name}-start' --step 'cut to_s=60'";

impl Repair {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let steps = self.steps.iter().map(|text| step(text)).collect::<anyhow::Result<_>>()?;
        let input = RepairInput {
            dataset: self.dataset.name.clone(),
            dataset_version: self.dataset.number,
            recordings: self.recordings.clone(),
            steps,
            into: self.into.clone(),
            name: self.name.clone(),
        };
        let folder = context.open()?;
        let repaired = repair(context.work(&folder), &input)?;
        let mut text = String::new();
        for note in &repaired.notes {
            let _ = writeln!(text, "{note}");
        }
        let _ = writeln!(
            text,
            "{} recordings made: dataset {} version {}{}, digest {}",
            repaired.recordings.len(),
            repaired.dataset,
            repaired.version,
            if repaired.changed { "" } else { " (unchanged)" },
            short(repaired.digest)
        );
        Ok(Report { text, json: to_json(&repaired) })
    }
}

/// A step from its short form or its JSON.
fn step(text: &str) -> anyhow::Result<Step> {
    let refused = || format!("--step {text:?} (`cirame-trainer repair --help` lists the steps)");
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).with_context(refused);
    }
    let mut words = text.split_whitespace();
    let mut fields = Map::new();
    fields.insert("step".to_owned(), words.next().unwrap_or_default().into());
    for word in words {
        let Some((field, value)) = word.split_once('=') else {
            anyhow::bail!("{}: {word:?} is not FIELD=VALUE", refused());
        };
        let value = match field {
            "channels" => value.split(',').map(Value::from).collect(),
            field if TEXT_FIELDS.contains(&field) => Value::from(value),
            _ => serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
        };
        if fields.insert(field.to_owned(), value).is_some() {
            anyhow::bail!("{}: {field} is given twice", refused());
        }
    }
    serde_json::from_value(fields.into()).with_context(refused)
}
