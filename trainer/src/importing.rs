//! An import: files become recordings of a dataset, all of them or none.

pub mod preview;
pub mod sent;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::data_folder::{FolderError, digest};
use crate::ingest::parquet::ParquetError;
use crate::ingest::{
    self, Destination, ImportError, ImportOptions, ImportedFile, ImportedRecording, Plan,
    PlannedFile, RecordingReport,
};
use crate::progress::{Cancelled, Progress};
use crate::store::{NewEntry, Source, StoreError};
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
    /// What was imported, and what was found in it.
    pub imported: Vec<RecordingReport>,
    /// Files that were left out, with the reason.
    pub skipped: Vec<Skipped>,
    /// Files that were refused, where `skip_refused` lets the others in.
    pub refused: Vec<Skipped>,
    /// Files that had come in before with the same options, and were not read again.
    pub known: Vec<String>,
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
    Import(ImportError),
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
    /// The dataset has the same content already, and that was to be refused.
    #[error("the dataset {dataset:?} has the same content already, as {name:?}")]
    Known {
        /// Name of the recording.
        name: String,
        /// Name of the dataset.
        dataset: String,
    },
}

impl From<ImportError> for ImportingError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Keep(error) => ImportingError::Recording(error),
            ImportError::Cancelled(error) => ImportingError::Cancelled(error),
            refused => ImportingError::Import(refused),
        }
    }
}

/// Imports files into a dataset, as a new version of it; `each` sees every recording. If one file
/// is refused, nothing is added, unless the options say that refused ones are left out. A file comes
/// in as a whole or not at all; what was read before an import ended early is not read again, and
/// importing the same again changes nothing.
///
/// # Errors
/// At the first file that cannot be imported, with what was found and the option to add.
pub fn import(
    work: Work<'_>,
    dataset: &str,
    plan: &Plan,
    options: &ImportOptions,
    each: &mut dyn FnMut(&RecordingReport),
) -> Result<Imported, ImportingError> {
    let store = work.folder.store();
    let mut reading = Reading { progress: work.progress };
    let mut keeping = Keeping {
        work,
        dataset,
        options,
        each,
        sources: HashMap::new(),
        entries: Vec::new(),
        imported: Vec::new(),
        refused: Vec::new(),
        known: Vec::new(),
    };
    let destination = Destination::Folder(work.folder);
    ingest::import::<ImportingError>(plan, options, destination, &mut reading, &mut keeping)?;
    let Keeping { entries, imported, refused, known, .. } = keeping;
    let before = store.dataset_version(work.owner, dataset, None).ok();
    let version = store.add_to_dataset(work.owner, dataset, &entries)?;
    let skipped = |file: &ingest::SkippedFile| Skipped {
        file: file.path.display().to_string(),
        reason: file.reason.clone(),
    };
    Ok(Imported {
        dataset: dataset.to_owned(),
        version: version.number,
        digest: version.digest.to_string(),
        changed: before.is_none_or(|before| before.number != version.number),
        recordings: version.entries.len() as u64,
        imported,
        skipped: plan.skipped.iter().map(skipped).collect(),
        refused,
        known,
    })
}

/// Keeps what comes of files, one after the other.
struct Keeping<'a> {
    work: Work<'a>,
    dataset: &'a str,
    options: &'a ImportOptions,
    each: &'a mut dyn FnMut(&RecordingReport),
    /// The files that are being read, by name.
    sources: HashMap<String, Source>,
    entries: Vec<NewEntry>,
    imported: Vec<RecordingReport>,
    refused: Vec<Skipped>,
    known: Vec<String>,
}

/// What is noted of a recording of a file.
#[derive(Serialize, Deserialize)]
struct Noted {
    entry: NewEntry,
    report: RecordingReport,
}

impl ingest::Sink<ImportingError> for Keeping<'_> {
    fn known(&mut self, file: &PlannedFile) -> Result<Option<ImportedFile>, ImportingError> {
        let Work { folder, owner, progress, .. } = self.work;
        progress.check()?;
        let read = File::open(&file.path).and_then(|mut file| digest(&mut file));
        let bytes = read.map_err(|source| ImportError::Io { path: file.path.clone(), source })?;
        let source = Source {
            dataset: self.dataset.to_owned(),
            name: file.name.clone(),
            bytes,
            settings: match file.settings_digest(self.options) {
                Ok(settings) => settings,
                // The reading says the same.
                Err(_) => return Ok(None),
            },
        };
        let noted = folder.store().imported_file(owner, &source)?;
        let noted: Option<Vec<Noted>> = noted.and_then(|text| serde_json::from_str(&text).ok());
        self.sources.insert(file.name.clone(), source);
        let is_there = |noted: &Noted| folder.recording_path(noted.entry.info.content).exists();
        let Some(noted) = noted.filter(|noted| noted.iter().all(is_there)) else { return Ok(None) };
        self.known.push(file.name.clone());
        let recording =
            |Noted { entry, report }| ImportedRecording { entry, report, samples: None };
        let recordings = noted.into_iter().map(recording).collect();
        Ok(Some(ImportedFile { path: file.path.clone(), recordings }))
    }

    fn take(&mut self, file: &PlannedFile, imported: ImportedFile) -> Result<(), ImportingError> {
        let Work { folder, owner, .. } = self.work;
        let noted: Vec<Noted> = imported
            .recordings
            .into_iter()
            .map(|ImportedRecording { entry, report, .. }| Noted { entry, report })
            .collect();
        if let Some(source) = self.sources.remove(&file.name) {
            let text = serde_json::to_string(&noted).expect("plain data has a JSON form");
            folder.store().note_imported_file(owner, &source, &text)?;
        }
        for Noted { entry, report } in noted {
            (self.each)(&report);
            self.entries.push(entry);
            self.imported.push(report);
        }
        Ok(())
    }

    fn refused(&mut self, file: &PlannedFile, error: ImportError) -> Result<(), ImportingError> {
        if !self.options.skip_refused {
            return Err(error.into());
        }
        self.refused.push(Skipped { file: file.name.clone(), reason: error.to_string() });
        Ok(())
    }
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

    fn bytes(&mut self, done_bytes: u64, _: u64) -> Result<(), Cancelled> {
        self.progress.set(done_bytes);
        self.progress.check()
    }
}
