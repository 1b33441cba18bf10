//! Reading a run's file of answers: page by page, those windows alone that are asked for.

use std::fs::File;
use std::path::Path;

use csv::{Position, Reader, ReaderBuilder, StringRecord};
use model_format::manifest::Task;
use serde::Serialize;
use utoipa::ToSchema;

use super::{BUFFER_BYTES, PLACE, header};
use crate::store::{Page, RecordingId};
use crate::training::Part;

/// The words for what an anomaly detector tells apart.
const ANOMALY_WORDS: [(&str, &str); 2] = [("anomaly", "true"), ("normal", "false")];

/// A window with the model's answer and the truth. Which fields there are depends on the task; a
/// truth that nobody knows is absent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RunWindow)]
pub(crate) struct AnsweredWindow {
    /// What the window was for.
    pub(crate) part: Part,
    /// Name of its recording.
    pub(crate) recording: String,
    /// Identifier of its recording.
    pub(crate) recording_id: RecordingId,
    /// Which window of its segment it is.
    pub(crate) index: u64,
    /// Time of its first sample: as RFC 3339, or in seconds where times do not count from 1970.
    pub(crate) start: String,
    /// Time of its last sample.
    pub(crate) end: String,
    /// First row of the recording that it covers.
    pub(crate) from_row: u64,
    /// First row after it.
    pub(crate) to_row: u64,
    /// The class that the model names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// The probability of each class, in the order of the report's `classes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probabilities: Option<Vec<f32>>,
    /// The class that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) true_class: Option<String>,
    /// The value that the model predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f32>,
    /// The value that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) true_value: Option<f32>,
    /// The predicted value less the true one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) residual: Option<f64>,
    /// How unusual it is; 1.0 is the alarm line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f32>,
    /// Whether that is an alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alarm: Option<bool>,
    /// Whether it is an anomaly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) true_anomaly: Option<bool>,
}

/// Which windows are asked for; all where nothing is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// Those that were for this.
    pub(crate) part: Option<Part>,
    /// Those of the recording of this name or identifier.
    pub(crate) recording: Option<String>,
    /// Those with this class; `anomaly` or `normal` for an anomaly detector.
    pub(crate) truth: Option<String>,
    /// Those that the model answers so.
    pub(crate) answer: Option<String>,
}

/// Why no windows were read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is no file.
    #[error("there is no file of answers")]
    Missing,
    /// The file cannot be read.
    #[error("{0}")]
    Io(std::io::Error),
    /// The file is not what it should be.
    #[error("the file of answers is damaged: {0}")]
    Damaged(String),
    /// A cursor that no page gave.
    #[error("cursor is none that a page gave as `next`")]
    Cursor,
    /// A class that there is not, or none where numbers are predicted.
    #[error("{0}")]
    Asked(String),
}

/// A run's file of answers.
pub(crate) struct AnswersFile {
    reader: Reader<File>,
    task: Task,
    classes: Vec<String>,
}

/// The columns that must have these texts.
type Wanted<'a> = Vec<(usize, &'a str)>;

impl AnswersFile {
    /// Opens the file of a run with this task and these classes.
    pub(crate) fn open(path: &Path, task: Task, classes: &[String]) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadError::Missing,
            _ => ReadError::Io(error),
        })?;
        let mut reader = ReaderBuilder::new().buffer_capacity(BUFFER_BYTES).from_reader(file);
        let found = reader.headers().map_err(damaged)?;
        if found != &StringRecord::from(header(task, classes, true)) {
            return Err(ReadError::Damaged(format!("its columns are {found:?}")));
        }
        Ok(AnswersFile { reader, task, classes: classes.to_vec() })
    }

    /// At most `limit` of the windows that are asked for, from where the page before ended.
    pub(crate) fn page(
        &mut self,
        asked: &Asked,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AnsweredWindow>, ReadError> {
        let wanted = self.wanted(asked)?;
        let mut record = StringRecord::new();
        let mut items = Vec::new();
        let mut resumed = match cursor {
            Some(cursor) => self.seek(cursor)?,
            None => false,
        };
        loop {
            let place = self.reader.position().byte();
            let more = self.reader.read_record(&mut record);
            // A place that is not the start of a line reads as a line of another shape.
            let more = more.map_err(|e| if resumed { ReadError::Cursor } else { damaged(e) })?;
            if !more {
                return Ok(Page { items, next: None });
            }
            let matches = |(column, text): &(usize, &str)| record.get(*column) == Some(*text);
            if wanted.iter().all(matches) && self.is_recording(&record, asked) {
                if items.len() == limit {
                    return Ok(Page { items, next: Some(place.to_string()) });
                }
                let read = self.window(&record);
                let read = read.map_err(|e| if resumed { ReadError::Cursor } else { e })?;
                items.push(read);
            }
            resumed = false;
        }
    }

    /// Goes to where the page before ended.
    fn seek(&mut self, cursor: &str) -> Result<bool, ReadError> {
        let byte: u64 = cursor.parse().map_err(|_| ReadError::Cursor)?;
        if byte < self.reader.position().byte() {
            return Err(ReadError::Cursor);
        }
        let mut place = Position::new();
        place.set_byte(byte);
        self.reader.seek(place).map_err(damaged)?;
        Ok(true)
    }

    fn column(&self, beyond_place: usize) -> usize {
        PLACE.len() + beyond_place
    }

    /// Where the truth, the recording's identifier and the part stand.
    fn last_columns(&self) -> [usize; 3] {
        let truth = match self.task {
            Task::Classification => self.column(1 + self.classes.len()),
            Task::Regression => self.column(1),
            Task::Anomaly => self.column(2),
        };
        [truth, truth + 1, truth + 2]
    }

    fn wanted<'a>(&self, asked: &'a Asked) -> Result<Wanted<'a>, ReadError> {
        let [truth, _, part] = self.last_columns();
        let answer = match self.task {
            Task::Anomaly => self.column(1),
            Task::Classification | Task::Regression => self.column(0),
        };
        let mut wanted = Vec::new();
        wanted.extend(asked.part.map(|asked| (part, asked.name())));
        for (name, column, text) in
            [("truth", truth, &asked.truth), ("answer", answer, &asked.answer)]
        {
            if let Some(text) = text {
                wanted.push((column, self.word(name, text)?));
            }
        }
        Ok(wanted)
    }

    /// What stands in the file for a class that is asked for.
    fn word<'a>(&self, name: &str, text: &'a str) -> Result<&'a str, ReadError> {
        let unknown = |known: String| {
            ReadError::Asked(format!("{name} is {text:?}: this run tells apart {known}"))
        };
        match self.task {
            Task::Classification if self.classes.iter().any(|class| class == text) => Ok(text),
            Task::Classification => Err(unknown(self.classes.join(", "))),
            Task::Anomaly => {
                let known = ANOMALY_WORDS.iter().find(|(word, _)| *word == text);
                let known = known.map(|(_, written)| *written);
                known.ok_or_else(|| unknown(ANOMALY_WORDS.map(|(word, _)| word).join(", ")))
            }
            Task::Regression => Err(ReadError::Asked(format!(
                "{name} asks for a class, but this run predicts numbers: leave it out"
            ))),
        }
    }

    fn is_recording(&self, record: &StringRecord, asked: &Asked) -> bool {
        let [_, id, _] = self.last_columns();
        asked
            .recording
            .as_deref()
            .is_none_or(|asked| record.get(1) == Some(asked) || record.get(id) == Some(asked))
    }

    fn window(&self, record: &StringRecord) -> Result<AnsweredWindow, ReadError> {
        let [truth, id, part] = self.last_columns();
        let mut window = AnsweredWindow {
            part: field(record, part)?,
            recording: field(record, 1)?,
            recording_id: field(record, id)?,
            start: field(record, 2)?,
            end: field(record, 3)?,
            from_row: field(record, 4)?,
            to_row: field(record, 5)?,
            index: field(record, 6)?,
            class: None,
            probabilities: None,
            true_class: None,
            value: None,
            true_value: None,
            residual: None,
            score: None,
            alarm: None,
            true_anomaly: None,
        };
        let first = self.column(0);
        match self.task {
            Task::Classification => {
                let columns = first + 1..truth;
                let probabilities = columns.map(|column| field(record, column));
                window.class = Some(field(record, first)?);
                window.probabilities = Some(probabilities.collect::<Result<_, _>>()?);
                window.true_class = known(record, truth)?;
            }
            Task::Regression => {
                let value: f32 = field(record, first)?;
                window.value = Some(value);
                window.true_value = known(record, truth)?;
                window.residual = window.true_value.map(|truth| residual(value, truth));
            }
            Task::Anomaly => {
                window.score = Some(field(record, first)?);
                window.alarm = Some(field(record, first + 1)?);
                window.true_anomaly = known(record, truth)?;
            }
        }
        Ok(window)
    }
}

/// How far a predicted value lies above the true one.
pub(crate) fn residual(value: f32, truth: f32) -> f64 {
    f64::from(value) - f64::from(truth)
}

fn field<T>(record: &StringRecord, column: usize) -> Result<T, ReadError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = record.get(column).unwrap_or_default();
    let broken = |error| ReadError::Damaged(format!("{text:?} in column {column}: {error}"));
    text.parse().map_err(broken)
}

/// A field that is empty where nothing is known.
fn known<T>(record: &StringRecord, column: usize) -> Result<Option<T>, ReadError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    match record.get(column) {
        Some("") | None => Ok(None),
        Some(_) => field(record, column).map(Some),
    }
}

fn damaged(error: csv::Error) -> ReadError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ReadError::Io(error),
        kind => ReadError::Damaged(format!("{kind:?}")),
    }
}
