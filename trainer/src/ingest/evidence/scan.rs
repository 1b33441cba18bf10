//! The facts of each column, counted over the first rows of some tables.

use model_format::payload::time::{Decimal, TimeFormat};
use std::collections::BTreeSet;

use super::super::ImportOptions;
use super::super::table::Table;
use super::{ColumnKind, ImportError, PlannedFile, ROWS_MAX};

/// Most bytes of all files together that are looked at, however long their rows are.
const BYTES_MAX: u64 = 8 << 20;

/// Most different values of a column that are told apart.
const DISTINCT_MAX: usize = 200;

/// Most different values that are shown, and most characters of each.
const EXAMPLES_MAX: usize = 5;
const EXAMPLE_CHARS_MAX: usize = 60;

/// What some tables of the same kind say.
#[derive(Debug)]
pub(super) struct Scan {
    /// Name of the first file.
    pub(super) file: String,
    /// Delimiter and decimal sign, where the format has such signs.
    pub(super) dialect: Option<(u8, Decimal)>,
    pub(super) rows: u64,
    pub(super) files: u64,
    pub(super) columns: Vec<ColumnFacts>,
    /// Bytes that were looked at.
    bytes: u64,
}

/// What is in a column.
#[derive(Debug, Default)]
pub(super) struct ColumnFacts {
    pub(super) name: String,
    /// Files that have it.
    pub(super) files: u64,
    pub(super) examples: Vec<String>,
    pub(super) missing: u64,
    /// Cells with a value; those with a number; those with a date-time.
    pub(super) cells: u64,
    pub(super) numbers: u64,
    date_times: u64,
    /// The first value that is neither, with its line.
    pub(super) other: Option<(u64, String)>,
    pub(super) distinct: BTreeSet<String>,
    /// True where there are more different values than are told apart.
    pub(super) is_manifold: bool,
    /// Stretches of rows with the same value.
    pub(super) runs: u64,
    /// Steps from one row to the next, as numbers (of date-times: in seconds).
    pub(super) steps: Vec<f64>,
    /// The first number.
    pub(super) first: Option<f64>,
    pub(super) is_fractional: bool,
    /// Rows, over all files, at which the value falls; and at which it changes.
    pub(super) falls_at: Vec<u64>,
    pub(super) changes_at: Vec<u64>,
    last: Option<f64>,
    last_text: Option<String>,
}

impl ColumnFacts {
    pub(super) fn kind(&self) -> ColumnKind {
        if self.cells == 0 {
            ColumnKind::Empty
        } else if 10 * self.date_times >= 9 * self.cells {
            ColumnKind::DateTime
        } else if 10 * self.numbers >= 9 * self.cells {
            ColumnKind::Number
        } else {
            ColumnKind::Text
        }
    }

    /// The step in the middle of those that rise.
    pub(super) fn median_step(&self) -> Option<f64> {
        let mut rising: Vec<f64> = self.steps.iter().copied().filter(|step| *step > 0.0).collect();
        rising.sort_unstable_by(f64::total_cmp);
        rising.get(rising.len() / 2).copied()
    }

    /// How many of ten steps rise, at least.
    pub(super) fn rises(&self, of_ten: usize) -> bool {
        let rising = self.steps.iter().filter(|step| **step > 0.0).count();
        !self.steps.is_empty() && 10 * rising >= of_ten * self.steps.len()
    }

    fn add(&mut self, row_number: u64, row: &dyn Table, position: usize, decimal: Decimal) {
        let Ok(text) = row.text(position) else { return };
        let text = text.as_ref();
        let number = row.number(position);
        if text.is_empty() || number.as_ref().is_ok_and(|value| value.is_nan()) {
            self.missing += 1;
            return;
        }
        self.cells += 1;
        let value = match number {
            Ok(_) => {
                self.numbers += 1;
                plain(text, decimal)
            }
            Err(_) => match TimeFormat::DateTime.parse(text, decimal) {
                Ok(time_ns) => {
                    self.date_times += 1;
                    Some(time_ns as f64 * 1e-9)
                }
                Err(_) => {
                    let shown = || (row.line(), shortened(text));
                    self.other.get_or_insert_with(shown);
                    None
                }
            },
        };
        self.add_text(row_number, text);
        if let Some(value) = value {
            self.add_number(row_number, value);
        }
    }

    fn add_text(&mut self, row_number: u64, text: &str) {
        if self.last_text.as_deref() == Some(text) {
            return;
        }
        self.runs += 1;
        if self.last_text.is_some() {
            self.changes_at.push(row_number);
        }
        self.last_text = Some(text.to_owned());
        if self.distinct.contains(text) {
            return;
        }
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(shortened(text));
        }
        match self.distinct.len() < DISTINCT_MAX {
            true => drop(self.distinct.insert(text.to_owned())),
            false => self.is_manifold = true,
        }
    }

    fn add_number(&mut self, row_number: u64, value: f64) {
        self.first.get_or_insert(value);
        self.is_fractional |= value.fract() != 0.0;
        if let Some(last) = self.last.replace(value) {
            self.steps.push(value - last);
            if value < last {
                self.falls_at.push(row_number);
            }
        }
    }
}

/// A number as it is written, in 64 bits: times do not fit into 32.
fn plain(text: &str, decimal: Decimal) -> Option<f64> {
    match decimal {
        Decimal::Point => text.parse().ok(),
        Decimal::Comma => text.replace(',', ".").parse().ok(),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(EXAMPLE_CHARS_MAX).collect()
}

/// Counts over the files that can be read, which begin with a table of rows; none if there is none. The
/// first file with rows says which columns there are.
pub(super) fn scan(
    files: &[&PlannedFile],
    options: &ImportOptions,
) -> Result<Option<Scan>, ImportError> {
    let mut scan: Option<Scan> = None;
    let mut refused = None;
    for file in files {
        match add(&mut scan, file, options) {
            Err(error @ ImportError::Io { .. }) => return Err(error),
            Err(error) => drop(refused.get_or_insert(error)),
            Ok(()) => {}
        }
    }
    match (scan, refused) {
        (None, Some(error)) => Err(error),
        (scan, _) => Ok(scan),
    }
}

fn add(
    scan: &mut Option<Scan>,
    file: &PlannedFile,
    options: &ImportOptions,
) -> Result<(), ImportError> {
    let Some(table) = file.open_table(options) else { return Ok(()) };
    let mut table = table?;
    // A file without rows says something about columns only while no other one does.
    if scan.as_ref().is_none_or(|scan| scan.rows == 0) {
        let named = |name: &String| ColumnFacts { name: name.clone(), ..ColumnFacts::default() };
        *scan = Some(Scan {
            file: file.name.clone(),
            dialect: table.dialect(),
            rows: 0,
            files: 0,
            columns: table.columns().iter().map(named).collect(),
            bytes: 0,
        });
    }
    let Some(scan) = scan else { return Ok(()) };
    scan.files += 1;
    // Of each column of the scan: where it is in this file.
    let places: Vec<Option<usize>> = scan
        .columns
        .iter()
        .map(|column| table.columns().iter().position(|name| *name == column.name))
        .collect();
    for (column, place) in scan.columns.iter_mut().zip(&places) {
        column.files += u64::from(place.is_some());
        (column.last, column.last_text) = (None, None);
    }
    let decimal = table.dialect().map_or(Decimal::Point, |(_, decimal)| decimal);
    let mut rows = 0;
    while rows < ROWS_MAX && scan.bytes + table.done_bytes() < BYTES_MAX {
        match table.next() {
            Ok(false) => break,
            Ok(true) => {
                for (column, place) in scan.columns.iter_mut().zip(&places) {
                    if let Some(position) = place {
                        column.add(scan.rows, table.as_ref(), *position, decimal);
                    }
                }
                scan.rows += 1;
            }
            // The import itself says what is wrong with the row.
            Err(ImportError::Csv(error)) if error.is_of_one_row() => {}
            Err(ImportError::Cell { .. }) => {}
            Err(_) => break,
        }
        rows += 1;
    }
    scan.bytes += table.done_bytes();
    Ok(())
}
