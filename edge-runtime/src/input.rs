//! The samples to answer: rows from a file or a pipe, with the channels in the model's order.

mod csv_rows;
mod edge_impulse_rows;
mod json_rows;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use model_format::payload::time::TimeFormat;
use model_format::pipeline::Pipeline;

use crate::config::{Format, Run};

/// One row, ready for a stream.
#[derive(Debug, Default)]
pub(crate) struct InputRow {
    /// Its time, if the input has times.
    pub(crate) time_ns: Option<i64>,
    /// True if its time counts from 1970.
    pub(crate) absolute_time: bool,
    /// Value of the recording column; empty without one.
    pub(crate) recording: String,
    /// A value for each channel of the model; NaN where there is none.
    pub(crate) values: Vec<f32>,
}

/// Why there is no row.
pub(crate) enum RowError {
    /// Only this row is bad.
    Row(anyhow::Error),
    /// No further row can be read.
    End(anyhow::Error),
}

/// Something that gives rows.
pub(crate) trait Rows {
    /// Fills `row` with the next row; false at the end.
    fn next(&mut self, row: &mut InputRow) -> Result<bool, RowError>;

    /// Rows per second, where the format itself says it.
    fn rate_hz(&self) -> Option<f64> {
        None
    }
}

/// An open input.
pub(crate) struct Input {
    pub(crate) rows: Box<dyn Rows>,
    /// Bytes read up to now.
    pub(crate) position_bytes: Arc<AtomicU64>,
    /// Size of the file; none for a pipe.
    pub(crate) size_bytes: Option<u64>,
    /// True where rows come as they are measured, so that each answer should leave at once.
    pub(crate) is_live: bool,
}

/// Opens the input that `run` names, for the channels of `pipeline`.
///
/// # Errors
/// If it cannot be read, its format or its times are not said, or a channel is missing.
pub(crate) fn open(run: &Run, pipeline: &Pipeline) -> anyhow::Result<Input> {
    let is_live = run.input == Path::new("-");
    let format = match run.format {
        Some(format) => format,
        None => format_of(&run.input, is_live)?,
    };
    let name = if is_live { "standard input".to_owned() } else { run.input.display().to_string() };
    let (source, size_bytes): (Box<dyn Read>, _) = if is_live {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(&run.input).with_context(|| name.clone())?;
        let metadata = file.metadata().with_context(|| name.clone())?;
        (Box::new(file), metadata.is_file().then_some(metadata.len()))
    };
    let position_bytes = Arc::new(AtomicU64::new(0));
    let source = Counted { inner: source, count: Arc::clone(&position_bytes) };
    let rows: Box<dyn Rows> = match format {
        Format::Csv => Box::new(csv_rows::CsvRows::open(&name, source, run, pipeline)?),
        Format::Jsonl => Box::new(json_rows::JsonRows::open(&name, source, run, pipeline)?),
        Format::EdgeImpulse => {
            Box::new(edge_impulse_rows::AcquisitionRows::open(&name, source, run, pipeline)?)
        }
    };
    Ok(Input { rows, position_bytes, size_bytes, is_live })
}

fn format_of(path: &Path, is_live: bool) -> anyhow::Result<Format> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    match ending.to_ascii_lowercase().as_str() {
        "csv" | "tsv" => Ok(Format::Csv),
        "jsonl" | "ndjson" => Ok(Format::Jsonl),
        "json" => Ok(Format::EdgeImpulse),
        _ if is_live => bail!(
            "the format of standard input is not said: add `--format csv` or \
            `--format jsonl`"
        ),
        _ => bail!(
            "the name {} does not say the format: add `--format csv`, `jsonl` or `edge-impulse`",
            path.display()
        ),
    }
}

/// Refuses input without times where the model needs them.
///
/// # Errors
/// Says which options would help; `columns` is what there is.
fn check_time(run: &Run, pipeline: &Pipeline, name: &str, columns: &str) -> anyhow::Result<()> {
    match (&run.time, run.rate_hz, pipeline.rate.hz()) {
        (None, None, Some(hz)) => bail!(
            "{name}: no time column is named and no rate is given; there is {columns}: add \
             `--time COLUMN`, or `--rate-hz {hz}` if the rows come at the rate that the model \
             expects"
        ),
        _ => Ok(()),
    }
}

/// The format of times whose unit is not given, where the column and its first time leave no doubt.
///
/// # Errors
/// Says which option to add.
fn time_format(name: &str, column: &str, first: &str) -> anyhow::Result<TimeFormat> {
    match TimeFormat::unambiguous(column, first) {
        Some(format) => Ok(format),
        None if first.parse::<f64>().is_ok() => bail!(
            "{name}: the times in `{column}` are numbers ({first} is the first): add \
             `--time-unit s`, `ms`, `us` or `ns`"
        ),
        None => bail!(
            "{name}: the first time in `{column}` is {first:?}, which is neither a number nor an \
             ISO 8601 date-time such as 2026-11-24 09:30:00.250"
        ),
    }
}

/// Counts what is read, for the progress.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
