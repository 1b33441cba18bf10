//! Parquet files of other programs as tables, read a group of rows at a time.

use std::borrow::Cow;
use std::fs::File;
use std::path::PathBuf;

use model_format::payload::COLUMNS_MAX;
use model_format::payload::time::{Decimal, TimeFormat, rfc3339};
use polars::prelude::{AnyValue, DataFrame, DataType, ParquetReader, SerReader as _, TimeUnit};

use super::super::files::{PlannedFile, io_error};
use super::super::table::Table;
use super::super::{ImportError, ImportOptions};

/// Rows that are read at once.
const GROUP_ROWS: usize = 1 << 16;

/// Most values that are read at once.
const GROUP_VALUES: usize = 1 << 22;

struct ParquetTable {
    path: PathBuf,
    columns: Vec<String>,
    kinds: Vec<Kind>,
    rows: usize,
    size_bytes: u64,
    group_rows: usize,
    /// Rows before the group at hand.
    before: usize,
    group: DataFrame,
    /// Row of the group that is the current one.
    at: usize,
    /// The row that is moved to next.
    next: usize,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Bool,
    Text,
    /// Times, in so many nanoseconds.
    Time(i64),
}

pub(super) fn open(file: &PlannedFile, _: &ImportOptions) -> Result<Box<dyn Table>, ImportError> {
    let form = |reason: String| ImportError::Form { path: file.path.clone(), reason };
    let input = File::open(&file.path).map_err(|source| io_error(&file.path, source))?;
    let mut reader = ParquetReader::new(input);
    let unread = |error: &dyn std::fmt::Display| {
        form(format!("is no Parquet file that can be read: {error}"))
    };
    let rows = reader.num_rows().map_err(|error| unread(&error))?;
    let schema = reader.schema().map_err(|error| unread(&error))?;
    let columns: Vec<String> = schema.iter_names().map(|name| name.to_string()).collect();
    if columns.is_empty() || columns.len() > COLUMNS_MAX {
        return Err(form(format!("has {} columns; 1 to {COLUMNS_MAX} are read", columns.len())));
    }
    let mut table = ParquetTable {
        path: file.path.clone(),
        kinds: Vec::new(),
        rows,
        size_bytes: file.size_bytes,
        group_rows: (GROUP_VALUES / columns.len()).clamp(64, GROUP_ROWS),
        columns,
        before: 0,
        group: DataFrame::empty(),
        at: 0,
        next: 0,
    };
    table.group = table.read(0)?;
    let kinds = table.group.columns().iter().map(|column| {
        kind(column.dtype()).ok_or_else(|| {
            form(format!(
                "its column `{}` holds {}, which is no number, text or time: save it without",
                column.name(),
                column.dtype()
            ))
        })
    });
    table.kinds = kinds.collect::<Result<_, _>>()?;
    Ok(Box::new(table))
}

fn kind(of: &DataType) -> Option<Kind> {
    Some(match of {
        DataType::Boolean => Kind::Bool,
        DataType::String => Kind::Text,
        DataType::Datetime(TimeUnit::Nanoseconds, _) => Kind::Time(1),
        DataType::Datetime(TimeUnit::Microseconds, _) => Kind::Time(1_000),
        DataType::Datetime(TimeUnit::Milliseconds, _) => Kind::Time(1_000_000),
        of if of.is_primitive_numeric() => Kind::Number,
        _ => return None,
    })
}

impl ParquetTable {
    /// The rows from there on.
    fn read(&self, from: usize) -> Result<DataFrame, ImportError> {
        let input = File::open(&self.path).map_err(|source| io_error(&self.path, source))?;
        let reader = ParquetReader::new(input).with_slice(Some((from, self.group_rows)));
        // Damaged pages have made readers of this format panic; they are a refusal all the same.
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader.finish()));
        let damaged = |reason: String| ImportError::Form { path: self.path.clone(), reason };
        match read {
            Ok(Ok(group)) => Ok(group),
            Ok(Err(error)) => Err(damaged(format!("is no Parquet file that can be read: {error}"))),
            Err(_) => Err(damaged("is damaged: it cannot be read".to_owned())),
        }
    }

    fn value(&self, column: usize) -> AnyValue<'_> {
        self.group.columns()[column].get(self.at).unwrap_or(AnyValue::Null)
    }
}

impl Table for ParquetTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<bool, ImportError> {
        let is_there = self.peek()?;
        self.next += usize::from(is_there);
        Ok(is_there)
    }

    fn peek(&mut self) -> Result<bool, ImportError> {
        if self.next >= self.rows {
            return Ok(false);
        }
        if self.next >= self.before + self.group.height() {
            self.group = self.read(self.next)?;
            self.before = self.next;
        }
        self.at = self.next - self.before;
        Ok(self.at < self.group.height())
    }

    fn line(&self) -> u64 {
        (self.before + self.at) as u64 + 1
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, ImportError> {
        Ok(match (self.value(column), self.kinds[column]) {
            (AnyValue::Null, _) => Cow::Borrowed(""),
            (AnyValue::String(text), _) => Cow::Owned(text.trim().to_owned()),
            (value, Kind::Time(scale)) => {
                let time_ns = value.extract::<i64>().unwrap_or(0).saturating_mul(scale);
                Cow::Owned(rfc3339(time_ns))
            }
            (AnyValue::Boolean(value), _) => Cow::Borrowed(if value { "1" } else { "0" }),
            (AnyValue::Float32(value), _) => Cow::Owned(value.to_string()),
            (AnyValue::Float64(value), _) => Cow::Owned(value.to_string()),
            (value, _) => Cow::Owned(value.to_string()),
        })
    }

    fn number(&self, column: usize) -> Result<f32, ImportError> {
        let value = match (self.value(column), self.kinds[column]) {
            (AnyValue::Null, _) => return Ok(f32::NAN),
            (AnyValue::Boolean(value), _) => f64::from(u8::from(value)),
            (value, Kind::Number) => match value.extract::<f64>() {
                Some(value) => value,
                None => return Err(self.cell_error(column, "is not a number")),
            },
            _ => return Err(self.cell_error(column, "is not a number")),
        };
        match value as f32 {
            narrow if narrow.is_finite() || value.is_nan() => Ok(narrow),
            _ => Err(self.cell_error(column, "is not a finite 32-bit number")),
        }
    }

    fn time_ns(&self, column: usize, format: TimeFormat) -> Result<i64, ImportError> {
        let value = self.value(column);
        let time = match (&value, self.kinds[column]) {
            (AnyValue::Null, _) => None,
            (value, Kind::Time(scale)) => {
                if format != TimeFormat::DateTime {
                    let reason = "is a date-time: leave out --time-unit, or say datetime";
                    return Err(self.cell_error(column, reason));
                }
                value.extract::<i64>().and_then(|time| time.checked_mul(scale))
            }
            (AnyValue::Float32(_) | AnyValue::Float64(_), _) => {
                value.extract::<f64>().and_then(|value| format.of_number(value).ok())
            }
            (AnyValue::String(text), _) => format.parse(text, Decimal::Point).ok(),
            (value, _) => value.extract::<i64>().and_then(|value| format.of_integer(value).ok()),
        };
        time.ok_or_else(|| self.cell_error(column, &format!("is not {format}")))
    }

    fn cell_error(&self, column: usize, reason: &str) -> ImportError {
        let value = self.value(column).to_string();
        let shown: String = value.chars().take(60).collect();
        let found =
            format!("row {}, column `{}`: {shown} {reason}", self.line(), self.columns[column]);
        ImportError::Cell { path: self.path.clone(), found }
    }

    fn done_bytes(&self) -> u64 {
        let part = (self.before + self.at) as f64 / self.rows.max(1) as f64;
        (part * self.size_bytes as f64) as u64
    }

    fn column(&self, name: &str) -> Result<usize, ImportError> {
        super::find_column(&self.path, &self.columns, name)
    }
}
