//! Ingest: how files become recordings, and how recordings are kept. The only polars of the trainer.

mod acquired;
pub(crate) mod blocks;
pub mod evidence;
mod files;
mod format;
mod info_labels;
mod intake;
mod labels;
mod names;
mod options;
pub mod parquet;
mod pattern;
mod report;
mod settings;
mod table;
mod timing;

use std::path::PathBuf;

use model_format::id::Digest;
use model_format::payload::csv::CsvError;
use model_format::payload::edge_impulse::EdgeImpulseError;

use crate::data_folder::DataFolder;
use crate::progress::Cancelled;
use crate::recording::Recording;
use crate::store::NewEntry;

pub use files::{Looking, Plan, PlannedFile, SkippedFile, look, plan};
pub use format::{FileFormat, UnknownFileFormat};
pub(crate) use intake::{Intake, Whole};
pub use options::{
    Encoding, ImportArgs, ImportOptions, LabelFrom, NameValue, OptionError, RateOption, TimeOption,
};
use parquet::ParquetError;
pub use pattern::{Pattern, PatternError};
pub use report::{ChannelReport, ClassReport, RecordingReport};
pub use settings::{ImportSettings, SettingsError, in_words_of_settings};
pub use timing::{Gap, IntervalCount, Timing};

/// Told how an import goes on.
pub trait Progress {
    /// A file begins; `done` of `total` bytes of all files are read.
    fn file(&mut self, path: &std::path::Path, done_bytes: u64, total_bytes: u64);

    /// Within a file.
    ///
    /// # Errors
    /// If somebody wishes that the import ends.
    fn bytes(&mut self, done_bytes: u64, total_bytes: u64) -> Result<(), Cancelled>;
}

/// Where the rows of recordings go.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// They stay in memory.
    Memory,
    /// Into files of the data folder, group by group.
    Folder(&'a DataFolder),
}

/// How a file is read.
pub(crate) struct Reading<'a> {
    destination: Destination<'a>,
    /// Rows to read at most; none for all.
    rows_max: Option<u64>,
    progress: &'a mut dyn FnMut(u64) -> Result<(), Cancelled>,
}

/// What came of one file. A file is imported as a whole or not at all.
#[derive(Debug)]
pub struct ImportedFile {
    /// The file.
    pub path: PathBuf,
    /// Its recordings; several where it holds several, or a column tells them apart.
    pub recordings: Vec<ImportedRecording>,
}

/// One recording with what should be known about it.
#[derive(Debug)]
pub struct ImportedRecording {
    /// What a dataset lists.
    pub entry: NewEntry,
    /// What was found in it.
    pub report: RecordingReport,
    /// The recording; none where its rows went into a file.
    pub samples: Option<Recording>,
}

/// Number of the readers: with another one, files that came in before are read again.
const READERS: u32 = 1;

impl PlannedFile {
    /// Digest of everything beside its bytes that decides what comes of the file.
    pub(crate) fn settings_digest(&self, options: &ImportOptions) -> Result<Digest, ImportError> {
        let facts = labels::facts(self, options)?;
        let partition = info_labels::partition_by_folder(self);
        let labels = info_labels::FileLabels::find(self)?;
        let format = self.format;
        let all = format!("{READERS} {options:?} {facts:?} {partition:?} {labels:?} {format:?}");
        Ok(Digest::of(all.as_bytes()))
    }
}

/// Why an import was refused. Every message says what was found and what to change.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A path that cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing to import.
    #[error(
        "{found}: nothing to import; tables (CSV, Parquet, XLSX), acquisitions (Edge Impulse, CiRA, \
         SenML), WAV, and ZIP archives of these are read"
    )]
    Nothing {
        /// What was looked at.
        found: String,
    },
    /// A file of a format that is not read.
    #[error("{}: it is {what}: {advice}", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A table that cannot be read.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A cell that does not hold what it should.
    #[error("{}: {found}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Row, column, value, and what is wrong with it.
        found: String,
    },
    /// An Edge Impulse file that cannot be read.
    #[error("{}: {source}", path.display())]
    EdgeImpulse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: EdgeImpulseError,
    },
    /// A file that is not what its format says.
    #[error("{}: {reason}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What was found and what to do.
        reason: String,
    },
    /// Something that is not said and will not be guessed.
    #[error("{}: {found}: {advice}", path.display())]
    Undecided {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// The options to add.
        advice: String,
    },
    /// Two recordings of one name.
    #[error("two recordings are called {name:?}: import their folders one by one")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A recording that cannot be kept.
    #[error(transparent)]
    Keep(#[from] ParquetError),
    /// A user ended it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Where imported files go.
pub trait Sink<E> {
    /// What came of the file before, where it needs not be read again.
    ///
    /// # Errors
    /// If that cannot be looked up.
    fn known(&mut self, _: &PlannedFile) -> Result<Option<ImportedFile>, E> {
        Ok(None)
    }

    /// Takes a file that is complete.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn take(&mut self, file: &PlannedFile, imported: ImportedFile) -> Result<(), E>;

    /// Takes note of a file that is refused.
    ///
    /// # Errors
    /// If the import shall end with that.
    fn refused(&mut self, file: &PlannedFile, error: ImportError) -> Result<(), E>;
}

impl<E: From<ImportError>, F: FnMut(&PlannedFile, ImportedFile) -> Result<(), E>> Sink<E> for F {
    fn take(&mut self, file: &PlannedFile, imported: ImportedFile) -> Result<(), E> {
        self(file, imported)
    }

    fn refused(&mut self, _: &PlannedFile, error: ImportError) -> Result<(), E> {
        Err(error.into())
    }
}

impl ImportError {
    /// True where the file is at fault, and another one may still come in.
    fn is_of_the_file(&self) -> bool {
        !matches!(self, ImportError::Io { .. } | ImportError::Keep(_) | ImportError::Cancelled(_))
    }
}

/// Imports files and folders, one file after the other, and gives each to `sink` when it is
/// complete. Files that are not of a known kind are in [`Plan::skipped`] of [`plan`].
///
/// # Errors
/// At the first error of `sink`, or of a file that is not its own fault; what `sink` took before
/// stays with it.
pub fn import<E: From<ImportError>>(
    plan: &Plan,
    options: &ImportOptions,
    destination: Destination<'_>,
    progress: &mut dyn Progress,
    sink: &mut dyn Sink<E>,
) -> Result<(), E> {
    let mut names = std::collections::HashSet::new();
    let total = plan.files.iter().map(|file| file.size_bytes).sum();
    let mut done = 0;
    for file in &plan.files {
        progress.file(&file.path, done, total);
        let before = done;
        let mut report = |bytes: u64| progress.bytes(before + bytes.min(file.size_bytes), total);
        let mut reading = Reading { destination, rows_max: None, progress: &mut report };
        done += file.size_bytes;
        let imported = match sink.known(file)? {
            Some(known) => known,
            None => match file.import(options, &mut reading) {
                Ok((imported, _)) => imported,
                Err(error) if error.is_of_the_file() => {
                    sink.refused(file, error)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            },
        };
        for item in &imported.recordings {
            if !names.insert(item.entry.info.name.clone()) {
                let name = item.entry.info.name.clone();
                return Err(ImportError::Duplicate { name }.into());
            }
        }
        sink.take(file, imported)?;
    }
    progress.bytes(total, total).map_err(|error| ImportError::from(error).into())
}

impl PlannedFile {
    /// Reads at most so many rows, or the whole of a file that can be read as a whole only; true with
    /// that if there is no more in it.
    pub(crate) fn import_beginning(
        &self,
        options: &ImportOptions,
        rows_max: u64,
    ) -> Result<(ImportedFile, bool), ImportError> {
        let mut silent = |_| Ok(());
        self.import(
            options,
            &mut Reading {
                destination: Destination::Memory,
                rows_max: Some(rows_max),
                progress: &mut silent,
            },
        )
    }
}
