//! `import`: files become recordings of a dataset.

use std::fmt::Write as _;

use clap::Args;

use super::report::{Report, TextTable};
use super::{Context, to_json};
use crate::importing::{classes, import};
use crate::ingest::{self, ImportArgs, ImportedRecording};

/// Import CSV files and Edge Impulse acquisitions into a dataset, as a new version of it. Nothing
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
        let plan = ingest::plan(&self.files.paths)?;
        let folder = context.open()?;
        let mut table = TextTable::new(&["recording", "rows", "rate", "labels", "missing"]);
        let mut notes = Vec::new();
        let mut each = |imported: &ImportedRecording| {
            table.row(row(imported));
            let name = &imported.recording.name;
            notes.extend(imported.notes.iter().map(|note| format!("{name}: {note}")));
        };
        let imported = import(context.work(&folder), &self.dataset, &plan, &options, &mut each)?;
        let mut text = table.render();
        for note in &notes {
            let _ = writeln!(text, "{note}");
        }
        for skipped in &imported.skipped {
            let _ = writeln!(text, "left out {}: {}", skipped.file, skipped.reason);
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

fn row(imported: &ImportedRecording) -> Vec<String> {
    let recording = &imported.recording;
    vec![
        recording.name.clone(),
        recording.rows().to_string(),
        recording.rate_hz.map_or_else(|| "none".to_owned(), |hz| format!("{hz:.6} Hz")),
        classes(recording).join(", "),
        imported.missing_values.to_string(),
    ]
}
