//! A sheet of an Excel workbook as a table.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use calamine::{Data, Range, Reader as _, Xlsx};
use model_format::payload::COLUMNS_MAX;
use model_format::payload::time::{Decimal, TimeFormat, rfc3339};

use super::super::files::{PlannedFile, io_error};
use super::super::table::Table;
use super::super::{ImportError, ImportOptions};

/// Largest workbook, packed and unpacked: a sheet lies in memory while it is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
const UNPACKED_BYTES_MAX: u64 = 1 << 30;

/// Nanoseconds of a day.
const DAY_NS: f64 = 86_400e9;

/// Days from the zero of Excel's dates to 1970.
const DAYS_TO_1970: f64 = 25_569.0;

struct XlsxTable {
    path: PathBuf,
    columns: Vec<String>,
    has_index: bool,
    sheet: Range<Data>,
    size_bytes: u64,
    /// The current row of the sheet, and the one that is moved to next; the header is row 0.
    at: usize,
    next: usize,
}

pub(super) fn open(
    file: &PlannedFile,
    options: &ImportOptions,
) -> Result<Box<dyn Table>, ImportError> {
    let form = |reason: String| ImportError::Form { path: file.path.clone(), reason };
    if file.size_bytes > FILE_BYTES_MAX {
        let reason = "is a workbook of more than 64 MiB: save the sheet as CSV";
        return Err(form(reason.to_owned()));
    }
    let input = File::open(&file.path).map_err(|source| io_error(&file.path, source))?;
    super::zip::check_unpacked(&file.path, &input, UNPACKED_BYTES_MAX)?;
    let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(input))
        .map_err(|error| form(format!("is no workbook that can be read: {error}")))?;
    let sheets = workbook.sheet_names();
    let sheet = match (&options.sheet, sheets.as_slice()) {
        (Some(name), sheets) if sheets.contains(name) => name.clone(),
        (None, [only]) => only.clone(),
        (given, sheets) => {
            let names: Vec<String> = sheets.iter().map(|name| format!("{name:?}")).collect();
            let found = match given {
                Some(name) => format!("has no sheet {name:?}; its sheets are {}", names.join(", ")),
                None => format!("has the sheets {}", names.join(", ")),
            };
            return Err(file.undecided(found, "name one with `--sheet NAME`"));
        }
    };
    let sheet = workbook
        .worksheet_range(&sheet)
        .map_err(|error| form(format!("its sheet {sheet:?} cannot be read: {error}")))?;
    let header = sheet.rows().next().ok_or_else(|| form("its sheet is empty".to_owned()))?;
    let columns: Vec<String> = header.iter().map(|cell| text(cell).trim().to_owned()).collect();
    check_names(&columns).map_err(form)?;
    Ok(Box::new(XlsxTable {
        path: file.path.clone(),
        has_index: columns.len() > 1 && columns[0].is_empty(),
        columns,
        sheet,
        size_bytes: file.size_bytes,
        at: 0,
        next: 1,
    }))
}

fn check_names(columns: &[String]) -> Result<(), String> {
    if columns.len() > COLUMNS_MAX {
        return Err(format!("has {} columns; at most {COLUMNS_MAX} are read", columns.len()));
    }
    if columns.iter().all(|name| name.is_empty() || name.parse::<f64>().is_ok()) {
        return Err("its first row holds no column names: put a header row above".to_owned());
    }
    let mut seen = HashSet::new();
    for (index, name) in columns.iter().enumerate() {
        if name.is_empty() && index > 0 {
            return Err(format!("column {} has no name in the first row: give it one", index + 1));
        }
        if !seen.insert(name) {
            return Err(format!("two columns are called `{name}`: rename one"));
        }
    }
    Ok(())
}

fn text(cell: &Data) -> Cow<'_, str> {
    match cell {
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
            Cow::Borrowed(text.trim())
        }
        Data::Int(value) => Cow::Owned(value.to_string()),
        Data::Float(value) => Cow::Owned(value.to_string()),
        Data::Bool(value) => Cow::Borrowed(if *value { "1" } else { "0" }),
        Data::DateTime(time) => match date_time_ns(time.as_f64()) {
            Some(time_ns) => Cow::Owned(rfc3339(time_ns)),
            None => Cow::Owned(time.as_f64().to_string()),
        },
        Data::Error(error) => Cow::Owned(error.to_string()),
        Data::Empty => Cow::Borrowed(""),
    }
}

/// Excel counts days in 64-bit floats: a tenth of a millisecond is what they tell apart.
fn date_time_ns(days: f64) -> Option<i64> {
    const TICK_NS: i64 = 100_000;
    let ticks = ((days - DAYS_TO_1970) * (DAY_NS / TICK_NS as f64)).round();
    (ticks.abs() < 9e13).then_some(ticks as i64 * TICK_NS)
}

impl XlsxTable {
    fn cell(&self, column: usize) -> &Data {
        self.sheet.get((self.at, column)).unwrap_or(&Data::Empty)
    }
}

impl Table for XlsxTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_index(&self) -> bool {
        self.has_index
    }

    fn next(&mut self) -> Result<bool, ImportError> {
        let is_there = self.peek()?;
        self.next += usize::from(is_there);
        Ok(is_there)
    }

    fn peek(&mut self) -> Result<bool, ImportError> {
        let is_there = self.next < self.sheet.height();
        if is_there {
            self.at = self.next;
        }
        Ok(is_there)
    }

    fn line(&self) -> u64 {
        let above = self.sheet.start().map_or(0, |(row, _)| row);
        u64::from(above) + self.at as u64 + 1
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, ImportError> {
        Ok(text(self.cell(column)))
    }

    fn number(&self, column: usize) -> Result<f32, ImportError> {
        let value = match self.cell(column) {
            Data::Empty => return Ok(f32::NAN),
            Data::Int(value) => *value as f64,
            Data::Float(value) => *value,
            Data::Bool(value) => f64::from(u8::from(*value)),
            Data::String(text) => match text.trim() {
                "" => return Ok(f32::NAN),
                text if ["na", "nan", "null"].contains(&text.to_lowercase().as_str()) => {
                    return Ok(f32::NAN);
                }
                text => match text.parse() {
                    Ok(value) => value,
                    Err(_) => return Err(self.cell_error(column, "is not a number")),
                },
            },
            _ => return Err(self.cell_error(column, "is not a number")),
        };
        match value as f32 {
            narrow if narrow.is_finite() => Ok(narrow),
            _ => Err(self.cell_error(column, "is not a finite 32-bit number")),
        }
    }

    fn time_ns(&self, column: usize, format: TimeFormat) -> Result<i64, ImportError> {
        let time = match (self.cell(column), format) {
            (Data::DateTime(time), TimeFormat::DateTime) => date_time_ns(time.as_f64()),
            (Data::Int(value), _) => format.of_integer(*value).ok(),
            (Data::Float(value), _) => format.of_number(*value).ok(),
            (Data::String(text) | Data::DateTimeIso(text), _) => {
                format.parse(text, Decimal::Point).ok()
            }
            _ => None,
        };
        time.ok_or_else(|| self.cell_error(column, &format!("is not {format}")))
    }

    fn cell_error(&self, column: usize, reason: &str) -> ImportError {
        let shown: String = text(self.cell(column)).chars().take(60).collect();
        let name = &self.columns[column];
        let found = format!("row {}, column `{name}`: {shown:?} {reason}", self.line());
        ImportError::Cell { path: self.path.clone(), found }
    }

    fn done_bytes(&self) -> u64 {
        let part = self.at as f64 / self.sheet.height().max(1) as f64;
        (part * self.size_bytes as f64) as u64
    }

    fn column(&self, name: &str) -> Result<usize, ImportError> {
        super::find_column(&self.path, &self.columns, name)
    }
}
