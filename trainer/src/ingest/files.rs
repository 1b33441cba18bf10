//! Which files an import takes: the ones that are named, and the known kinds below folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model_format::nearest::did_you_mean;
use serde::Serialize;
use utoipa::ToSchema;

use super::edge_impulse_folder::{LABELS_FILE, LabelsFile};
use super::{ImportError, ImportOptions, ImportedFile, csv_file, edge_impulse_folder, labels};

/// Deepest folder below the named one.
const DEPTH_MAX: usize = 16;

/// Most files in one import.
const FILES_MAX: usize = 1_000_000;

/// What an import would take.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The files, in the order of their names.
    pub files: Vec<PlannedFile>,
    /// Files below the folders that are of no known kind.
    pub skipped: Vec<SkippedFile>,
}

/// A file that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: &'static str,
}

/// One file to import.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Path below the imported folder, with `/`; names the recording.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// The nearest label file: in the file's folder or above it, up to the imported folder.
    pub(super) labels: Option<Arc<LabelsFile>>,
    /// What it is.
    pub format: FileFormat,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum FileFormat {
    /// Delimited text.
    #[serde(rename = "csv")]
    Csv,
    /// An acquisition of Edge Impulse, as JSON.
    #[serde(rename = "edge_impulse_json")]
    EdgeImpulse,
}

impl PlannedFile {
    pub(super) fn import(
        &self,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ImportedFile, ImportError> {
        match self.format {
            FileFormat::Csv => Ok(csv_file::import(self, options, None, progress)?.0),
            FileFormat::EdgeImpulse => edge_impulse_folder::import(self, options),
        }
    }

    /// Reads at most so many rows of a table, or the whole of a file that is none; true with that if
    /// there is no more in it.
    pub(crate) fn import_beginning(
        &self,
        options: &ImportOptions,
        rows_max: u64,
    ) -> Result<(ImportedFile, bool), ImportError> {
        match self.format {
            FileFormat::Csv => csv_file::import(self, options, Some(rows_max), &mut |_| {}),
            FileFormat::EdgeImpulse => Ok((edge_impulse_folder::import(self, options)?, true)),
        }
    }

    /// The classes that its place, its name, or a label file says it has.
    pub(crate) fn classes_by_name(
        &self,
        options: &ImportOptions,
    ) -> Result<Vec<String>, ImportError> {
        match (self.format, &options.label_from) {
            (FileFormat::EdgeImpulse, None) => edge_impulse_folder::classes(self),
            _ => Ok(labels::facts(self, options)?.class.into_iter().collect()),
        }
    }

    /// Refuses a unit for a channel that the file does not have.
    pub(super) fn check_units<'a>(
        &self,
        options: &ImportOptions,
        channels: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), ImportError> {
        let has = |wanted: &str| channels.clone().any(|name| name == wanted);
        let Some(unit) = options.units.keys().find(|unit| !has(unit)) else { return Ok(()) };
        let hint = did_you_mean(unit, channels);
        let found = format!("--unit names `{unit}`, which is no channel of it{hint}");
        Err(self.undecided(found, "correct the name"))
    }

    /// An error about something that is not said and will not be guessed.
    pub(super) fn undecided(
        &self,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> ImportError {
        ImportError::Undecided {
            path: self.path.clone(),
            found: found.into(),
            advice: advice.into(),
        }
    }
}

/// Looks at `paths`. A file that is named is taken whatever its ending (as CSV, if that is not
/// `.json`); below folders, `.csv`, `.tsv` and `.json` are. With several folders, names begin with
/// the folder's, so that their files may be called alike.
///
/// # Errors
/// If a path cannot be read, or nothing is found at all.
pub fn plan(paths: &[PathBuf]) -> Result<Plan, ImportError> {
    let plan = look(paths)?;
    plan.check(paths)?;
    Ok(plan)
}

impl Plan {
    /// Refuses a plan without a file.
    ///
    /// # Errors
    /// [`ImportError::Nothing`].
    pub fn check(&self, paths: &[PathBuf]) -> Result<(), ImportError> {
        if !self.files.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let skipped = match self.skipped.len() {
            0 => String::new(),
            count => format!(" ({count} files of other kinds)"),
        };
        Err(ImportError::Nothing { found: names.join(", ") + &skipped })
    }
}

/// [`plan`], which may come to nothing.
///
/// # Errors
/// If a path cannot be read.
pub fn look(paths: &[PathBuf]) -> Result<Plan, ImportError> {
    let mut plan = Plan::default();
    let several = paths.iter().filter(|path| path.is_dir()).count() > 1;
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        if metadata.is_dir() {
            let mut walk = Walk { root: path, plan: &mut plan };
            let first = walk.plan.files.len();
            walk.folder(path, 0, None)?;
            if let (true, Some(name)) = (several, path.file_name()) {
                for file in &mut plan.files[first..] {
                    file.name = format!("{}/{}", name.to_string_lossy(), file.name);
                }
            }
        } else {
            let format =
                if has_ending(path, &["json"]) { FileFormat::EdgeImpulse } else { FileFormat::Csv };
            let folder = path.parent().unwrap_or(Path::new(""));
            let labels = match format {
                FileFormat::EdgeImpulse => LabelsFile::read(folder)?,
                FileFormat::Csv => None,
            };
            plan.files.push(planned(path, folder, metadata.len(), format, labels));
        }
    }
    Ok(plan)
}

struct Walk<'a> {
    root: &'a Path,
    plan: &'a mut Plan,
}

impl Walk<'_> {
    /// `above` is the nearest label file above `folder`.
    fn folder(
        &mut self,
        folder: &Path,
        depth: usize,
        above: Option<Arc<LabelsFile>>,
    ) -> Result<(), ImportError> {
        let mut entries = fs::read_dir(folder)
            .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
            .map_err(|source| io_error(folder, source))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let labels = LabelsFile::read(folder)?.or(above);
        for entry in entries {
            let path = entry.path();
            let metadata = fs::metadata(&path).map_err(|source| io_error(&path, source))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.skip(path, "hidden");
            } else if metadata.is_dir() && depth < DEPTH_MAX {
                self.folder(&path, depth + 1, labels.clone())?;
            } else if metadata.is_dir() {
                self.skip(path, "deeper than 16 folders");
            } else if entry.file_name() != LABELS_FILE {
                self.file(path, metadata.len(), labels.clone());
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, size_bytes: u64, labels: Option<Arc<LabelsFile>>) {
        let format = match &path {
            path if has_ending(path, &["json"]) => FileFormat::EdgeImpulse,
            path if has_ending(path, &["csv", "tsv"]) => FileFormat::Csv,
            _ => return self.skip(path, "not .csv, .tsv or .json"),
        };
        if self.plan.files.len() >= FILES_MAX {
            return self.skip(path, "beyond the millionth file");
        }
        self.plan.files.push(planned(&path, self.root, size_bytes, format, labels));
    }

    fn skip(&mut self, path: PathBuf, reason: &'static str) {
        self.plan.skipped.push(SkippedFile { path, reason });
    }
}

fn planned(
    path: &Path,
    root: &Path,
    size_bytes: u64,
    format: FileFormat,
    labels: Option<Arc<LabelsFile>>,
) -> PlannedFile {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    PlannedFile { path: path.to_owned(), name: parts.join("/"), size_bytes, labels, format }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

pub(super) fn io_error(path: &Path, source: std::io::Error) -> ImportError {
    ImportError::Io { path: path.to_owned(), source }
}
