//! One table: columns get their purposes, rows become recordings.

mod advice;

use std::borrow::Cow;
use std::collections::HashMap;

use model_format::payload::csv::CsvErrorKind;
use model_format::payload::time::{Decimal, TimeFormat, row_time_ns};

use super::files::PlannedFile;
use super::info_labels::FileLabels;
use super::intake::{Intake, Whole};
use super::labels::{self, FileFacts};
use super::{
    Destination, ImportError, ImportOptions, ImportedFile, ImportedRecording, LabelFrom,
    RateOption, Reading,
};
use crate::recording::{LabelSpan, Role};
use crate::store::ChannelInfo;

/// How far the times may deviate from a rate that is given beside them.
const RATE_TOLERANCE: f64 = 0.05;

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1 << 14;

/// Most values that wait in memory, of all recordings of a file together.
const WAITING_VALUES_MAX: usize = 1 << 24;

/// Most recordings of a file that are written at the same time.
const WRITTEN_MAX: usize = 256;

/// Most recordings that a recording column may tell apart.
const RECORDINGS_MAX: usize = 100_000;

/// Most stretches of rows with one label.
const SPANS_MAX: usize = 1 << 20;

/// Rows of a window layout that lie between two windows, in parts of a window: so that nothing takes
/// two windows for one signal.
const WINDOW_GAP: u64 = 1;

/// A table, read row by row. The current row is the one that was moved to last.
pub(super) trait Table {
    /// The columns' names; empty for an index without one.
    fn columns(&self) -> &[String];

    /// True if the first column is an index without a name.
    fn has_index(&self) -> bool {
        false
    }

    /// How text is written in it, where that can differ.
    fn dialect(&self) -> Option<(u8, Decimal)> {
        None
    }

    /// Moves to the next row; false at the end.
    fn next(&mut self) -> Result<bool, ImportError>;

    /// Makes the first row the current one without moving on; false where there is none.
    fn peek(&mut self) -> Result<bool, ImportError>;

    /// Line of the current row.
    fn line(&self) -> u64;

    /// A cell of the current row, without blanks around it.
    fn text(&self, column: usize) -> Result<Cow<'_, str>, ImportError>;

    /// A cell of the current row as a number; NaN where it has none.
    fn number(&self, column: usize) -> Result<f32, ImportError>;

    /// A cell of the current row as a time.
    fn time_ns(&self, column: usize, format: TimeFormat) -> Result<i64, ImportError>;

    /// An error about a cell of the current row.
    fn cell_error(&self, column: usize, reason: &str) -> ImportError;

    /// Bytes of the file that the rows up to now took.
    fn done_bytes(&self) -> u64;

    /// Position of a column.
    fn column(&self, name: &str) -> Result<usize, ImportError>;
}

/// Reads a table; the whole of it, or as many rows as `reading` allows. The second part of the answer
/// is true if that was the whole.
pub(super) fn import<T: Table + ?Sized>(
    file: &PlannedFile,
    table: &mut T,
    options: &ImportOptions,
    reading: &mut Reading<'_>,
) -> Result<(ImportedFile, bool), ImportError> {
    let columns = Columns::assign(file, table, options)?;
    let facts = labels::facts(file, options)?;
    let mut rows = Rows::new(&columns, options, reading.destination);
    let mut is_whole = true;
    while table.next()? {
        if reading.rows_max.is_some_and(|rows_max| rows.count >= rows_max) {
            is_whole = false;
            break;
        }
        rows.push(file, table)?;
        if rows.count.is_multiple_of(PROGRESS_ROWS) {
            (reading.progress)(table.done_bytes())?;
        }
    }
    if rows.count == 0 && is_whole {
        let reason = "has names of columns and no rows: leave it out";
        return Err(ImportError::Form { path: file.path.clone(), reason: reason.to_owned() });
    }
    let recordings = rows
        .recordings
        .into_iter()
        .map(|rows| rows.finish(file, options, &columns, &facts))
        .collect::<Result<_, _>>()?;
    Ok((ImportedFile { path: file.path.clone(), recordings }, is_whole))
}

/// What each column is for.
struct Columns {
    time: Option<(usize, TimeFormat)>,
    label: Option<usize>,
    recording: Option<(usize, String)>,
    /// Positions of the columns of the channels; with windows, of the targets alone.
    positions: Vec<usize>,
    channels: Vec<ChannelInfo>,
    windows: Option<Windows>,
    left_out: Vec<String>,
    /// What a label file says, where nothing else says it.
    labels: Option<FileLabels>,
}

/// A layout in which each row is a window: the values of all axes, sample after sample.
struct Windows {
    /// Positions of the columns with the values.
    positions: Vec<usize>,
    axes: usize,
    samples: u64,
    rate_hz: f64,
}

impl Columns {
    fn assign<T: Table + ?Sized>(
        file: &PlannedFile,
        table: &mut T,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        for (column, _) in options.named_columns() {
            table.column(column)?;
        }
        let time = match &options.time {
            Some(time) => {
                let position = table.column(&time.column)?;
                Some((position, time_format(file, table, position, time.format)?))
            }
            None if options.rate.is_none() => return Err(advice::no_time(file, table)),
            None => None,
        };
        let labels = match options.label_from {
            None => FileLabels::find(file)?,
            Some(_) => None,
        };
        if options.label_from.is_none() && options.target_columns.is_empty() && labels.is_none() {
            return Err(advice::no_label(file, table));
        }
        let label = match &options.label_from {
            Some(LabelFrom::Column(column)) => Some(table.column(column)?),
            _ => None,
        };
        let recording = match &options.recording_column {
            Some(column) => Some((table.column(column)?, column.clone())),
            None => None,
        };
        let (positions, channels) = channels(table.columns(), options);
        if !channels.iter().any(|channel| channel.role == Role::Input) {
            let found = "no column is left to be an input channel";
            return Err(file.undecided(found, "name fewer columns in the options"));
        }
        let left_out = left_out(table, options);
        let mut columns = Columns {
            time,
            label,
            recording,
            positions,
            channels,
            windows: None,
            left_out,
            labels,
        };
        if !options.window_axes.is_empty() {
            columns.lay_out_windows(file, options)?;
        }
        file.check_units(options, columns.channels.iter().map(|channel| channel.name.as_str()))?;
        Ok(columns)
    }

    /// Takes the input columns as the samples of windows.
    fn lay_out_windows(
        &mut self,
        file: &PlannedFile,
        options: &ImportOptions,
    ) -> Result<(), ImportError> {
        let axes = &options.window_axes;
        let Some(RateOption::Hz(rate_hz)) = options.rate else {
            let found =
                "--window-axes says that each row is a window, but not how fast it was taken";
            return Err(file.undecided(found, "add `--rate-hz HZ` in place of a time column"));
        };
        let is_input = |channel: &ChannelInfo| channel.role == Role::Input;
        let all = self.positions.iter().zip(&self.channels);
        let (inputs, targets): (Vec<_>, Vec<_>) =
            all.map(|(at, channel)| (*at, channel.clone())).partition(|(_, c)| is_input(c));
        if !inputs.len().is_multiple_of(axes.len()) {
            let found = format!(
                "each row has {} values, which are no whole samples of {} axes",
                inputs.len(),
                axes.len()
            );
            let advice = "correct --window-axes, or leave other columns out with --ignore-column";
            return Err(file.undecided(found, advice));
        }
        let axis = |name: &String| ChannelInfo {
            name: name.clone(),
            unit: options.units.get(name).cloned(),
            role: Role::Input,
        };
        self.windows = Some(Windows {
            samples: (inputs.len() / axes.len()) as u64,
            positions: inputs.into_iter().map(|(position, _)| position).collect(),
            axes: axes.len(),
            rate_hz,
        });
        let (positions, targets): (Vec<_>, Vec<_>) = targets.into_iter().unzip();
        self.positions = positions;
        self.channels = axes.iter().map(axis).chain(targets).collect();
        Ok(())
    }
}

/// The columns that serve no other purpose: where they are, and the channels that they become.
fn channels(columns: &[String], options: &ImportOptions) -> (Vec<usize>, Vec<ChannelInfo>) {
    let is_free = |name: &str| {
        let mut others = options.named_columns();
        others.all(|(column, option)| column != name || option == "--target-column")
    };
    let columns = columns.iter().enumerate();
    columns
        .filter(|(_, name)| !name.is_empty() && is_free(name))
        .map(|(position, name)| {
            let role = match options.target_columns.contains(name) {
                true => Role::Target,
                false => Role::Input,
            };
            let unit = options.units.get(name).cloned();
            (position, ChannelInfo { name: name.clone(), unit, role })
        })
        .unzip()
}

fn left_out<T: Table + ?Sized>(table: &T, options: &ImportOptions) -> Vec<String> {
    let mut left_out = Vec::new();
    if table.has_index() {
        left_out.push("the first column has no name and was left out as an index".to_owned());
    }
    let ignored = options.ignore_columns.iter();
    left_out.extend(ignored.map(|column| format!("column `{column}`, as --ignore-column says")));
    left_out
}

fn time_format<T: Table + ?Sized>(
    file: &PlannedFile,
    table: &mut T,
    position: usize,
    given: Option<TimeFormat>,
) -> Result<TimeFormat, ImportError> {
    if let Some(format) = given {
        return Ok(format);
    }
    if !table.peek()? {
        return Ok(TimeFormat::Seconds);
    }
    let column = &table.columns()[position];
    let first = table.text(position)?;
    TimeFormat::unambiguous(column, &first)
        .ok_or_else(|| advice::no_time_unit(file, column, &first))
}

/// The rows of a file, by recording.
struct Rows<'a> {
    columns: &'a Columns,
    rate_hz: Option<f64>,
    destination: Destination<'a>,
    recordings: Vec<RecordingRows<'a>>,
    by_key: HashMap<String, usize>,
    /// Rows up to now.
    count: u64,
    /// No fewer values than wait in memory.
    waiting_values: usize,
}

struct RecordingRows<'a> {
    key: String,
    intake: Intake<'a>,
    labels: Vec<LabelSpan>,
}

impl<'a> Rows<'a> {
    fn new(columns: &'a Columns, options: &ImportOptions, destination: Destination<'a>) -> Self {
        let rate_hz = match options.rate {
            Some(RateOption::Hz(rate_hz)) => Some(rate_hz),
            Some(RateOption::None) | None => None,
        };
        Rows {
            columns,
            rate_hz,
            destination,
            recordings: Vec::new(),
            by_key: HashMap::new(),
            count: 0,
            waiting_values: 0,
        }
    }

    fn push<T: Table + ?Sized>(
        &mut self,
        file: &PlannedFile,
        table: &T,
    ) -> Result<(), ImportError> {
        let columns = self.columns;
        self.count += 1;
        let key = match &columns.recording {
            Some((position, _)) => table.text(*position)?,
            None => Cow::Borrowed(""),
        };
        if let (true, Some((position, _))) = (key.is_empty(), &columns.recording) {
            return Err(table.cell_error(*position, "is empty, but tells the recordings apart"));
        }
        let rate_hz = self.rate_hz;
        let recording = self.recording(file, &key)?;
        let before = recording.intake.rows();
        match &columns.windows {
            Some(windows) => windows.push(file, table, columns, &mut recording.intake)?,
            None => {
                let time_ns = match columns.time {
                    Some((position, format)) => table.time_ns(position, format)?,
                    None => row_time_ns(before, rate_hz),
                };
                recording
                    .intake
                    .push(time_ns, |channel| number(file, table, columns.positions[channel]))?;
            }
        }
        let after = recording.intake.rows();
        if let Some(position) = columns.label {
            let class = table.text(position)?;
            for row in before..after {
                labels::extend(&mut recording.labels, row, &class);
            }
            if recording.labels.len() > SPANS_MAX {
                let reason = "begins the millionth stretch of one label: is this a class?";
                return Err(table.cell_error(position, reason));
            }
        }
        self.waiting_values += (after - before) as usize * (columns.channels.len() + 2);
        self.relieve(file)
    }

    fn recording(
        &mut self,
        file: &PlannedFile,
        key: &str,
    ) -> Result<&mut RecordingRows<'a>, ImportError> {
        // Rows of a recording mostly follow one another.
        let index = match self.recordings.last() {
            Some(last) if last.key == key => self.recordings.len() - 1,
            _ => match self.by_key.get(key) {
                Some(index) => *index,
                None => {
                    let index = self.recordings.len();
                    if index >= RECORDINGS_MAX {
                        let found =
                            format!("--recording-column tells more than {index} recordings apart");
                        return Err(file.undecided(found, "name a column that has fewer values"));
                    }
                    self.by_key.insert(key.to_owned(), index);
                    self.recordings.push(RecordingRows {
                        key: key.to_owned(),
                        intake: Intake::new(self.destination, self.columns.channels.clone()),
                        labels: Vec::new(),
                    });
                    index
                }
            },
        };
        Ok(&mut self.recordings[index])
    }

    /// Writes the recordings with the most rows in memory where too much waits there.
    fn relieve(&mut self, file: &PlannedFile) -> Result<(), ImportError> {
        if self.waiting_values <= WAITING_VALUES_MAX
            || matches!(self.destination, Destination::Memory)
        {
            return Ok(());
        }
        let waiting = |one: &RecordingRows<'_>| one.intake.waiting_values();
        self.waiting_values = self.recordings.iter().map(waiting).sum();
        if self.waiting_values <= WAITING_VALUES_MAX {
            return Ok(());
        }
        let mean = self.waiting_values / self.recordings.len();
        for one in self.recordings.iter_mut().filter(|one| waiting(one) >= mean) {
            one.intake.relieve()?;
        }
        let written = self.recordings.iter().filter(|one| one.intake.is_being_written()).count();
        if written > WRITTEN_MAX {
            let found = format!("the rows of {written} long recordings are mixed in it");
            return Err(file.undecided(found, "sort the file by the column of --recording-column"));
        }
        self.waiting_values = self.recordings.iter().map(waiting).sum();
        Ok(())
    }
}

impl Windows {
    /// Adds the samples of a row. Windows lie a window's length apart: each is a stretch of its own.
    fn push<T: Table + ?Sized>(
        &self,
        file: &PlannedFile,
        table: &T,
        columns: &Columns,
        intake: &mut Intake<'_>,
    ) -> Result<(), ImportError> {
        let first = intake.rows() * (1 + WINDOW_GAP);
        for sample in 0..self.samples {
            let time_ns = row_time_ns(first + sample, Some(self.rate_hz));
            let values = &self.positions[sample as usize * self.axes..];
            intake.push(time_ns, |channel| match channel < self.axes {
                true => number(file, table, values[channel]),
                false => number(file, table, columns.positions[channel - self.axes]),
            })?;
        }
        Ok(())
    }
}

/// A cell as a number; where it is none, with what its column may be instead.
fn number<T: Table + ?Sized>(
    file: &PlannedFile,
    table: &T,
    position: usize,
) -> Result<f32, ImportError> {
    table.number(position).map_err(|error| match error {
        ImportError::Cell { found, .. } => {
            advice::not_a_number(file, &table.columns()[position], &found)
        }
        other => other,
    })
}

impl RecordingRows<'_> {
    fn finish(
        self,
        file: &PlannedFile,
        options: &ImportOptions,
        columns: &Columns,
        facts: &FileFacts,
    ) -> Result<ImportedRecording, ImportError> {
        let RecordingRows { key, intake, labels } = self;
        let rows = intake.rows();
        let measured = columns.time.map(|_| intake.rate_hz());
        let rate_hz = rate(file, options, measured)?;
        let absolute_time = match columns.time {
            Some((_, format)) => intake.start_ns().is_some_and(|ns| format.is_absolute(ns)),
            None => false,
        };
        let (labels, partition) = match (&columns.labels, columns.label) {
            (Some(found), None) => (found.spans(file, rows)?, found.partition()),
            (_, Some(_)) => (labels, None),
            (None, None) => (labels::whole(facts.class.as_deref(), rows), None),
        };
        let mut tags = facts.tags.clone();
        if let Some(partition) = partition {
            tags.entry(super::info_labels::PARTITION.to_owned()).or_insert(partition);
        }
        let mut name = file.name.clone();
        if let Some((_, column)) = &columns.recording {
            name = format!("{name}#{key}");
            tags.insert(column.clone(), key);
        }
        Ok(intake.finish(Whole {
            name,
            absolute_time,
            rate_hz,
            labels,
            tags,
            has_times: columns.time.is_some(),
            left_out: columns.left_out.clone(),
            notes: Vec::new(),
        })?)
    }
}

/// The rate: as given, or as the times say; both must agree.
pub(super) fn rate(
    file: &PlannedFile,
    options: &ImportOptions,
    measured: Option<Option<f64>>,
) -> Result<Option<f64>, ImportError> {
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

/// An error about one cell has a kind of its own: the column may serve another purpose.
pub(super) fn csv_error(
    file: &PlannedFile,
    error: model_format::payload::csv::CsvError,
) -> ImportError {
    match error.kind {
        kind @ CsvErrorKind::Cell { .. } => {
            ImportError::Cell { path: file.path.clone(), found: kind.to_string() }
        }
        _ => error.into(),
    }
}
