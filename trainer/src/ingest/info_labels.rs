//! `info.labels`: what the files below a folder show, as Edge Impulse's exports say it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model_format::payload::edge_impulse::{self, FileLabel, LabelledFile};

use super::files::{PlannedFile, read_whole};
use super::{ImportError, labels};
use crate::recording::LabelSpan;

/// The file with the labels of a folder.
pub(super) const LABELS_FILE: &str = "info.labels";

/// The tag that says which part of a dataset a recording belongs to.
pub(super) const PARTITION: &str = "partition";

/// The entries of one `info.labels`.
#[derive(Debug)]
pub(super) struct LabelsFile {
    path: PathBuf,
    by_name: HashMap<OsString, Vec<LabelledFile>>,
}

impl LabelsFile {
    /// The label file of `folder`, if it has one.
    pub(super) fn read(folder: &Path) -> Result<Option<Arc<Self>>, ImportError> {
        let path = folder.join(LABELS_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = read_whole(&path, edge_impulse::FILE_BYTES_MAX as u64)?;
        let entries = edge_impulse::read_labels(&bytes)
            .map_err(|source| ImportError::EdgeImpulse { path: path.clone(), source })?;
        let mut by_name: HashMap<OsString, Vec<LabelledFile>> = HashMap::new();
        for entry in entries {
            let name = Path::new(&entry.path).file_name().unwrap_or_default().to_owned();
            by_name.entry(name).or_default().push(entry);
        }
        Ok(Some(Arc::new(LabelsFile { path, by_name })))
    }

    /// The entry for `file`: by path, by category and name, or by name if only one has it.
    fn find(&self, file: &PlannedFile) -> Result<Option<&LabelledFile>, ImportError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let below = file.path.strip_prefix(folder).unwrap_or(&file.path);
        let same = below.file_name().and_then(|name| self.by_name.get(name));
        let same = same.map_or(&[][..], Vec::as_slice);
        let is_exact = |entry: &&LabelledFile| {
            let category = entry.category.as_deref();
            Path::new(&entry.path) == below
                || below.parent().zip(category).is_some_and(|(parent, c)| parent.ends_with(c))
        };
        match (same.iter().find(is_exact), same) {
            (Some(entry), _) | (None, [entry]) => Ok(Some(entry)),
            (None, []) => Ok(None),
            (None, _) => Err(file.undecided(
                format!("{} has several entries of this name", self.path.display()),
                "give them their paths, or use --label-from",
            )),
        }
    }
}

/// What a label file says about one file.
#[derive(Clone, Debug)]
pub(super) struct FileLabels {
    label: FileLabel,
    category: Option<String>,
}

impl FileLabels {
    /// What the label file around `file` says about it, if it says anything.
    pub(super) fn find(file: &PlannedFile) -> Result<Option<Self>, ImportError> {
        let Some(labels) = &file.labels else { return Ok(None) };
        let entry = labels.find(file)?;
        Ok(entry.map(|entry| FileLabels {
            label: entry.label.clone(),
            category: entry.category.clone(),
        }))
    }

    /// The labelled spans of so many rows.
    pub(super) fn spans(
        &self,
        file: &PlannedFile,
        rows: u64,
    ) -> Result<Vec<LabelSpan>, ImportError> {
        match &self.label {
            FileLabel::Unlabelled => Ok(Vec::new()),
            FileLabel::Class(class) => Ok(labels::whole(Some(class), rows)),
            FileLabel::Spans(spans) => checked(file, spans.clone(), rows),
        }
    }

    /// `training` or `testing`, as the label file has it.
    pub(super) fn partition(&self) -> Option<String> {
        self.category.clone()
    }

    /// The classes, sorted.
    pub(super) fn classes(&self) -> Vec<String> {
        let mut classes: Vec<String> = match &self.label {
            FileLabel::Unlabelled => Vec::new(),
            FileLabel::Class(class) => vec![class.clone()],
            FileLabel::Spans(spans) => spans.iter().map(|(_, _, class)| class.clone()).collect(),
        };
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// Spans as they are written, first and last row, checked and put in order.
fn checked(
    file: &PlannedFile,
    mut spans: Vec<(u64, u64, String)>,
    rows: u64,
) -> Result<Vec<LabelSpan>, ImportError> {
    spans.sort();
    let mut checked: Vec<LabelSpan> = Vec::with_capacity(spans.len());
    for (first, last, class) in spans {
        let free = checked.last().map_or(0, |span| span.to_row);
        if first < free || last < first || last >= rows {
            return Err(file.undecided(
                format!("its label {class:?} covers rows {first} to {last} of {rows}"),
                "labels in info.labels must lie within the file and not overlap",
            ));
        }
        checked.push(LabelSpan { from_row: first, to_row: last + 1, class });
    }
    Ok(checked)
}

/// `training` or `testing` if the file lies below such a folder.
pub(super) fn partition_by_folder(file: &PlannedFile) -> Option<String> {
    let folders = file.path.parent()?.components().rev();
    let mut names = folders.filter_map(|folder| folder.as_os_str().to_str());
    names.find(|name| ["training", "testing"].contains(name)).map(str::to_owned)
}
