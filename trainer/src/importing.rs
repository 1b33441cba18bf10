//! An import: files become recordings of a dataset, all of them or none.

pub mod preview;

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::data_folder::FolderError;
use crate::ingest::parquet::{self, ParquetError};
use crate::ingest::{self, ImportError, ImportOptions, ImportedRecording, Plan};
use crate::progress::{Cancelled, Progress};
use crate::recording::{LabelSpan, Recording};
use crate::store::{NewEntry, StoreError};
use crate::training::Work;

/// What an import made of a dataset.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// Name of the dataset.
    pub dataset: String,
    /// Number of its newest version.
    pub version: u32,
    /// Digest of that version.
    pub digest: String,
    /// False where everything was there already.
    pub changed: bool,
    /// Recordings that the version lists.
    pub recordings: u64,
    /// What was imported: name, rows, rate, channels, classes, tags, missing values, timing, notes.
    #[schema(value_type = Vec<Object>)]
    pub imported: Vec<Value>,
    /// Files that were left out, with the reason.
    pub skipped: Vec<Skipped>,
}

/// A file that was left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportingError {
    /// A file was refused.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A recording could not be written.
    #[error(transparent)]
    Recording(#[from] ParquetError),
    /// The data folder refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A user ended it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Imports files into a dataset, as a new version of it; `each` sees every recording. If one file
/// is refused, nothing is added; importing the same again changes nothing.
///
/// # Errors
/// At the first file that cannot be imported, with what was found and the option to add.
pub fn import(
    work: Work<'_>,
    dataset: &str,
    plan: &Plan,
    options: &ImportOptions,
    each: &mut dyn FnMut(&ImportedRecording),
) -> Result<Imported, ImportingError> {
    let store = work.folder.store();
    let mut entries: Vec<NewEntry> = Vec::new();
    let mut imported = Vec::new();
    let mut reading = Reading { progress: work.progress };
    ingest::import::<ImportingError>(plan, options, &mut reading, &mut |file| {
        work.progress.check()?;
        for recording in &file.recordings {
            parquet::write(work.folder, &recording.recording)?;
            entries.push(recording.recording.entry());
            imported.push(summary(recording));
            each(recording);
        }
        Ok(())
    })?;
    let before = store.dataset_version(work.owner, dataset, None).ok();
    let version = store.add_to_dataset(work.owner, dataset, &entries)?;
    let skipped = |file: &ingest::SkippedFile| Skipped {
        file: file.path.display().to_string(),
        reason: file.reason.to_owned(),
    };
    Ok(Imported {
        dataset: dataset.to_owned(),
        version: version.number,
        digest: version.digest.to_string(),
        changed: before.is_none_or(|before| before.number != version.number),
        recordings: version.entries.len() as u64,
        imported,
        skipped: plan.skipped.iter().map(skipped).collect(),
    })
}

/// The classes of a recording, sorted.
pub fn classes(recording: &Recording) -> Vec<&str> {
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
