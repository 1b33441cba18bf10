//! Edge Impulse acquisition files, with the folders and `info.labels` around them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model_format::payload::edge_impulse::{
    self, Acquisition, EdgeImpulseError, FileLabel, LabelledFile, Signature,
};
use model_format::payload::time::row_time_ns;

use super::files::{PlannedFile, io_error};
use super::{ImportError, ImportOptions, ImportedFile, ImportedRecording, RateOption, labels};
use crate::recording::{LabelSpan, RecordedChannel, Recording, Role};

/// The file with the labels of a folder.
pub(super) const LABELS_FILE: &str = "info.labels";

/// The tag that says which part of a dataset a recording belongs to.
const PARTITION: &str = "partition";

pub(super) fn import(
    file: &PlannedFile,
    options: &ImportOptions,
) -> Result<ImportedFile, ImportError> {
    check_options(file, options)?;
    let acquisition = Acquisition::read(&read(&file.path)?)
        .map_err(|source| ImportError::EdgeImpulse { path: file.path.clone(), source })?;
    file.check_units(options, acquisition.sensors.iter().map(|sensor| sensor.name.as_str()))?;
    let mut facts = labels::facts(file, options)?;
    let rows = acquisition.rows();
    let (spans, category) = match &options.label_from {
        None => labels_of(file, rows)?,
        Some(_) => (labels::whole(facts.class.as_deref(), rows), None),
    };
    if let Some(partition) = partition(file).or(category) {
        facts.tags.entry(PARTITION.to_owned()).or_insert(partition);
    }
    let said =
        [("device_name", &acquisition.device_name), ("device_type", &acquisition.device_type)];
    for (name, value) in said {
        if let Some(value) = value {
            facts.tags.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }
    let mut notes = Vec::new();
    if acquisition.signature == Signature::Unverified {
        notes.push("the signature was not verified".to_owned());
    }
    let rate_hz = acquisition.rate_hz();
    let recording = Recording {
        name: file.name.clone(),
        channels: channels(&acquisition, options),
        time_ns: (0..rows as u64).map(|row| row_time_ns(row, Some(rate_hz))).collect(),
        absolute_time: false,
        rate_hz: Some(rate_hz),
        labels: spans,
        tags: facts.tags,
    };
    let missing_values = acquisition.values.iter().filter(|value| value.is_nan()).count() as u64;
    let item = ImportedRecording { recording, timing: None, missing_values, notes };
    Ok(ImportedFile { path: file.path.clone(), recordings: vec![item] })
}

/// Options that say something about a table do not fit a file that says it itself.
fn check_options(file: &PlannedFile, options: &ImportOptions) -> Result<(), ImportError> {
    if let Some((column, option)) = options.named_columns().next() {
        let found = format!("{option} names the column `{column}`, but this is Edge Impulse JSON");
        return Err(file.undecided(found, format!("leave {option} out, or import it apart")));
    }
    if let Some(RateOption::Hz(_) | RateOption::None) = options.rate {
        let found = "--rate-hz is given, but Edge Impulse JSON has its interval in the file";
        return Err(file.undecided(found, "leave --rate-hz out, or import it apart"));
    }
    Ok(())
}

fn channels(acquisition: &Acquisition, options: &ImportOptions) -> Vec<RecordedChannel> {
    let width = acquisition.sensors.len();
    let sensors = acquisition.sensors.iter().enumerate();
    sensors
        .map(|(index, sensor)| RecordedChannel {
            name: sensor.name.clone(),
            unit: options.units.get(&sensor.name).or(sensor.units.as_ref()).cloned(),
            role: Role::Input,
            values: acquisition.values.iter().skip(index).step_by(width).copied().collect(),
        })
        .collect()
}

/// The labels from `info.labels`, else from the file's name; and the category if it says one.
fn labels_of(
    file: &PlannedFile,
    rows: usize,
) -> Result<(Vec<LabelSpan>, Option<String>), ImportError> {
    let entry = match &file.labels {
        Some(labels) => labels.find(file)?,
        None => None,
    };
    let Some(entry) = entry else {
        return Ok((labels::whole(Some(labels::before_dot(&file.path)), rows), None));
    };
    let spans = match &entry.label {
        FileLabel::Unlabelled => Vec::new(),
        FileLabel::Class(class) => labels::whole(Some(class), rows),
        FileLabel::Spans(spans) => checked(file, spans.clone(), rows)?,
    };
    Ok((spans, entry.category.clone()))
}

/// The classes that `info.labels`, or else the file's name, gives a file.
pub(super) fn classes(file: &PlannedFile) -> Result<Vec<String>, ImportError> {
    let entry = match &file.labels {
        Some(labels) => labels.find(file)?,
        None => None,
    };
    let mut classes = match entry.map(|entry| &entry.label) {
        None => vec![labels::before_dot(&file.path).to_owned()],
        Some(FileLabel::Unlabelled) => Vec::new(),
        Some(FileLabel::Class(class)) => vec![class.clone()],
        Some(FileLabel::Spans(spans)) => spans.iter().map(|(_, _, class)| class.clone()).collect(),
    };
    classes.sort_unstable();
    classes.dedup();
    Ok(classes)
}

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
        let entries = edge_impulse::read_labels(&read(&path)?)
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

/// Spans as they are written, first and last row, checked and put in order.
fn checked(
    file: &PlannedFile,
    mut spans: Vec<(u64, u64, String)>,
    rows: usize,
) -> Result<Vec<LabelSpan>, ImportError> {
    spans.sort();
    let mut checked: Vec<LabelSpan> = Vec::with_capacity(spans.len());
    for (first, last, class) in spans {
        let free = checked.last().map_or(0, |span| span.to_row);
        if first < free || last < first || last >= rows as u64 {
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
fn partition(file: &PlannedFile) -> Option<String> {
    let folders = file.path.parent()?.components().rev();
    let mut names = folders.filter_map(|folder| folder.as_os_str().to_str());
    names.find(|name| ["training", "testing"].contains(name)).map(str::to_owned)
}

fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    let size = fs::metadata(path).map_err(|source| io_error(path, source))?.len();
    let found = usize::try_from(size).unwrap_or(usize::MAX);
    if found > edge_impulse::FILE_BYTES_MAX {
        let source = EdgeImpulseError::Size { found };
        return Err(ImportError::EdgeImpulse { path: path.to_owned(), source });
    }
    fs::read(path).map_err(|source| io_error(path, source))
}
