//! `import`: files become recordings of a dataset.

use std::fmt::Write as _;

use clap::Args;

use super::report::{Report, TextTable};
use super::{Context, to_json};
use crate::importing::import;
use crate::ingest::{self, ImportArgs, Looking, RecordingReport};

/// Import tables (CSV, Parquet, XLSX), acquisitions (Edge Impulse, CiRA, SenML), WAV, and ZIP archives
/// of these into a dataset, as a new version of it. What a file is, its content says. Nothing
/// is guessed: a refusal names the option to add, with what was found. If one file is refused,
/// nothing is added; importing the same again changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  A folder of recordings in subfolders named by their class, times in a column:
    cirame-trainer import pump recordings/ --time t_ms --label-from folder
  Files without times at 12 kHz; label and load stand in the name (hp0_ball_007.csv):
    cirame-trainer import bearings data/ --rate-hz 12000 \\
        --label-from filename:hp{load}_{label}
  Cycles with a column to predict:
    cirame-trainer import turbine gt_2011.csv gt_2012.csv --rate none --label-from none \\
        --target-column TEY
  An Edge Impulse export, with its training and testing folders:
    cirame-trainer import motion export/")]
pub(super) struct Import {
    /// Name of the dataset; made where there is none.
    dataset: String,
    #[command(flatten)]
    files: ImportArgs,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let options = self.files.options()?;
        let folder = context.open()?;
        let scratch = folder.recordings_path();
        let looking = Looking { format: options.format, scratch: &scratch };
        let plan = ingest::plan(&self.files.paths, looking)?;
        let mut table = TextTable::new(&[
            "recording",
            "rows",
            "rate",
            "labels",
            "missing",
            "gaps",
            "duplicates",
            "backwards",
        ]);
        let mut notes = Vec::new();
        let mut each = |report: &RecordingReport| {
            table.row(row(report));
            let all = [&report.left_out, &report.notes, &report.advice].into_iter().flatten();
            notes.extend(all.map(|note| format!("{}: {note}", report.recording)));
        };
        let imported = import(context.work(&folder), &self.dataset, &plan, &options, &mut each)?;
        let mut text = table.render();
        for note in &notes {
            let _ = writeln!(text, "{note}");
        }
        for skipped in &imported.skipped {
            let _ = writeln!(text, "left out {}: {}", skipped.file, skipped.reason);
        }
        for refused in &imported.refused {
            let _ = writeln!(text, "refused {}: {}", refused.file, refused.reason);
        }
        if !imported.known.is_empty() {
            let _ = writeln!(text, "{} files were known and not read again", imported.known.len());
        }
        let _ = writeln!(
            text,
            "dataset {} version {}{}: {} recordings, digest {}",
            imported.dataset,
            imported.version,
            if imported.changed { "" } else { " (unchanged)" },
            imported.recordings,
            &imported.digest[..12]
        );
        Ok(Report { text, json: to_json(&imported) })
    }
}

fn row(report: &RecordingReport) -> Vec<String> {
    let timing = report.timing.as_ref();
    let of_times = |count: fn(&ingest::Timing) -> u64| {
        timing.map_or_else(|| "-".to_owned(), |timing| count(timing).to_string())
    };
    vec![
        report.recording.clone(),
        report.rows.to_string(),
        report.rate_hz.map_or_else(|| "none".to_owned(), |hz| format!("{hz:.6} Hz")),
        report.classes.join(", "),
        report.missing_values.to_string(),
        of_times(|timing| timing.gaps),
        of_times(|timing| timing.duplicates),
        of_times(|timing| timing.out_of_order),
    ]
}
