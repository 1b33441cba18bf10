//! What an import would find: files, columns with evidence, proposals, and why it would be refused.
//! Nothing is stored.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::Skipped;
use crate::ingest::evidence::{
    ColumnKind, ColumnRole, Evidence, PreviewedColumn, PreviewedTable, Proposal, ROWS_MAX, propose,
};
use crate::ingest::{
    FileFormat, ImportError, ImportOptions, ImportSettings, ImportedFile, Plan, PlannedFile,
    in_words_of_settings,
};
use crate::recording::Recording;

/// Files of which as many rows are read as evidence needs.
const LOOKED_AT_MAX: usize = 16;

/// Files of which the first rows are read, to see whether they are like the others.
const OPENED_MAX: usize = 1000;

/// How many rows that is.
const FIRST_ROWS: u64 = 50;

/// Files that can be read as a whole only are read up to this size.
const WHOLE_BYTES_MAX: u64 = 16 << 20;

/// What an import would find.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportPreview {
    /// The files that would be imported.
    pub files: Vec<PreviewedFile>,
    /// The files that would be left out.
    pub skipped: Vec<Skipped>,
    /// The columns of the tables, or the sensors where there are no tables.
    pub table: Option<PreviewedTable>,
    /// The options that were given, completed by what is proposed: to be confirmed.
    pub options: ImportSettings,
    /// What is proposed.
    pub proposals: Vec<Proposal>,
    /// Classes, with the number of files in which each was found.
    pub classes: Vec<PreviewedClass>,
    /// Recordings: as many as were found in what was read, and one for each other file.
    pub recordings: u64,
    /// Rows of all files; none where not all were read to their end.
    pub rows: Option<u64>,
    /// Why an import with these options would be refused, as far as was read: what was found and what
    /// to change.
    pub refusal: Option<String>,
}

/// A file that would be imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewedFile {
    /// Its name.
    pub name: String,
    /// What it is.
    pub format: FileFormat,
    /// Why it is taken for that.
    pub evidence: String,
    /// Its size.
    pub size_bytes: u64,
}

/// A class that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewedClass {
    /// The class.
    pub class: String,
    /// Files in which it was found.
    pub files: u64,
}

/// Looks at the beginnings of some of the files of `plan`, proposes what `settings` does not say and
/// what is not among the fields that are `decided`, and tries out the import of these beginnings. A problem with a file is the preview's refusal.
pub fn preview(plan: &Plan, settings: ImportSettings, decided: &[String]) -> ImportPreview {
    let tables: Vec<&PlannedFile> =
        plan.files.iter().filter(|file| file.format.is_table()).collect();
    let mut preview = empty(plan, settings);
    match propose(&tables, &looked_at(&tables), &mut preview.options, decided) {
        Ok(Evidence { table, proposals }) => {
            (preview.table, preview.proposals) = (table, proposals);
        }
        Err(error) => preview.refuse(&error),
    }
    match preview.options.parse() {
        Ok(options) => try_out(plan, &tables, &options, &mut preview),
        Err(error) => preview.refuse(&error),
    }
    preview
}

fn empty(plan: &Plan, options: ImportSettings) -> ImportPreview {
    let file = |file: &PlannedFile| PreviewedFile {
        name: file.name.clone(),
        format: file.format,
        evidence: file.evidence.clone(),
        size_bytes: file.size_bytes,
    };
    let skipped = plan
        .skipped
        .iter()
        .map(|file| Skipped { file: file.path.display().to_string(), reason: file.reason.clone() });
    ImportPreview {
        files: plan.files.iter().map(file).collect(),
        skipped: skipped.collect(),
        table: None,
        options,
        proposals: Vec::new(),
        classes: Vec::new(),
        recordings: plan.files.len() as u64,
        rows: None,
        refusal: None,
    }
}

impl ImportPreview {
    /// The first refusal stays: an import ends there.
    fn refuse(&mut self, error: &dyn std::fmt::Display) {
        self.refusal.get_or_insert_with(|| in_words_of_settings(&error.to_string()));
    }
}

/// The tables that are looked at: the first, the last, the smallest, the largest, and some between.
fn looked_at<'a>(tables: &[&'a PlannedFile]) -> Vec<&'a PlannedFile> {
    let mut chosen = BTreeSet::new();
    chosen.extend((0..tables.len()).min_by_key(|index| tables[*index].size_bytes));
    chosen.extend((0..tables.len()).max_by_key(|index| tables[*index].size_bytes));
    let between = tables.len().min(LOOKED_AT_MAX - 2);
    let last = tables.len().saturating_sub(1);
    chosen.extend((0..between).map(|n| n * last / (between - 1).max(1)));
    chosen.into_iter().filter_map(|index| tables.get(index).copied()).collect()
}

/// Imports the beginnings of files, keeping nothing but counts.
fn try_out(
    plan: &Plan,
    tables: &[&PlannedFile],
    options: &ImportOptions,
    preview: &mut ImportPreview,
) {
    let looked_at: BTreeSet<&str> =
        looked_at(tables).into_iter().map(|file| file.name.as_str()).collect();
    let mut found = Found::default();
    for (number, file) in plan.files.iter().enumerate() {
        let rows_max = if looked_at.contains(file.name.as_str()) { ROWS_MAX } else { FIRST_ROWS };
        let tried = match found.classes_of(file, options) {
            Err(error) => Err(error),
            Ok(()) if number < OPENED_MAX && found.may_read(file) => {
                file.import_beginning(options, rows_max).map(Some)
            }
            Ok(()) => Ok(None),
        };
        match tried {
            Ok(read) => found.add(file, read),
            Err(error) => {
                found.add(file, None);
                preview.refuse(&error);
            }
        }
    }
    preview.classes = found.counted();
    preview.recordings = found.recordings;
    preview.rows = found.rows;
    if preview.table.is_none() {
        preview.table = found.sensors;
    }
}

/// What was found in the files up to now.
struct Found {
    /// The files by class.
    classes: BTreeMap<String, BTreeSet<String>>,
    recordings: u64,
    /// None from the first file on that was not read to its end.
    rows: Option<u64>,
    whole_bytes: u64,
    sensors: Option<PreviewedTable>,
}

impl Default for Found {
    fn default() -> Self {
        Found {
            classes: BTreeMap::new(),
            recordings: 0,
            rows: Some(0),
            whole_bytes: 0,
            sensors: None,
        }
    }
}

impl Found {
    /// True if the file may be read: a table's beginning always, another one within the bound.
    fn may_read(&mut self, file: &PlannedFile) -> bool {
        if matches!(file.format, FileFormat::Csv | FileFormat::Parquet | FileFormat::Wav) {
            return true;
        }
        self.whole_bytes = self.whole_bytes.saturating_add(file.size_bytes);
        self.whole_bytes <= WHOLE_BYTES_MAX
    }

    fn classes_of(
        &mut self,
        file: &PlannedFile,
        options: &ImportOptions,
    ) -> Result<(), ImportError> {
        for class in file.classes_by_name(options)? {
            self.class(class, file);
        }
        Ok(())
    }

    fn class(&mut self, class: String, file: &PlannedFile) {
        self.classes.entry(class).or_default().insert(file.name.clone());
    }

    fn add(&mut self, file: &PlannedFile, read: Option<(ImportedFile, bool)>) {
        let Some((imported, is_whole)) = read else {
            (self.recordings, self.rows) = (self.recordings + 1, None);
            return;
        };
        if !is_whole {
            self.rows = None;
        }
        self.recordings += imported.recordings.len() as u64;
        for item in imported.recordings {
            if let Some(rows) = &mut self.rows {
                *rows += item.entry.info.rows;
            }
            if let (false, None, Some(samples)) =
                (file.format.is_table(), &self.sensors, &item.samples)
            {
                self.sensors = Some(sensors(file, samples));
            }
            for label in item.entry.annotation.labels {
                self.class(label.class, file);
            }
        }
    }

    fn counted(&self) -> Vec<PreviewedClass> {
        let counted = self.classes.iter();
        let class = |(class, files): (&String, &BTreeSet<String>)| PreviewedClass {
            class: class.clone(),
            files: files.len() as u64,
        };
        counted.map(class).collect()
    }
}

/// The sensors of a file that names them itself, as columns.
fn sensors(file: &PlannedFile, recording: &Recording) -> PreviewedTable {
    let columns = recording.channels.iter().map(|channel| PreviewedColumn {
        name: channel.name.clone(),
        kind: ColumnKind::Number,
        examples: channel.values.iter().take(5).map(f32::to_string).collect(),
        missing: channel.values.iter().filter(|value| value.is_nan()).count() as u64,
        role: ColumnRole::Channel,
        unit: channel.unit.clone(),
        evidence: "a sensor that the file names".to_owned(),
    });
    PreviewedTable {
        file: file.name.clone(),
        delimiter: None,
        decimal: None,
        rows_read: recording.rows() as u64,
        columns: columns.collect(),
    }
}
