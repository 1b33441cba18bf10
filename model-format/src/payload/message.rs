//! Messages: samples as devices publish them, in any [`Format`].
//!
//! The shapes of JSON and CBOR:
//!
//! | form | example |
//! |---|---|
//! | an object, flat or nested | `{"t_ms": 5, "acc.x": 0.1}`, `{"time": "2026-11-24T09:30:00Z", "acc": {"x": 0.1}}` |
//! | a named value: text `name`, and `value` | `{"t_ms": 5, "name": "acc.x", "value": 0.1, "unit": "m/s2"}` |
//! | an array of objects or named values | `[{"t_ms": 5, "acc.x": 0.1}, {"t_ms": 6, "acc.x": 0.2}]` |
//! | a table: `channels` and rows of `values` | `{"channels": ["x", "y"], "t_ms": [5, 6], "values": [[1, 2], [3, 4]]}` |
//! | a table with one start | `{"channels": ["x"], "t_ms": 5, "rate_hz": 1000, "values": [[1], [2]]}` |
//! | values by position, if the positions are named | `[5, 0.1]`, `[[5, 0.1], [6, 0.2]]` |
//!
//! A table's rows lie `rate_hz`, `interval_ns`, `interval_us`, `interval_ms` or `interval_s` apart,
//! or each has its time; `units` may stand beside `channels`. A message is taken whole or not at
//! all; a sample in it can be at fault alone.

use super::format::Format;
use super::time::TimeFormat;

mod builder;
mod influx;
mod leaves;
mod names;
mod number;
mod objects;
mod senml;
mod series;
mod table;
mod times;
mod top_keys;

pub(super) use builder::Builder;
pub use series::Series;
pub use times::{EventTime, Times};

use names::Names;
use series::AllSeries;

/// Largest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Most samples in a message.
pub const SAMPLES_MAX: usize = 100_000;
/// Most values in a message.
pub const VALUES_MAX: usize = 1 << 20;
/// Longest name, in bytes, with the names that it is nested in.
pub const NAME_BYTES_MAX: usize = 1024;

/// How the messages of one source are read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// How they are written.
    pub format: Format,
    /// Where their times stand.
    pub times: Times,
    /// Names for the positions of arrays; without them such arrays are refused.
    pub positions: Vec<String>,
}

/// What is known of a message beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// When it came, in nanoseconds since 1970 UTC: relative times count from here.
    pub time_ns: i64,
    /// The channel that its topic names, for [`Format::Number`].
    pub channel: Option<&'a str>,
}

/// The samples of one message: a buffer that is read into again and again. Names that it has met
/// are kept for the next message, within a bound; reading a message of a kind that it has read
/// before allocates nothing.
#[derive(Debug, Default)]
pub struct Message {
    names: Names,
    cells: Vec<(u32, Cell)>,
    samples: Vec<Entry>,
    series: AllSeries,
    /// The texts of units.
    units: String,
    scratch: builder::Scratch,
}

/// One sample of a message.
#[derive(Clone, Copy, Debug)]
pub struct MessageSample<'a> {
    /// Its time; none where it carries none.
    pub time: Option<EventTime>,
    /// Why it cannot be used.
    pub fault: Option<Fault>,
    /// True for a single value of one channel: others of the same time may follow.
    pub is_named_value: bool,
    /// What it gives, by the place of the name in [`Message::names`].
    pub cells: &'a [(u32, Cell)],
    /// The measurement and the tags of its line, for [`Format::Influx`].
    pub series: Option<Series<'a>>,
}

/// What stands at one name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A number; NaN where there is none.
    Number(f32),
    /// Something else, or a number that 32 bits do not hold.
    Other,
}

/// What is wrong with one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its time cannot be read, or it has two.
    Time,
    /// It gives one name twice.
    Twice,
}

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Larger than [`MESSAGE_BYTES_MAX`].
    #[error("the message has {0} bytes; at most {MESSAGE_BYTES_MAX} are accepted")]
    TooLarge(usize),
    /// Not written in its format.
    #[error("the message is not {}: {detail}", format.title())]
    Unreadable {
        /// What was expected.
        format: Format,
        /// What was found, and where.
        detail: String,
    },
    /// Written in its format, but in a form that no message has.
    #[error("the message has no form of {} that is read here: {detail}", format.title())]
    WrongForm {
        /// How it is written.
        format: Format,
        /// What was found.
        detail: String,
    },
    /// More than a bound allows.
    #[error("the message has too many {what}; at most {limit} are accepted: send several")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most accepted.
        limit: usize,
    },
    /// A name longer than [`NAME_BYTES_MAX`].
    #[error("a name in the message has {0} bytes; at most {NAME_BYTES_MAX} are accepted")]
    LongName(usize),
}

impl MessageError {
    /// Every reason that [`MessageError::reason`] gives.
    pub const REASONS: [&'static str; 8] = [
        "too_large",
        "not_json",
        "not_cbor",
        "not_influx",
        "not_number",
        "wrong_form",
        "too_many",
        "long_name",
    ];

    /// One word for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            MessageError::TooLarge(_) => "too_large",
            MessageError::Unreadable { format, .. } => format.reason(),
            MessageError::WrongForm { .. } => "wrong_form",
            MessageError::TooMany { .. } => "too_many",
            MessageError::LongName(_) => "long_name",
        }
    }
}

impl Reading {
    /// JSON whose times stand here.
    pub fn json(times: Times) -> Self {
        Reading { times, ..Reading::default() }
    }

    /// Whether every option has a meaning in the format.
    ///
    /// # Errors
    /// Says which has none.
    pub fn check(&self) -> Result<(), String> {
        let format = self.format;
        let unused = |what: &str| Err(format!("{what} has no meaning in the format `{format}`"));
        if !self.positions.is_empty() && !format.takes_positions() {
            return unused("a list of names for positions");
        }
        if self.times.name().is_some() && !format.takes_time_name() {
            return unused("a name for the time");
        }
        match self.times.format() {
            Some(_) if !format.takes_time_unit() => unused("a unit of times"),
            Some(TimeFormat::DateTime) if format == Format::Influx => {
                Err("the times of line protocol are numbers: s, ms, us or ns".to_owned())
            }
            Some(_) if format.takes_time_name() && self.times.name().is_none() => {
                Err("a unit of times needs the name of the time".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Message {
    /// Reads a message in place of the one before.
    ///
    /// # Errors
    /// Where it is not in its format, in none of the forms above, or beyond a bound. Then it holds
    /// no samples.
    pub fn read(
        &mut self,
        payload: &[u8],
        reading: &Reading,
        arrival: Arrival<'_>,
    ) -> Result<(), MessageError> {
        self.clear();
        if payload.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLarge(payload.len()));
        }
        let mut builder = Builder::new(self, &reading.times);
        let read = match reading.format {
            Format::Json => objects::read_json(payload, &reading.positions, &mut builder),
            Format::Cbor => objects::read_cbor(payload, &reading.positions, &mut builder),
            Format::SenmlJson => senml::read_json(payload, arrival.time_ns, &mut builder),
            Format::SenmlCbor => senml::read_cbor(payload, arrival.time_ns, &mut builder),
            Format::Influx => influx::read(payload, &mut builder),
            Format::Number => number::read(payload, arrival.channel, &mut builder),
        };
        // A bound that was met says more than the reading that it ended.
        let read = builder.refusal().map_or(read, Err);
        if read.is_err() {
            self.clear();
        }
        read
    }

    /// Forgets the samples; names and memory stay, within bounds.
    pub(super) fn clear(&mut self) {
        give_back(&mut self.cells);
        give_back(&mut self.samples);
        self.names.clear();
        self.cells.clear();
        self.samples.clear();
        self.series.clear();
        self.units.clear();
        self.units.shrink_to(KEPT_TEXT_BYTES);
        self.scratch.clear();
    }

    /// The names that its samples give values for, in the order in which they first stand there.
    /// Times are none of them.
    pub fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        let names = self.names.places().iter().enumerate().filter(|(_, name)| name.is_used);
        names.map(|(place, name)| (place as u32, self.names.text(name)))
    }

    /// One more than the largest place of a name.
    pub fn places(&self) -> usize {
        self.names.len()
    }

    /// The unit that the message gives for the name at a place.
    pub fn unit(&self, place: u32) -> Option<&str> {
        let unit = self.names.places().get(place as usize)?.unit.clone()?;
        Some(&self.units[unit])
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True for a message without samples.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The values of a tag, each once, in the order in which they first stand there.
    pub fn tag_values(&self, key: &str) -> Vec<&str> {
        let mut values: Vec<&str> = Vec::new();
        for sample in self.samples() {
            let value = sample.series.and_then(|series| series.tag(key));
            if let Some(value) = value.filter(|value| !values.contains(value)) {
                values.push(value);
            }
        }
        values
    }

    /// The samples with this tag, or all.
    pub fn samples_of<'a>(
        &'a self,
        tag: Option<(&'a str, &'a str)>,
    ) -> impl Iterator<Item = MessageSample<'a>> {
        self.samples().filter(move |sample| match (tag, &sample.series) {
            (None, _) => true,
            (Some((key, value)), Some(series)) => series.tag(key) == Some(value),
            (Some(_), None) => false,
        })
    }

    /// The samples, in their order.
    pub fn samples(&self) -> impl Iterator<Item = MessageSample<'_>> {
        let mut start = 0;
        self.samples.iter().map(move |entry| {
            let cells = &self.cells[start..entry.end];
            start = entry.end;
            let Entry { time, fault, is_named_value, .. } = *entry;
            let series = entry.series.map(|series| self.series.at(series));
            MessageSample { time, fault, is_named_value, cells, series }
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time: Option<EventTime>,
    fault: Option<Fault>,
    is_named_value: bool,
    /// Where its cells end.
    end: usize,
    series: Option<u32>,
}

/// Text that is kept for the next message, in bytes.
const KEPT_TEXT_BYTES: usize = 1 << 16;

/// Memory that a rare large message took is given back by the next small one.
fn give_back<T>(buffer: &mut Vec<T>) {
    const KEPT: usize = 1 << 14;
    if buffer.capacity() > KEPT && buffer.len() < buffer.capacity() / 4 {
        buffer.clear();
        buffer.shrink_to(KEPT);
    }
}
