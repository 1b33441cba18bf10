//! `simulate`: labelled recordings of simulated machines, as files or as a dataset.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::Context;
use super::report::{Report, TextTable};
use crate::data_folder::write_atomically;
use crate::ingest::parquet;
use crate::recording::Recording;
use crate::simulated::{self, Machine};
use crate::store::OwnerId;

/// Simulate a machine: labelled recordings for a first tour and for tests, the same for the same
/// seed. They become a dataset (--into) or CSV files in a folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  A motor-driven pump with an accelerometer, straight into the dataset `pump`:
    cirame-trainer simulate vibration --into pump
  The plant's slow signals with the target `power`, an hour each, as CSV files:
    cirame-trainer simulate process --seconds 3600 --per-class 3 plant/
  Only two states, and imported like anybody's files:
    cirame-trainer simulate vibration --classes normal,bearing pump/
    cirame-trainer import pump pump/ --time t_ns --label-from column:label")]
pub(super) struct Simulate {
    /// What is simulated.
    machine: MachineArg,
    /// Folder for CSV files; made where there is none.
    #[arg(value_name = "FOLDER", required_unless_present = "into")]
    folder: Option<PathBuf>,
    /// Add the recordings to this dataset instead.
    #[arg(long, value_name = "DATASET", conflicts_with = "folder")]
    into: Option<String>,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 53))]
    seed: u64,
    /// Length of each recording, in seconds; 10 for vibration, 1800 for process otherwise.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Samples per second; 1000 for vibration, 1 for process otherwise.
    #[arg(long, value_name = "HZ")]
    rate_hz: Option<f64>,
    /// Recordings of each state or fault.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_class: u32,
    /// Only these states or faults; otherwise all.
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    classes: Vec<String>,
}

/// What is simulated.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum MachineArg {
    /// A motor-driven pump: three axes of vibration; states and faults.
    Vibration,
    /// The same plant's slow signals, with the power as a regression target; anomalies that begin
    /// in the middle.
    Process,
}

impl Simulate {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let machine = match self.machine {
            MachineArg::Vibration => Machine::Vibration,
            MachineArg::Process => Machine::Process,
        };
        let plan = simulated::Plan {
            machine,
            seed: self.seed,
            duration_s: self.seconds.unwrap_or(machine.default_duration_s()),
            rate_hz: self.rate_hz.unwrap_or(machine.default_rate_hz()),
            per_class: self.per_class,
            classes: self.classes.clone(),
        };
        let recordings = plan.recordings()?;
        context.progress.stage("simulate", recordings.len() as u64);
        match (&self.into, &self.folder) {
            (Some(dataset), _) => self.add_to_dataset(context, &recordings, dataset),
            (None, Some(folder)) => self.write_to_folder(context, &recordings, folder),
            (None, None) => anyhow::bail!("name a folder, or a dataset with --into"),
        }
    }

    fn add_to_dataset(
        &self,
        context: &Context,
        planned: &[simulated::Planned],
        dataset: &str,
    ) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let mut entries = Vec::with_capacity(planned.len());
        for planned in planned {
            let recording = planned.recording()?;
            parquet::write(&folder, &recording)?;
            entries.push(recording.entry());
            context.progress.step();
        }
        let version = folder.store().add_to_dataset(OwnerId::LOCAL, dataset, &entries)?;
        let text = format!(
            "{} recordings in dataset {dataset} version {}\nnext: cirame-trainer train {dataset} \
             --estimator {}\n",
            entries.len(),
            version.number,
            match self.machine {
                MachineArg::Vibration => "random_forest_classifier",
                MachineArg::Process => "random_forest_regressor --target power",
            }
        );
        let json = json!({
            "dataset": dataset,
            "version": version.number,
            "digest": version.digest,
            "recordings": entries.iter().map(|entry| &entry.info.name).collect::<Vec<_>>(),
        });
        Ok(Report { text, json })
    }

    fn write_to_folder(
        &self,
        context: &Context,
        planned: &[simulated::Planned],
        folder: &Path,
    ) -> anyhow::Result<Report> {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut table = TextTable::new(&["file", "rows", "label"]);
        let mut files = Vec::with_capacity(planned.len());
        let mut targets = String::new();
        for planned in planned {
            let recording = planned.recording()?;
            let path = folder.join(format!("{}.csv", recording.name));
            write_atomically(&path, csv(&recording).as_bytes())?;
            let label = recording.labels.last().map(|span| span.class.clone()).unwrap_or_default();
            let name = path.display().to_string();
            table.row(vec![name.clone(), recording.rows().to_string(), label.clone()]);
            files.push(json!({ "file": name, "rows": recording.rows(), "label": label }));
            targets = target_options(&recording);
            context.progress.step();
        }
        let text = format!(
            "{}next: cirame-trainer import NAME {} --time t_ns --label-from column:label{targets}\n",
            table.render(),
            folder.display()
        );
        Ok(Report { text, json: files.into() })
    }
}

fn target_options(recording: &Recording) -> String {
    let targets = recording.channels.iter().filter(|channel| !channel.is_input());
    targets.map(|channel| format!(" --target-column {}", channel.name)).collect()
}

/// The recording as CSV: time in nanoseconds, the channels, the label.
fn csv(recording: &Recording) -> String {
    let names: Vec<&str> = recording.channels.iter().map(|c| c.name.as_str()).collect();
    let mut text = format!("t_ns,{},label\n", names.join(","));
    let mut spans = recording.labels.iter().peekable();
    for (row, time_ns) in recording.time_ns.iter().enumerate() {
        let _ = write!(text, "{time_ns}");
        for channel in &recording.channels {
            let _ = write!(text, ",{}", channel.values[row]);
        }
        while spans.peek().is_some_and(|span| span.to_row <= row as u64) {
            spans.next();
        }
        let label = spans.peek().map_or("", |span| span.class.as_str());
        let _ = writeln!(text, ",{label}");
    }
    text
}
