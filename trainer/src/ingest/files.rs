//! Which files an import takes: the ones that are named, and the known kinds below folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ImportError, ImportOptions, ImportedFile, csv_file, edge_impulse_folder};

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
    /// The imported folder: no label file is looked for above it.
    pub(super) root: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    EdgeImpulse,
}

impl PlannedFile {
    pub(super) fn import(
        &self,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ImportedFile, ImportError> {
        match self.kind {
            Kind::Csv => csv_file::import(self, options, progress),
            Kind::EdgeImpulse => edge_impulse_folder::import(self, options),
        }
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
/// `.json`); below folders, `.csv`, `.tsv` and `.json` are.
///
/// # Errors
/// If a path cannot be read, or nothing is found at all.
pub fn plan(paths: &[PathBuf]) -> Result<Plan, ImportError> {
    let mut plan = Plan::default();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        if metadata.is_dir() {
            walk(path, path, 0, &mut plan)?;
        } else {
            let kind = if has_ending(path, &["json"]) { Kind::EdgeImpulse } else { Kind::Csv };
            let root = path.parent().unwrap_or(Path::new("")).to_owned();
            plan.files.push(planned(path, &root, metadata.len(), kind));
        }
    }
    if plan.files.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let skipped = match plan.skipped.len() {
            0 => String::new(),
            count => format!(" ({count} files of other kinds)"),
        };
        return Err(ImportError::Nothing { found: names.join(", ") + &skipped });
    }
    Ok(plan)
}

fn walk(root: &Path, folder: &Path, depth: usize, plan: &mut Plan) -> Result<(), ImportError> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(|source| io_error(folder, source))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let metadata = fs::metadata(&path).map_err(|source| io_error(&path, source))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            plan.skipped.push(SkippedFile { path, reason: "hidden" });
        } else if metadata.is_dir() && depth < DEPTH_MAX {
            walk(root, &path, depth + 1, plan)?;
        } else if metadata.is_dir() {
            plan.skipped.push(SkippedFile { path, reason: "deeper than 16 folders" });
        } else if plan.files.len() >= FILES_MAX {
            plan.skipped.push(SkippedFile { path, reason: "beyond the millionth file" });
        } else if has_ending(&path, &["json"]) {
            plan.files.push(planned(&path, root, metadata.len(), Kind::EdgeImpulse));
        } else if has_ending(&path, &["csv", "tsv"]) {
            plan.files.push(planned(&path, root, metadata.len(), Kind::Csv));
        } else if path.file_name().is_none_or(|name| name != edge_impulse_folder::LABELS_FILE) {
            plan.skipped.push(SkippedFile { path, reason: "not .csv, .tsv or .json" });
        }
    }
    Ok(())
}

fn planned(path: &Path, root: &Path, size_bytes: u64, kind: Kind) -> PlannedFile {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    let name = parts.join("/");
    PlannedFile { path: path.to_owned(), name, size_bytes, root: root.to_owned(), kind }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

pub(super) fn io_error(path: &Path, source: std::io::Error) -> ImportError {
    ImportError::Io { path: path.to_owned(), source }
}
