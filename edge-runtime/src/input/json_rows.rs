//! Rows from JSON lines.

use std::collections::HashMap;
use std::io::Read;

use anyhow::anyhow;
use model_format::nearest::did_you_mean;
use model_format::payload::json_lines::{JsonLinesError, JsonLinesErrorKind, Leaf, Reader};
use model_format::payload::time::TimeFormat;
use model_format::pipeline::Pipeline;

use super::{InputRow, RowError, Rows, check_time, time_format};
use crate::config::Run;

/// Most names of a line that an error lists.
const NAMES_MAX: usize = 20;

pub(super) struct JsonRows<R> {
    name: String,
    reader: Reader<R>,
    /// What the names in a line are for.
    places: HashMap<String, Place>,
    time: Option<(String, TimeFormat)>,
    recording: Option<String>,
    channels: Vec<String>,
    /// The line that was read to check the names, until it is given.
    first: Option<Vec<(String, Value)>>,
}

#[derive(Clone, Copy)]
enum Place {
    Time,
    Recording,
    Channel(usize),
}

/// A leaf that is kept.
#[derive(Clone)]
enum Value {
    Integer(i64),
    Number(f64),
    Text(String),
    Bool(bool),
    Null,
}

impl From<Leaf<'_>> for Value {
    fn from(leaf: Leaf<'_>) -> Self {
        match leaf {
            Leaf::Integer(value) => Value::Integer(value),
            Leaf::Number(value) => Value::Number(value),
            Leaf::Text(value) => Value::Text(value.to_owned()),
            Leaf::Bool(value) => Value::Bool(value),
            Leaf::Null => Value::Null,
        }
    }
}

impl Value {
    fn leaf(&self) -> Leaf<'_> {
        match self {
            Value::Integer(value) => Leaf::Integer(*value),
            Value::Number(value) => Leaf::Number(*value),
            Value::Text(value) => Leaf::Text(value),
            Value::Bool(value) => Leaf::Bool(*value),
            Value::Null => Leaf::Null,
        }
    }
}

impl<R: Read> JsonRows<R> {
    pub(super) fn open(
        name: &str,
        source: R,
        run: &Run,
        pipeline: &Pipeline,
    ) -> anyhow::Result<Self> {
        let mut reader = Reader::open(name, source);
        let mut leaves: Vec<(String, Value)> = Vec::new();
        let is_there =
            reader.next_line(&mut |name, leaf| leaves.push((name.to_owned(), leaf.into())))?;
        let channels = pipeline.channels.iter().map(|channel| channel.name.clone()).collect();
        let mut rows = JsonRows {
            name: name.to_owned(),
            reader,
            places: HashMap::new(),
            time: None,
            recording: run.recording_column.clone(),
            channels,
            first: is_there.then_some(leaves),
        };
        let Some(first) = rows.first.clone() else { return Ok(rows) };
        // A slower channel need not be in every line, so not in the first one either.
        let needed = pipeline.channels.iter().filter(|channel| channel.align.is_none());
        let needed = needed.map(|channel| channel.name.as_str());
        for wanted in needed.chain(run.time.as_deref()).chain(run.recording_column.as_deref()) {
            rows.check_name(wanted, &first)?;
        }
        check_time(run, pipeline, name, &listing(&first))?;
        if let Some(column) = &run.time {
            let value = first.iter().find(|(name, _)| name == column).map(|(_, value)| value);
            let format = match (run.time_unit, value) {
                (Some(format), _) => format,
                (None, Some(value)) => time_format(name, column, &text_of(value.leaf()))?,
                (None, None) => TimeFormat::Seconds,
            };
            rows.time = Some((column.clone(), format));
        }
        rows.assign_places()?;
        Ok(rows)
    }

    fn check_name(&self, wanted: &str, first: &[(String, Value)]) -> anyhow::Result<()> {
        if first.iter().any(|(name, _)| name == wanted) {
            return Ok(());
        }
        let hint = did_you_mean(wanted, first.iter().map(|(name, _)| name.as_str()));
        let what = match self.channels.iter().any(|channel| channel == wanted) {
            true => "the model expects the channel",
            false => "there is no value called",
        };
        Err(anyhow!(
            "{}: {what} `{wanted}`, but the first line has {}{hint}",
            self.name,
            listing(first)
        ))
    }

    fn assign_places(&mut self) -> anyhow::Result<()> {
        let time = self.time.iter().map(|(name, _)| (name.clone(), Place::Time));
        let recording = self.recording.iter().map(|name| (name.clone(), Place::Recording));
        let channels = self.channels.iter().cloned().enumerate();
        let channels = channels.map(|(index, name)| (name, Place::Channel(index)));
        let mut places = HashMap::new();
        for (name, place) in time.chain(recording).chain(channels) {
            if places.insert(name.clone(), place).is_some() {
                return Err(anyhow!("`{name}` is named for two purposes"));
            }
        }
        self.places = places;
        Ok(())
    }
}

fn listing(leaves: &[(String, Value)]) -> String {
    let names: Vec<&str> = leaves.iter().take(NAMES_MAX).map(|(name, _)| name.as_str()).collect();
    match leaves.len().saturating_sub(NAMES_MAX) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn text_of(leaf: Leaf<'_>) -> String {
    match leaf {
        Leaf::Integer(value) => value.to_string(),
        Leaf::Number(value) => value.to_string(),
        Leaf::Text(value) => value.to_owned(),
        Leaf::Bool(value) => value.to_string(),
        Leaf::Null => "null".to_owned(),
    }
}

/// A row on its way, and what is wrong with it.
struct Filling<'a> {
    row: &'a mut InputRow,
    time: Option<TimeFormat>,
    seen: Vec<bool>,
    wrong: Option<String>,
}

impl<'a> Filling<'a> {
    fn start(row: &'a mut InputRow, time: Option<TimeFormat>, channels: usize) -> Self {
        row.time_ns = None;
        row.recording.clear();
        row.values.clear();
        row.values.resize(channels, f32::NAN);
        Filling { row, time, seen: vec![false; channels + 2], wrong: None }
    }

    fn leaf(&mut self, name: &str, place: Place, leaf: Leaf<'_>) {
        let slot = match place {
            Place::Channel(index) => index,
            Place::Time => self.seen.len() - 1,
            Place::Recording => self.seen.len() - 2,
        };
        if std::mem::replace(&mut self.seen[slot], true) {
            self.wrong.get_or_insert(format!("has `{name}` twice"));
            return;
        }
        let done = match place {
            Place::Channel(index) => match leaf.to_f32() {
                Ok(value) => {
                    self.row.values[index] = value;
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            },
            Place::Recording => {
                self.row.recording = text_of(leaf);
                Ok(())
            }
            Place::Time => self.time(leaf),
        };
        if let Err(reason) = done {
            self.wrong.get_or_insert(format!("has {:?} as `{name}`: {reason}", text_of(leaf)));
        }
    }

    fn time(&mut self, leaf: Leaf<'_>) -> Result<(), String> {
        let Some(format) = self.time else { return Ok(()) };
        let time_ns = leaf.to_time_ns(format).map_err(|reason| format!("it {reason}"))?;
        self.row.time_ns = Some(time_ns);
        self.row.absolute_time = format.is_absolute(time_ns);
        Ok(())
    }

    fn finish(self) -> Result<(), String> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None if self.time.is_some() && self.row.time_ns.is_none() => {
                Err("has no time".to_owned())
            }
            None => Ok(()),
        }
    }
}

impl<R: Read> Rows for JsonRows<R> {
    fn next(&mut self, row: &mut InputRow) -> Result<bool, RowError> {
        let format = self.time.as_ref().map(|(_, format)| *format);
        let mut filling = Filling::start(row, format, self.channels.len());
        if let Some(first) = self.first.take() {
            for (name, value) in &first {
                if let Some(place) = self.places.get(name) {
                    filling.leaf(name, *place, value.leaf());
                }
            }
        } else {
            let places = &self.places;
            let mut leaf = |name: &str, leaf: Leaf<'_>| {
                if let Some(place) = places.get(name) {
                    filling.leaf(name, *place, leaf);
                }
            };
            if !self.reader.next_line(&mut leaf).map_err(refuse)? {
                return Ok(false);
            }
        }
        let line = self.reader.line();
        let name = &self.name;
        let wrong = filling.finish();
        wrong.map_err(|wrong| RowError::Row(anyhow!("{name}: line {line} {wrong}")))?;
        Ok(true)
    }
}

fn refuse(error: JsonLinesError) -> RowError {
    match error.kind {
        JsonLinesErrorKind::Json(_) => RowError::Row(error.into()),
        JsonLinesErrorKind::Io(_) | JsonLinesErrorKind::LineTooLong => RowError::End(error.into()),
    }
}
