//! One CSV file: columns get their purposes, rows become recordings.

mod advice;

use std::collections::HashMap;
use std::fs::File;

use model_format::payload::csv::{CsvError, CsvErrorKind, Reader, Row};
use model_format::payload::time::{TimeFormat, row_time_ns};

use super::files::{PlannedFile, io_error};
use super::labels::{self, FileFacts};
use super::{
    FILE_VALUES_MAX, ImportError, ImportOptions, ImportedFile, ImportedRecording, LabelFrom,
    RateOption, Timing,
};
use crate::recording::{LabelSpan, RecordedChannel, Recording, Role};

/// How far the times may deviate from a rate that is given beside them.
const RATE_TOLERANCE: f64 = 0.05;

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1 << 14;

/// Reads a file; the whole of it, or `rows_max` rows. The second part of the answer is true if that
/// was the whole.
pub(super) fn import(
    file: &PlannedFile,
    options: &ImportOptions,
    rows_max: Option<u64>,
    progress: &mut dyn FnMut(u64),
) -> Result<(ImportedFile, bool), ImportError> {
    let input = File::open(&file.path).map_err(|source| io_error(&file.path, source))?;
    let name = file.path.display().to_string();
    let mut reader = Reader::open(&name, input, &options.dialect)?;
    let columns = Columns::assign(file, &mut reader, options)?;
    let facts = labels::facts(file, options)?;
    let mut rows = Rows::new(&columns);
    let mut is_whole = true;
    while let Some(row) = reader.next_row()? {
        if rows_max.is_some_and(|rows_max| rows.count >= rows_max) {
            is_whole = false;
            break;
        }
        rows.push(file, &row)?;
        if rows.count.is_multiple_of(PROGRESS_ROWS) {
            progress(reader.position_bytes());
        }
    }
    let mut notes = Vec::new();
    if reader.has_index() {
        notes.push("the first column has no name and was left out as an index".to_owned());
    }
    let recordings = rows
        .recordings
        .into_iter()
        .map(|rows| rows.finish(file, options, &columns, &facts, notes.clone()))
        .collect::<Result<_, _>>()?;
    Ok((ImportedFile { path: file.path.clone(), recordings }, is_whole))
}

/// What each column is for.
struct Columns {
    time: Option<(usize, TimeFormat)>,
    label: Option<usize>,
    recording: Option<(usize, String)>,
    channels: Vec<ChannelColumn>,
}

struct ChannelColumn {
    position: usize,
    name: String,
    unit: Option<String>,
    role: Role,
}

impl Columns {
    fn assign(
        file: &PlannedFile,
        reader: &mut Reader<File>,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        for (column, _) in options.named_columns() {
            reader.column(column)?;
        }
        let time = match &options.time {
            Some(time) => {
                let position = reader.column(&time.column)?;
                Some((position, time_format(file, reader, position, time.format)?))
            }
            None if options.rate.is_none() => return Err(advice::no_time(file, reader)),
            None => None,
        };
        if options.label_from.is_none() && options.target_columns.is_empty() {
            return Err(advice::no_label(file, reader));
        }
        let label = match &options.label_from {
            Some(LabelFrom::Column(column)) => Some(reader.column(column)?),
            _ => None,
        };
        let recording = match &options.recording_column {
            Some(column) => Some((reader.column(column)?, column.clone())),
            None => None,
        };
        let channels = channels(reader.columns(), options);
        if !channels.iter().any(|channel| channel.role == Role::Input) {
            let found = "no column is left to be an input channel";
            return Err(file.undecided(found, "name fewer columns in the options"));
        }
        file.check_units(options, channels.iter().map(|channel| channel.name.as_str()))?;
        Ok(Columns { time, label, recording, channels })
    }
}

/// The columns that serve no other purpose.
fn channels(columns: &[String], options: &ImportOptions) -> Vec<ChannelColumn> {
    let is_free = |name: &str| {
        let mut others = options.named_columns();
        others.all(|(column, option)| column != name || option == "--target-column")
    };
    let columns = columns.iter().enumerate();
    columns
        .filter(|(_, name)| !name.is_empty() && is_free(name))
        .map(|(position, name)| ChannelColumn {
            position,
            name: name.clone(),
            unit: options.units.get(name).cloned(),
            role: match options.target_columns.contains(name) {
                true => Role::Target,
                false => Role::Input,
            },
        })
        .collect()
}

fn time_format(
    file: &PlannedFile,
    reader: &mut Reader<File>,
    position: usize,
    given: Option<TimeFormat>,
) -> Result<TimeFormat, ImportError> {
    if let Some(format) = given {
        return Ok(format);
    }
    let column = reader.columns()[position].clone();
    let Some(row) = reader.peek_row()? else { return Ok(TimeFormat::Seconds) };
    let first = row.text(position)?;
    TimeFormat::unambiguous(&column, first)
        .ok_or_else(|| advice::no_time_unit(file, &column, first))
}

/// The rows of a file, by recording.
struct Rows<'a> {
    columns: &'a Columns,
    recordings: Vec<RecordingRows>,
    by_key: HashMap<String, usize>,
    /// Rows up to now.
    count: u64,
}

struct RecordingRows {
    key: String,
    time_ns: Vec<i64>,
    values: Vec<Vec<f32>>,
    labels: Vec<LabelSpan>,
}

impl<'a> Rows<'a> {
    fn new(columns: &'a Columns) -> Self {
        Rows { columns, recordings: Vec::new(), by_key: HashMap::new(), count: 0 }
    }

    fn push(&mut self, file: &PlannedFile, row: &Row<'_>) -> Result<(), ImportError> {
        let columns = self.columns;
        self.count += 1;
        if self.count * (columns.channels.len() as u64 + 2) > FILE_VALUES_MAX {
            return Err(ImportError::TooLarge { path: file.path.clone() });
        }
        let key = match &columns.recording {
            Some((position, _)) => row.text(*position)?,
            None => "",
        };
        if key.is_empty()
            && let Some((position, _)) = &columns.recording
        {
            let reason = "is empty, but tells the recordings apart";
            return Err(row.cell_error(*position, reason).into());
        }
        let recording = self.recording(key);
        if let Some((position, format)) = columns.time {
            recording.time_ns.push(row.time_ns(position, format)?);
        }
        for (channel, values) in columns.channels.iter().zip(&mut recording.values) {
            let value = row.number(channel.position);
            values.push(value.map_err(|error| advised(file, &channel.name, error))?);
        }
        if let Some(position) = columns.label {
            let number = recording.values[0].len() as u64 - 1;
            labels::extend(&mut recording.labels, number, row.text(position)?);
        }
        Ok(())
    }

    fn recording(&mut self, key: &str) -> &mut RecordingRows {
        // Rows of a recording mostly follow one another.
        let index = match self.recordings.last() {
            Some(last) if last.key == key => self.recordings.len() - 1,
            _ => match self.by_key.get(key) {
                Some(index) => *index,
                None => {
                    let index = self.recordings.len();
                    self.by_key.insert(key.to_owned(), index);
                    self.recordings.push(RecordingRows {
                        key: key.to_owned(),
                        time_ns: Vec::new(),
                        values: vec![Vec::new(); self.columns.channels.len()],
                        labels: Vec::new(),
                    });
                    index
                }
            },
        };
        &mut self.recordings[index]
    }
}

/// A cell that is no number, with what its column may be instead.
fn advised(file: &PlannedFile, column: &str, error: CsvError) -> ImportError {
    match error.kind {
        kind @ CsvErrorKind::Cell { .. } => advice::not_a_number(file, column, &kind.to_string()),
        _ => error.into(),
    }
}

impl RecordingRows {
    fn finish(
        self,
        file: &PlannedFile,
        options: &ImportOptions,
        columns: &Columns,
        facts: &FileFacts,
        notes: Vec<String>,
    ) -> Result<ImportedRecording, ImportError> {
        let rows = self.values[0].len();
        let timing = columns.time.map(|_| Timing::measure(&self.time_ns));
        let rate_hz = rate(file, options, timing.as_ref())?;
        let absolute_time = match columns.time {
            Some((_, format)) => self.time_ns.first().is_some_and(|ns| format.is_absolute(*ns)),
            None => false,
        };
        let time_ns = match columns.time {
            Some(_) => self.time_ns,
            None => (0..rows as u64).map(|row| row_time_ns(row, rate_hz)).collect(),
        };
        let labels = match columns.label {
            Some(_) => self.labels,
            None => labels::whole(facts.class.as_deref(), rows),
        };
        let mut tags = facts.tags.clone();
        let mut name = file.name.clone();
        if let Some((_, column)) = &columns.recording {
            name = format!("{name}#{}", self.key);
            tags.insert(column.clone(), self.key);
        }
        let values = self.values.iter().flatten();
        let missing_values = values.filter(|value| value.is_nan()).count() as u64;
        let channels = columns.channels.iter().zip(self.values).map(|(channel, values)| {
            let ChannelColumn { name, unit, role, .. } = channel;
            RecordedChannel { name: name.clone(), unit: unit.clone(), role: *role, values }
        });
        let channels = channels.collect();
        let recording = Recording { name, channels, time_ns, absolute_time, rate_hz, labels, tags };
        Ok(ImportedRecording { recording, timing, missing_values, notes })
    }
}

/// The rate: as given, or as the times say; both must agree.
fn rate(
    file: &PlannedFile,
    options: &ImportOptions,
    timing: Option<&Timing>,
) -> Result<Option<f64>, ImportError> {
    let measured = timing.map(|timing| timing.rate_hz);
    match (options.rate, measured) {
        (Some(RateOption::None), _) | (None, None) => Ok(None),
        (Some(RateOption::Hz(given)), Some(Some(measured))) => {
            if (measured / given - 1.0).abs() > RATE_TOLERANCE {
                let found = format!("its times say {measured} Hz, --rate-hz says {given}");
                return Err(file.undecided(found, "correct the rate or leave it out"));
            }
            Ok(Some(given))
        }
        (Some(RateOption::Hz(given)), _) => Ok(Some(given)),
        (None, Some(Some(measured))) => Ok(Some(measured)),
        (None, Some(None)) => Err(file.undecided(
            "its times have no two different values, so that there is no rate",
            "add `--rate-hz HZ`, or `--rate-hz none` for rows without a rate",
        )),
    }
}
