//! What a user says about files to import: command-line options, checked once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use model_format::payload::csv::{self, Header};
use model_format::payload::time::{Decimal, TimeFormat};

use super::format::FileFormat;
use super::pattern::{Pattern, PatternError};

/// The options of `import`. Nothing is guessed: what a file does not say itself (Edge Impulse
/// files say almost everything, tables almost nothing) must be said here.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// Files, folders to import with everything below them, or ZIP archives of these: CSV, Parquet,
    /// XLSX, Edge Impulse (JSON, CBOR), CiRA CBOR, SenML (JSON, CBOR), WAV.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Tables: the column with the time of each row. The true rate is measured and reported.
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,

    /// Tables: unit of the time column: s, ms, us, ns or datetime (ISO 8601; UTC where it names no
    /// offset). Needed unless the name (`t_ms`) or the text of the times says it.
    #[arg(long, value_name = "UNIT", requires = "time")]
    pub time_unit: Option<TimeFormat>,

    /// Tables: samples per second, for files without a time column (with one, it is checked against
    /// it); `none` for rows that have no rate: cycles, irregular readings.
    #[arg(long, visible_alias = "rate", value_name = "HZ|none")]
    pub rate_hz: Option<RateOption>,

    /// Where the label stands:
    ///   folder              the name of the folder that the file lies in
    ///   filename            the file's name up to its first dot: idle.3.csv is `idle`
    ///   filename:PATTERN    a part of the name: with filename:{load}_{label}, hp0_ball_007.csv has
    ///                       the label `ball_007` and the tag load = hp0. Each {part} takes as
    ///                       little as it can, the last one all that is left; * is left out
    ///   column:NAME         a column, row by row; an empty cell is no label
    ///   value:CLASS         the same for all
    ///   none                no label (regression, monitoring)
    /// Edge Impulse files have theirs in info.labels, else before the first dot of their name.
    #[arg(long, value_name = "SOURCE", verbatim_doc_comment)]
    pub label_from: Option<LabelFrom>,

    /// Tags from the file's name, as in --label-from: gt_{year} gives gt_2014.csv the tag
    /// year = 2014.
    #[arg(long, value_name = "PATTERN")]
    pub tags_from: Option<Pattern>,

    /// A tag for all recordings, for example machine=pump3. Repeatable.
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    pub tags: Vec<NameValue>,

    /// Tables: a column whose values tell recordings apart: rows of the same value, wherever they
    /// stand, make one recording.
    #[arg(long, value_name = "COLUMN")]
    pub recording_column: Option<String>,

    /// Tables: a column that a regression shall predict. It is kept, but never becomes an input.
    /// Repeatable.
    #[arg(long = "target-column", value_name = "COLUMN")]
    pub target_columns: Vec<String>,

    /// Unit of a channel, for example pressure=bar. Repeatable.
    #[arg(long = "unit", value_name = "CHANNEL=UNIT")]
    pub units: Vec<NameValue>,

    /// Tables: a column to leave out. Repeatable.
    #[arg(long = "ignore-column", value_name = "COLUMN")]
    pub ignore_columns: Vec<String>,

    /// What the files are, where their first bytes say something else: csv, parquet, xlsx,
    /// edge_impulse_json, edge_impulse_cbor, cira_cbor, senml_json, senml_cbor or wav.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FileFormat>,

    /// Leave files out that are refused, and say why, instead of importing none.
    #[arg(long)]
    pub skip_refused: bool,

    /// CSV: lines above the table, to be left out.
    #[arg(long, value_name = "COUNT")]
    pub skip_lines: Option<u64>,

    /// CSV without a header row: the names of its columns, or `numbered` for column_1, column_2, …
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// CSV: how it is written: utf-8, utf-16le, utf-16be or windows-1252 (European loggers write °C
    /// so). UTF-16 with its mark is found.
    #[arg(long, value_name = "ENCODING")]
    pub encoding: Option<Encoding>,

    /// XLSX: the sheet. Needed where there are several.
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,

    /// Tables: each row is a window, with the values of these axes, sample after sample
    /// (x1, y1, z1, x2, y2, z2, …). Needs --rate-hz.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub window_axes: Vec<String>,

    /// Edge Impulse: the key that files are signed with. Each file's signature is verified, and a
    /// file without one is refused.
    #[arg(long, value_name = "KEY", env = "CIRAME_HMAC_KEY", hide_env_values = true)]
    pub hmac_key: Option<String>,

    /// CSV: the sign between two cells: , ; tab | or blanks. Found from the first lines otherwise.
    #[arg(long, value_name = "SIGN", value_parser = csv::parse_delimiter)]
    pub delimiter: Option<u8>,

    /// CSV: the decimal sign: point or comma. Found from the first lines otherwise.
    #[arg(long, value_name = "SIGN")]
    pub decimal: Option<Decimal>,
}

/// Checked options.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// The time column.
    pub time: Option<TimeOption>,
    /// The rate.
    pub rate: Option<RateOption>,
    /// Where the label stands.
    pub label_from: Option<LabelFrom>,
    /// Tags from file names.
    pub tags_from: Option<Pattern>,
    /// Tags of all recordings.
    pub tags: BTreeMap<String, String>,
    /// The column that tells recordings apart.
    pub recording_column: Option<String>,
    /// Columns that are regression targets.
    pub target_columns: Vec<String>,
    /// Units by channel.
    pub units: BTreeMap<String, String>,
    /// Columns to leave out.
    pub ignore_columns: Vec<String>,
    /// Delimiter, decimal sign, header, lines above the table.
    pub dialect: csv::Options,
    /// What all files are.
    pub format: Option<FileFormat>,
    /// How text is written.
    pub encoding: Option<Encoding>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// The axes of rows that are windows.
    pub window_axes: Vec<String>,
    /// The key of signatures.
    pub hmac_key: Option<String>,
    /// Whether files that are refused are left out.
    pub skip_refused: bool,
}

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows code page 1252, which Latin-1 is a part of.
    Windows1252,
}

impl Encoding {
    /// What turns it into UTF-8; none for UTF-8 itself.
    pub(super) fn decoder(self) -> Option<&'static encoding_rs::Encoding> {
        match self {
            Encoding::Utf8 => None,
            Encoding::Utf16Le => Some(encoding_rs::UTF_16LE),
            Encoding::Utf16Be => Some(encoding_rs::UTF_16BE),
            Encoding::Windows1252 => Some(encoding_rs::WINDOWS_1252),
        }
    }
}

/// The time column, and its unit if it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeOption {
    /// Name of the column.
    pub column: String,
    /// Its unit.
    pub format: Option<TimeFormat>,
}

/// The rate as it is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateOption {
    /// Samples per second.
    Hz(f64),
    /// There is none.
    None,
}

/// Where the label stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelFrom {
    /// The name of the folder.
    Folder,
    /// The file's name up to the first dot.
    Filename,
    /// A part of the file's name.
    FilenamePattern(Pattern),
    /// A column.
    Column(String),
    /// The same for all.
    Value(String),
    /// Nowhere: there are no labels.
    None,
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameValue {
    /// What stands before the sign.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

/// Options that are wrong by themselves or do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Not `NAME=VALUE`.
    #[error("{0:?} is not NAME=VALUE")]
    NameValue(String),
    /// Not a rate.
    #[error("{0:?} is no rate: a number of hertz above 0, or `none`, is expected")]
    Rate(String),
    /// Not a label source.
    #[error(
        "{0:?} is no source of labels: folder, filename, filename:PATTERN, column:NAME, \
         value:CLASS or none is expected"
    )]
    LabelFrom(String),
    /// Not an encoding.
    #[error("{0:?} is no encoding: utf-8, utf-16le, utf-16be or windows-1252 is expected")]
    Encoding(String),
    /// The same axis twice.
    #[error("--window-axes names {0:?} twice, or an empty name")]
    Axes(String),
    /// A bad pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A pattern that finds no label.
    #[error("the pattern {0:?} has no {{label}} in it; for tags alone there is --tags-from")]
    NoLabel(String),
    /// The same name twice.
    #[error("--{option} {name} is given twice")]
    Twice {
        /// The option.
        option: &'static str,
        /// The name.
        name: String,
    },
    /// One column for two purposes.
    #[error("the column {column:?} is named by {first} and by {second}: it can serve one purpose")]
    TwoPurposes {
        /// The column.
        column: String,
        /// The one option.
        first: &'static str,
        /// The other option.
        second: &'static str,
    },
}

impl ImportArgs {
    /// The checked options.
    ///
    /// # Errors
    /// If names are given twice or a column is to serve two purposes.
    pub fn options(&self) -> Result<ImportOptions, OptionError> {
        let options = ImportOptions {
            time: self.time.clone().map(|column| TimeOption { column, format: self.time_unit }),
            rate: self.rate_hz,
            label_from: self.label_from.clone(),
            tags_from: self.tags_from.clone(),
            tags: unique("tag", &self.tags)?,
            recording_column: self.recording_column.clone(),
            target_columns: self.target_columns.clone(),
            units: unique("unit", &self.units)?,
            ignore_columns: self.ignore_columns.clone(),
            dialect: csv::Options {
                delimiter: self.delimiter,
                decimal: self.decimal,
                skip_lines: self.skip_lines,
                header: Header::of_names(self.columns.clone()),
            },
            format: self.format,
            encoding: self.encoding,
            sheet: self.sheet.clone(),
            window_axes: self.window_axes.clone(),
            hmac_key: self.hmac_key.clone(),
            skip_refused: self.skip_refused,
        };
        options.check()?;
        Ok(options)
    }
}

impl ImportOptions {
    /// Refuses a column that is named for two purposes.
    ///
    /// # Errors
    /// [`OptionError::TwoPurposes`].
    pub fn check(&self) -> Result<(), OptionError> {
        let axes = &self.window_axes;
        for (index, axis) in axes.iter().enumerate() {
            if axis.is_empty() || axes[..index].contains(axis) {
                return Err(OptionError::Axes(axis.clone()));
            }
        }
        let mut purposes: BTreeMap<&str, &'static str> = BTreeMap::new();
        for (column, second) in self.named_columns() {
            if let Some(first) = purposes.insert(column, second) {
                return Err(OptionError::TwoPurposes { column: column.to_owned(), first, second });
            }
        }
        Ok(())
    }

    /// The columns that options name, with the option.
    pub(super) fn named_columns(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let label = match &self.label_from {
            Some(LabelFrom::Column(column)) => Some((column.as_str(), "--label-from")),
            _ => None,
        };
        let time = self.time.iter().map(|time| (time.column.as_str(), "--time"));
        let recording = self.recording_column.iter().map(|c| (c.as_str(), "--recording-column"));
        let targets = self.target_columns.iter().map(|c| (c.as_str(), "--target-column"));
        let ignored = self.ignore_columns.iter().map(|c| (c.as_str(), "--ignore-column"));
        time.chain(label).chain(recording).chain(targets).chain(ignored)
    }
}

fn unique(
    option: &'static str,
    pairs: &[NameValue],
) -> Result<BTreeMap<String, String>, OptionError> {
    let mut map = BTreeMap::new();
    for NameValue { name, value } in pairs {
        if map.insert(name.clone(), value.clone()).is_some() {
            return Err(OptionError::Twice { option, name: name.clone() });
        }
    }
    Ok(map)
}

impl FromStr for NameValue {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                Ok(NameValue { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(OptionError::NameValue(text.to_owned())),
        }
    }
}

impl FromStr for RateOption {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        if text == "none" {
            return Ok(RateOption::None);
        }
        match text.parse::<f64>() {
            Ok(hz) if hz > 0.0 && hz.is_finite() => Ok(RateOption::Hz(hz)),
            _ => Err(OptionError::Rate(text.to_owned())),
        }
    }
}

impl FromStr for Encoding {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text.to_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Encoding::Utf8),
            "utf-16" | "utf-16le" => Ok(Encoding::Utf16Le),
            "utf-16be" => Ok(Encoding::Utf16Be),
            "windows-1252" | "latin1" | "latin-1" | "iso-8859-1" => Ok(Encoding::Windows1252),
            _ => Err(OptionError::Encoding(text.to_owned())),
        }
    }
}

impl FromStr for LabelFrom {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text.split_once(':') {
            None if text == "folder" => Ok(LabelFrom::Folder),
            None if text == "filename" => Ok(LabelFrom::Filename),
            None if text == "none" => Ok(LabelFrom::None),
            Some(("filename", pattern)) => {
                let parsed: Pattern = pattern.parse()?;
                if !parsed.has_label() {
                    return Err(OptionError::NoLabel(pattern.to_owned()));
                }
                Ok(LabelFrom::FilenamePattern(parsed))
            }
            Some(("column", name)) if !name.is_empty() => Ok(LabelFrom::Column(name.to_owned())),
            Some(("value", class)) if !class.is_empty() => Ok(LabelFrom::Value(class.to_owned())),
            _ => Err(OptionError::LabelFrom(text.to_owned())),
        }
    }
}
