//! Rows from delimited text.

use std::io::Read;

use model_format::payload::csv::{CsvError, CsvErrorKind, Options, Reader, Row};
use model_format::payload::time::TimeFormat;
use model_format::pipeline::Pipeline;

use super::{InputRow, RowError, Rows, check_time, time_format};
use crate::config::Run;

pub(super) struct CsvRows<R> {
    reader: Reader<R>,
    time: Option<(usize, TimeFormat)>,
    recording: Option<usize>,
    /// Position of each channel of the model.
    channels: Vec<usize>,
}

impl<R: Read> CsvRows<R> {
    pub(super) fn open(
        name: &str,
        source: R,
        run: &Run,
        pipeline: &Pipeline,
    ) -> anyhow::Result<Self> {
        let options =
            Options { delimiter: run.delimiter, decimal: run.decimal, ..Options::default() };
        let mut reader = Reader::open(name, source, &options)?;
        let channels = pipeline.channels.iter().map(|channel| reader.column(&channel.name));
        let channels = channels.collect::<Result<Vec<_>, _>>().map_err(missing_channel)?;
        check_time(run, pipeline, name, &reader.columns().join(", "))?;
        let time = match &run.time {
            Some(column) => {
                let position = reader.column(column)?;
                let format = match (run.time_unit, reader.peek_row()) {
                    (Some(format), _) => format,
                    (None, Ok(Some(row))) => time_format(name, column, row.text(position)?)?,
                    // Without a row there is no time to read.
                    (None, Ok(None)) => TimeFormat::Seconds,
                    (None, Err(error)) => return Err(error.into()),
                };
                Some((position, format))
            }
            None => None,
        };
        let recording = match &run.recording_column {
            Some(column) => Some(reader.column(column)?),
            None => None,
        };
        Ok(CsvRows { reader, time, recording, channels })
    }
}

fn missing_channel(error: CsvError) -> anyhow::Error {
    let is_unknown = matches!(error.kind, CsvErrorKind::Unknown { .. });
    let error = anyhow::Error::from(error);
    match is_unknown {
        true => error.context("the model expects a channel that the input does not have"),
        false => error,
    }
}

impl<R: Read> Rows for CsvRows<R> {
    fn next(&mut self, row: &mut InputRow) -> Result<bool, RowError> {
        let (time, recording) = (self.time, self.recording);
        let Some(cells) = self.reader.next_row().map_err(refuse)? else { return Ok(false) };
        fill(row, &cells, time, recording, &self.channels).map_err(refuse)?;
        Ok(true)
    }
}

fn fill(
    row: &mut InputRow,
    cells: &Row<'_>,
    time: Option<(usize, TimeFormat)>,
    recording: Option<usize>,
    channels: &[usize],
) -> Result<(), CsvError> {
    if let Some((position, format)) = time {
        let time_ns = cells.time_ns(position, format)?;
        row.time_ns = Some(time_ns);
        row.absolute_time = format.is_absolute(time_ns);
    }
    row.recording.clear();
    if let Some(position) = recording {
        row.recording.push_str(cells.text(position)?);
    }
    row.values.clear();
    for position in channels {
        row.values.push(cells.number(*position)?);
    }
    Ok(())
}

fn refuse(error: CsvError) -> RowError {
    match error.is_of_one_row() {
        true => RowError::Row(error.into()),
        false => RowError::End(error.into()),
    }
}
