//! Messages: samples as devices publish them, in one JSON text.
//!
//! | form | example |
//! |---|---|
//! | an object, flat or nested | `{"t_ms": 5, "acc.x": 0.1}`, `{"time": "2026-11-24T09:30:00Z", "acc": {"x": 0.1}}` |
//! | a named value: text `name`, and `value` | `{"t_ms": 5, "name": "acc.x", "value": 0.1}` |
//! | an array of objects or named values | `[{"t_ms": 5, "acc.x": 0.1}, {"t_ms": 6, "acc.x": 0.2}]` |
//! | a table: `channels` and rows of `values` | `{"channels": ["x", "y"], "t_ms": [5, 6], "values": [[1, 2], [3, 4]]}` |
//! | a table with one start | `{"channels": ["x"], "t_ms": 5, "rate_hz": 1000, "values": [[1], [2]]}` |
//!
//! A table's rows lie `rate_hz`, `interval_ns`, `interval_us`, `interval_ms` or `interval_s` apart,
//! or each has its time. A message is taken whole or not at all; a sample in it can be at fault
//! alone.

use std::collections::HashMap;

use super::COLUMNS_MAX;
use super::json_lines::Leaf;

mod objects;
mod table;
mod times;

pub use times::{EventTime, Times};

/// Largest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Most samples in a message.
pub const SAMPLES_MAX: usize = 100_000;
/// Most values in a message.
pub const VALUES_MAX: usize = 1 << 20;

/// The samples of one message.
#[derive(Debug, Default)]
pub struct Message {
    names: Vec<Name>,
    cells: Vec<(u32, Cell)>,
    samples: Vec<Entry>,
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
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Larger than [`MESSAGE_BYTES_MAX`].
    #[error("the message has {0} bytes; at most {MESSAGE_BYTES_MAX} are accepted")]
    TooLarge(usize),
    /// Not JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON in a form that no message has.
    #[error("the message is neither an object nor an array of objects nor a table: {0}")]
    WrongForm(String),
    /// More than a bound allows.
    #[error("the message has too many {what}; at most {limit} are accepted: send several")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most accepted.
        limit: usize,
    },
}

impl MessageError {
    /// Every reason that [`MessageError::reason`] gives.
    pub const REASONS: [&'static str; 4] = ["too_large", "not_json", "wrong_form", "too_many"];

    /// One word for counters.
    pub fn reason(&self) -> &'static str {
        let place = match self {
            MessageError::TooLarge(_) => 0,
            MessageError::NotJson(_) => 1,
            MessageError::WrongForm(_) => 2,
            MessageError::TooMany { .. } => 3,
        };
        Self::REASONS[place]
    }
}

impl Message {
    /// Reads a message; `times` says where its times stand.
    ///
    /// # Errors
    /// Where it is no JSON in one of the forms above, or beyond a bound.
    pub fn read(text: &[u8], times: &Times) -> Result<Message, MessageError> {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLarge(text.len()));
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut builder = Builder::new(times);
        let read = match text.trim_ascii_start().first() {
            Some(b'[') => objects::read_array(text, &mut builder),
            Some(b'{') => table::is_table(text).and_then(|is_table| match is_table {
                true => table::read(text, &mut builder),
                false => objects::read_one(text, &mut builder),
            }),
            _ => serde_json::from_slice::<serde::de::IgnoredAny>(text)
                .and_then(|_| Err(serde::de::Error::custom("it does not begin with `{` or `[`"))),
        };
        match (read, builder.beyond) {
            (_, Some((what, limit))) => Err(MessageError::TooMany { what, limit }),
            (Ok(()), None) => Ok(builder.message),
            (Err(error), None) if error.is_data() => {
                Err(MessageError::WrongForm(error.to_string()))
            }
            (Err(error), None) => Err(MessageError::NotJson(error)),
        }
    }

    /// The names that its samples give values for, in the order in which they first stand there.
    /// Times are none of them.
    pub fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        let names = self.names.iter().enumerate().filter(|(_, name)| name.is_used);
        names.map(|(place, name)| (place as u32, name.text.as_str()))
    }

    /// One more than the largest place of a name.
    pub fn places(&self) -> usize {
        self.names.len()
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True for a message without samples.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The samples, in their order.
    pub fn samples(&self) -> impl Iterator<Item = MessageSample<'_>> {
        let mut start = 0;
        self.samples.iter().map(move |entry| {
            let cells = &self.cells[start..entry.end];
            start = entry.end;
            let Entry { time, fault, is_named_value, .. } = *entry;
            MessageSample { time, fault, is_named_value, cells }
        })
    }
}

#[derive(Debug)]
struct Name {
    text: String,
    is_used: bool,
    role: times::Role,
    /// The number of the last sample that had it, from 1.
    seen_in: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time: Option<EventTime>,
    fault: Option<Fault>,
    is_named_value: bool,
    /// Where its cells end.
    end: usize,
}

/// A message on its way.
struct Builder<'a> {
    times: &'a Times,
    message: Message,
    places: HashMap<String, u32>,
    /// Names mostly come in the order of the sample before: where the next one is expected.
    expected: usize,
    /// The bound that was met.
    beyond: Option<(&'static str, usize)>,
}

impl<'a> Builder<'a> {
    fn new(times: &'a Times) -> Self {
        let (message, places) = (Message::default(), HashMap::new());
        Builder { times, message, places, expected: 0, beyond: None }
    }

    fn place(&mut self, text: &str) -> u32 {
        let names = &mut self.message.names;
        if names.get(self.expected).is_some_and(|name| name.text == text) {
            self.expected += 1;
            return (self.expected - 1) as u32;
        }
        let place = match self.places.get(text) {
            Some(place) => *place,
            None => {
                let place = names.len() as u32;
                let role = self.times.role(text);
                names.push(Name { text: text.to_owned(), is_used: false, role, seen_in: 0 });
                self.places.insert(text.to_owned(), place);
                place
            }
        };
        self.expected = place as usize + 1;
        place
    }

    /// Ends a sample whose cells have been pushed; false where a bound is met.
    fn end_sample(
        &mut self,
        time: Option<EventTime>,
        fault: Option<Fault>,
        is_named_value: bool,
    ) -> bool {
        let Message { names, cells, samples } = &mut self.message;
        let start = samples.last().map_or(0, |entry| entry.end);
        for (place, _) in &cells[start..] {
            names[*place as usize].is_used = true;
        }
        samples.push(Entry { time, fault, is_named_value, end: cells.len() });
        self.expected = 0;
        self.beyond = match () {
            () if samples.len() > SAMPLES_MAX => Some(("samples", SAMPLES_MAX)),
            () if cells.len() > VALUES_MAX => Some(("values", VALUES_MAX)),
            () if names.len() > COLUMNS_MAX => Some(("names", COLUMNS_MAX)),
            () => None,
        };
        self.beyond.is_none()
    }
}

fn cell(leaf: Leaf<'_>) -> Cell {
    leaf.to_f32().map_or(Cell::Other, Cell::Number)
}
