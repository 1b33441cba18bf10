//! `import`: files become recordings of a dataset.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::report::{Report, TextTable, short};
use crate::data_folder::FolderError;
use crate::ingest::parquet::{self, ParquetError};
use crate::ingest::{self, ImportArgs, ImportError, ImportedRecording};
use crate::progress::Progress;
use crate::recording::{LabelSpan, Recording};
use crate::store::NewEntry;

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

/// Why an import ended.
#[derive(Debug, thiserror::Error)]
enum SinkError {
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Recording(#[from] ParquetError),
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let options = self.files.options()?;
        let plan = ingest::plan(&self.files.paths)?;
        let folder = context.open()?;
        let mut entries: Vec<NewEntry> = Vec::new();
        let mut table = TextTable::new(&["recording", "rows", "rate", "labels", "missing"]);
        let (mut recordings, mut notes) = (Vec::new(), Vec::new());
        let mut progress = Reading { progress: &context.progress };
        ingest::import::<SinkError>(&plan, &options, &mut progress, &mut |file| {
            for imported in file.recordings {
                let recording = &imported.recording;
                parquet::write(&folder, recording)?;
                entries.push(recording.entry());
                table.row(row(&imported));
                notes.extend(
                    imported.notes.iter().map(|note| format!("{}: {note}", recording.name)),
                );
                recordings.push(summary(&imported));
            }
            Ok(())
        })?;
        let before = folder.store().dataset_version(&self.dataset, None).ok();
        let version = folder.store().add_to_dataset(&self.dataset, &entries)?;
        let changed = before.is_none_or(|before| before.number != version.number);
        let mut text = table.render();
        for note in &notes {
            let _ = writeln!(text, "{note}");
        }
        for skipped in &plan.skipped {
            let _ = writeln!(text, "left out {}: {}", skipped.path.display(), skipped.reason);
        }
        let _ = writeln!(
            text,
            "dataset {} version {}{}: {} recordings, digest {}",
            self.dataset,
            version.number,
            if changed { "" } else { " (unchanged)" },
            version.entries.len(),
            short(version.digest)
        );
        let skipped = plan.skipped.iter().map(|skipped| {
            json!({ "file": skipped.path.display().to_string(), "reason": skipped.reason })
        });
        let json = json!({
            "dataset": self.dataset,
            "version": version.number,
            "digest": version.digest,
            "changed": changed,
            "imported": recordings,
            "skipped": skipped.collect::<Vec<_>>(),
        });
        Ok(Report { text, json })
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

fn classes(recording: &Recording) -> Vec<&str> {
    let mut classes: Vec<&str> =
        recording.labels.iter().map(|LabelSpan { class, .. }| class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

fn summary(imported: &ImportedRecording) -> Value {
    let recording = &imported.recording;
    json!({
        "recording": recording.name,
        "rows": recording.rows(),
        "rate_hz": recording.rate_hz,
        "channels": recording.channels.iter().map(|c| &c.name).collect::<Vec<_>>(),
        "classes": classes(recording),
        "tags": recording.tags,
        "missing_values": imported.missing_values,
        "timing": imported.timing,
        "notes": imported.notes,
    })
}

/// Shows how far the reading of files is.
struct Reading<'a> {
    progress: &'a Progress,
}

impl ingest::Progress for Reading<'_> {
    fn file(&mut self, _: &Path, done_bytes: u64, total_bytes: u64) {
        if done_bytes == 0 {
            self.progress.stage("import", total_bytes);
        }
        self.progress.set(done_bytes);
    }

    fn bytes(&mut self, done_bytes: u64, _: u64) {
        self.progress.set(done_bytes);
    }
}
