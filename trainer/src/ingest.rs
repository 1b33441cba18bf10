//! Ingest: how recordings come into the data folder and back. The only polars of the trainer.

pub(crate) mod blocks;
mod csv_file;
mod edge_impulse_folder;
pub mod evidence;
mod files;
mod labels;
mod names;
mod options;
pub mod parquet;
mod pattern;
mod settings;
mod timing;

use std::path::PathBuf;

use model_format::payload::csv::CsvError;
use model_format::payload::edge_impulse::EdgeImpulseError;

use crate::recording::Recording;

pub use files::{FileFormat, Plan, PlannedFile, SkippedFile, look, plan};
pub use options::{
    ImportArgs, ImportOptions, LabelFrom, NameValue, OptionError, RateOption, TimeOption,
};
pub use pattern::{Pattern, PatternError};
pub use settings::{ImportSettings, SettingsError, in_words_of_settings};
pub use timing::Timing;

/// Most values that one file may hold; they lie in memory while it is imported.
pub const FILE_VALUES_MAX: u64 = 1 << 28;

/// Told how an import goes on.
pub trait Progress {
    /// A file begins; `done` of `total` bytes of all files are read.
    fn file(&mut self, path: &std::path::Path, done_bytes: u64, total_bytes: u64);

    /// Within a file.
    fn bytes(&mut self, done_bytes: u64, total_bytes: u64);
}

/// What came of one file. A file is imported as a whole or not at all.
#[derive(Debug)]
pub struct ImportedFile {
    /// The file.
    pub path: PathBuf,
    /// Its recordings; several only with a recording column.
    pub recordings: Vec<ImportedRecording>,
}

/// One recording with what should be known about it.
#[derive(Debug)]
pub struct ImportedRecording {
    /// The recording.
    pub recording: Recording,
    /// What its times look like; none where it has no time column.
    pub timing: Option<Timing>,
    /// Missing values (empty, NaN, null) in its channels.
    pub missing_values: u64,
    /// What a user should know, in sentences: an index column left out, a signature not verified.
    pub notes: Vec<String>,
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
    #[error("{found}: nothing to import; CSV (.csv, .tsv) and Edge Impulse JSON (.json) are read")]
    Nothing {
        /// What was looked at.
        found: String,
    },
    /// A table that cannot be read.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// An Edge Impulse file that cannot be read.
    #[error("{}: {source}", path.display())]
    EdgeImpulse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: EdgeImpulseError,
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
    /// More than fits.
    #[error("{}: more than {FILE_VALUES_MAX} values; split the file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Two recordings of one name.
    #[error("two recordings are called {name:?}: import their folders one by one")]
    Duplicate {
        /// The name.
        name: String,
    },
}

/// Imports files and folders, one file after the other, and gives each to `sink` when it is
/// complete. Files that are not of a known kind are in [`Plan::skipped`] of [`plan`].
///
/// # Errors
/// At the first file that cannot be imported, or the first error of `sink`; what `sink` took
/// before stays with it.
pub fn import<E: From<ImportError>>(
    plan: &Plan,
    options: &ImportOptions,
    progress: &mut dyn Progress,
    sink: &mut dyn FnMut(ImportedFile) -> Result<(), E>,
) -> Result<(), E> {
    let mut names = std::collections::HashSet::new();
    let total = plan.files.iter().map(|file| file.size_bytes).sum();
    let mut done = 0;
    for file in &plan.files {
        progress.file(&file.path, done, total);
        let mut report = |bytes: u64| progress.bytes(done + bytes.min(file.size_bytes), total);
        let imported = file.import(options, &mut report)?;
        for item in &imported.recordings {
            if !names.insert(item.recording.name.clone()) {
                let name = item.recording.name.clone();
                return Err(ImportError::Duplicate { name }.into());
            }
        }
        done += file.size_bytes;
        sink(imported)?;
    }
    progress.bytes(total, total);
    Ok(())
}
