//! The formats of files: one table for reading, recognising, documents and tests.

mod cira;
mod csv;
mod edge_impulse;
mod parquet;
mod refused;
mod senml;
mod sniff;
mod wav;
mod xlsx;
pub(super) mod zip;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use model_format::nearest::did_you_mean;
use serde::Serialize;
use utoipa::ToSchema;

use super::acquired::{self, NameIsLabel};
use super::files::PlannedFile;
use super::table::Table;
use super::{ImportError, ImportOptions, ImportedFile, LabelFrom, Reading, labels};

pub(super) use sniff::{Sniffed, sniff};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Delimited text.
    Csv,
    /// A table of Apache Parquet.
    Parquet,
    /// A sheet of a workbook.
    Xlsx,
    /// Acquisitions of Edge Impulse, as JSON.
    EdgeImpulseJson,
    /// Acquisitions of Edge Impulse, as CBOR.
    EdgeImpulseCbor,
    /// Recordings of the predecessor.
    CiraCbor,
    /// Sensor measurement lists in JSON.
    SenmlJson,
    /// Sensor measurement lists in CBOR.
    SenmlCbor,
    /// Sound.
    Wav,
}

struct Facts {
    format: FileFormat,
    /// Its name in options.
    name: &'static str,
    /// What it is called in sentences.
    title: &'static str,
    read: Read,
    /// Whether `info.labels` is asked, and the name, where nothing else says the label.
    label: Option<NameIsLabel>,
}

/// How a format is read.
enum Read {
    /// As a table, whose columns the options give their purposes.
    Table(ReadTable),
    /// As recordings that the file describes itself.
    Acquired(ReadAcquired),
}

type ReadTable = fn(&PlannedFile, &ImportOptions) -> Result<Box<dyn Table>, ImportError>;

/// Tells too whether the file was read to its end, or only as far as a preview looks.
type ReadAcquired =
    fn(&PlannedFile, &ImportOptions, &mut Reading<'_>) -> Result<(ImportedFile, bool), ImportError>;

const TABLE: [Facts; 9] = [
    Facts {
        format: FileFormat::Csv,
        name: "csv",
        title: "delimited text",
        read: Read::Table(csv::open),
        label: Some(NameIsLabel::No),
    },
    Facts {
        format: FileFormat::Parquet,
        name: "parquet",
        title: "Parquet",
        read: Read::Table(parquet::open),
        label: Some(NameIsLabel::No),
    },
    Facts {
        format: FileFormat::Xlsx,
        name: "xlsx",
        title: "an Excel workbook",
        read: Read::Table(xlsx::open),
        label: Some(NameIsLabel::No),
    },
    Facts {
        format: FileFormat::EdgeImpulseJson,
        name: "edge_impulse_json",
        title: "Edge Impulse JSON",
        read: Read::Acquired(edge_impulse::import),
        label: Some(NameIsLabel::Yes),
    },
    Facts {
        format: FileFormat::EdgeImpulseCbor,
        name: "edge_impulse_cbor",
        title: "Edge Impulse CBOR",
        read: Read::Acquired(edge_impulse::import),
        label: Some(NameIsLabel::Yes),
    },
    Facts {
        format: FileFormat::CiraCbor,
        name: "cira_cbor",
        title: "CiRA CBOR",
        read: Read::Acquired(cira::import),
        // Its classes stand in the file.
        label: None,
    },
    Facts {
        format: FileFormat::SenmlJson,
        name: "senml_json",
        title: "SenML in JSON",
        read: Read::Acquired(senml::import),
        label: Some(NameIsLabel::No),
    },
    Facts {
        format: FileFormat::SenmlCbor,
        name: "senml_cbor",
        title: "SenML in CBOR",
        read: Read::Acquired(senml::import),
        label: Some(NameIsLabel::No),
    },
    Facts {
        format: FileFormat::Wav,
        name: "wav",
        title: "WAV",
        read: Read::Acquired(wav::import),
        label: Some(NameIsLabel::No),
    },
];

impl FileFormat {
    /// Every format.
    pub fn all() -> impl Iterator<Item = FileFormat> {
        TABLE.iter().map(|facts| facts.format)
    }

    /// Its name in options.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it is called in sentences.
    pub fn title(self) -> &'static str {
        self.facts().title
    }

    /// True where options give columns their purposes.
    pub fn is_table(self) -> bool {
        matches!(self.facts().read, Read::Table(_))
    }

    fn facts(self) -> &'static Facts {
        TABLE.iter().find(|facts| facts.format == self).expect("every format is in the table")
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a format that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format of files: {names} is expected", names = TABLE.map(|f| f.name).join(", "))]
pub struct UnknownFileFormat(String);

impl FromStr for FileFormat {
    type Err = UnknownFileFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFileFormat> {
        let found = TABLE.iter().find(|facts| facts.name == text).map(|facts| facts.format);
        found.ok_or_else(|| UnknownFileFormat(text.chars().take(40).collect()))
    }
}

/// Position of a column, or a refusal with the nearest names.
fn find_column(path: &Path, columns: &[String], name: &str) -> Result<usize, ImportError> {
    let found = columns.iter().position(|column| column == name && !name.is_empty());
    found.ok_or_else(|| {
        let names = columns.iter().map(String::as_str).filter(|name| !name.is_empty());
        let hint = did_you_mean(name, names.clone());
        let known: Vec<String> = names.take(20).map(|name| format!("`{name}`")).collect();
        let reason = format!("has no column `{name}`{hint}; its columns are {}", known.join(", "));
        ImportError::Form { path: path.to_owned(), reason }
    })
}

impl PlannedFile {
    /// Reads the file; true with that if it was read to its end.
    pub(super) fn import(
        &self,
        options: &ImportOptions,
        reading: &mut Reading<'_>,
    ) -> Result<(ImportedFile, bool), ImportError> {
        match (&self.format.facts().read, self.format) {
            // Most of all bytes come so: a reader of its own is faster than one behind a pointer.
            (_, FileFormat::Csv) => super::table::import(
                self,
                &mut csv::CsvTable::open(self, options)?,
                options,
                reading,
            ),
            (Read::Table(open), _) => {
                let mut table = open(self, options)?;
                super::table::import(self, table.as_mut(), options, reading)
            }
            (Read::Acquired(import), _) => import(self, options, reading),
        }
    }

    /// The file as a table, if it is one.
    pub(super) fn open_table(
        &self,
        options: &ImportOptions,
    ) -> Option<Result<Box<dyn Table>, ImportError>> {
        match &self.format.facts().read {
            Read::Table(open) => Some(open(self, options)),
            Read::Acquired(_) => None,
        }
    }

    /// The classes that its place, its name, or a label file says it has.
    pub(crate) fn classes_by_name(
        &self,
        options: &ImportOptions,
    ) -> Result<Vec<String>, ImportError> {
        match (self.format.facts().label, &options.label_from) {
            (Some(name), None) => acquired::classes(self, name),
            (None, None) => Ok(Vec::new()),
            (_, Some(LabelFrom::Column(_))) => Ok(Vec::new()),
            (_, Some(_)) => Ok(labels::facts(self, options)?.class.into_iter().collect()),
        }
    }
}
