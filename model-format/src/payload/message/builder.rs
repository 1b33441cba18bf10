//! A message on its way: what every reader adds samples with.

use super::times::{Reading, Times};
use super::{Cell, Entry, EventTime, Fault, Message, MessageError, NAME_BYTES_MAX};
use super::{SAMPLES_MAX, VALUES_MAX};
use crate::payload::COLUMNS_MAX;
use crate::payload::json_lines::Leaf;

/// The leaf whose text names the channel of a named value, the one with its value, and the one
/// with its unit.
const NAME: &str = "name";
const VALUE: &str = "value";
const UNIT: &str = "unit";

/// Buffers of readers, kept so that the next message needs none.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Where nested names are put together.
    pub(super) path: String,
    /// Name, unit and base values of the record at hand.
    pub(super) record: super::senml::Texts,
    /// Parts of a table.
    pub(super) table: super::table::Parts,
    /// The name and the unit that a named value gives.
    named: String,
    unit: String,
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.record.clear();
        self.table.clear();
        for text in [&mut self.path, &mut self.named, &mut self.unit] {
            text.clear();
            text.shrink_to(super::KEPT_TEXT_BYTES);
        }
    }
}

/// Adds samples to a message.
pub(in crate::payload) struct Builder<'a> {
    pub(super) message: &'a mut Message,
    pub(super) times: &'a Times,
    /// The bound that was met.
    refusal: Option<MessageError>,
    sample: Sample,
}

/// The sample that is being read, leaf by leaf.
#[derive(Clone, Copy, Default)]
struct Sample {
    /// From 1.
    number: usize,
    /// Where its cells begin.
    start: usize,
    time: Option<EventTime>,
    fault: Option<Fault>,
    has_name: bool,
    has_unit: bool,
    /// What the leaf `value` holds.
    value: Option<Cell>,
}

impl<'a> Builder<'a> {
    pub(in crate::payload) fn new(message: &'a mut Message, times: &'a Times) -> Self {
        Builder { message, times, refusal: None, sample: Sample::default() }
    }

    /// The place of a name; none where it is too long, which ends the reading.
    pub(in crate::payload) fn place(&mut self, text: &str) -> Option<u32> {
        if text.len() > NAME_BYTES_MAX {
            self.refusal.get_or_insert(MessageError::LongName(text.len()));
            return None;
        }
        Some(self.message.names.place(text, self.times))
    }

    /// Says the unit of a name.
    ///
    /// # Errors
    /// The message gives another unit for the same name.
    pub(in crate::payload) fn set_unit(&mut self, place: u32, unit: &str) -> Result<(), String> {
        if unit.is_empty() {
            return Ok(());
        }
        if unit.len() > NAME_BYTES_MAX {
            return Err(format!("a unit has {} bytes", unit.len()));
        }
        let Message { names, units, .. } = &mut *self.message;
        match &names.at(place).unit {
            None => {
                let start = units.len();
                units.push_str(unit);
                names.at_mut(place).unit = Some(start..units.len());
                Ok(())
            }
            Some(known) if units[known.clone()] == *unit => Ok(()),
            Some(known) => {
                let show = |text: &str| crate::payload::excerpt(text.as_bytes());
                let (name, known) = (names.text(names.at(place)), &units[known.clone()]);
                let (name, known, unit) = (show(name), show(known), show(unit));
                Err(format!("`{name}` comes in `{known}` and in `{unit}`"))
            }
        }
    }

    /// Adds a value to the sample at hand.
    pub(in crate::payload) fn push(&mut self, place: u32, cell: Cell) {
        self.message.cells.push((place, cell));
    }

    /// Adds a value to the sample at hand; false where it has one for the name already.
    pub(super) fn push_once(&mut self, place: u32, cell: Cell) -> bool {
        let sample = self.message.samples.len() + 1;
        let name = self.message.names.at_mut(place);
        if std::mem::replace(&mut name.seen_in, sample) == sample {
            return false;
        }
        self.push(place, cell);
        true
    }

    /// The bound that was met, which ends the reading.
    pub(in crate::payload) fn refusal(&mut self) -> Option<MessageError> {
        self.refusal.take()
    }

    /// Ends a sample whose cells have been pushed; false where a bound is met.
    pub(in crate::payload) fn end_sample(
        &mut self,
        time: Option<EventTime>,
        fault: Option<Fault>,
        is_named_value: bool,
    ) -> bool {
        self.end_sample_at(self.message.cells.len(), time, fault, is_named_value)
    }

    /// Ends a sample whose cells end there, where those of the next ones have been pushed too.
    pub(super) fn end_sample_at(
        &mut self,
        end: usize,
        time: Option<EventTime>,
        fault: Option<Fault>,
        is_named_value: bool,
    ) -> bool {
        let Message { names, cells, samples, series, .. } = &mut *self.message;
        let start = samples.last().map_or(0, |entry| entry.end);
        for (place, _) in &cells[start..end] {
            names.at_mut(*place).is_used = true;
        }
        let series = series.last();
        samples.push(Entry { time, fault, is_named_value, end, series });
        names.begin_sample();
        let beyond = match () {
            () if samples.len() > SAMPLES_MAX => Some(("samples", SAMPLES_MAX)),
            () if cells.len() > VALUES_MAX => Some(("values", VALUES_MAX)),
            () if names.len() > COLUMNS_MAX => Some(("names", COLUMNS_MAX)),
            () => None,
        };
        if let Some((what, limit)) = beyond {
            self.refuse_many(what, limit);
        }
        self.refusal.is_none()
    }

    pub(super) fn refuse(&mut self, error: MessageError) {
        self.refusal.get_or_insert(error);
    }

    pub(super) fn has_refused(&self) -> bool {
        self.refusal.is_some()
    }

    pub(super) fn refuse_many(&mut self, what: &'static str, limit: usize) {
        self.refusal.get_or_insert(MessageError::TooMany { what, limit });
    }

    /// Begins a sample that is read leaf by leaf.
    pub(super) fn begin_leaves(&mut self) {
        let (number, start) = (self.message.samples.len() + 1, self.message.cells.len());
        self.sample = Sample { number, start, ..Sample::default() };
    }

    /// Takes one leaf of the sample: a time, a value, or what names a value.
    pub(super) fn leaf(&mut self, name: &str, leaf: Leaf<'_>) {
        let Some(place) = self.place(name) else { return };
        let sample = &mut self.sample;
        let known = self.message.names.at_mut(place);
        if std::mem::replace(&mut known.seen_in, sample.number) == sample.number {
            sample.fault.get_or_insert(Fault::Twice);
            return;
        }
        match known.role.read(name, leaf) {
            Reading::Time(time) if sample.time.is_none() => sample.time = Some(time),
            Reading::Time(_) | Reading::BadTime => {
                sample.fault.get_or_insert(Fault::Time);
            }
            Reading::Value => {
                let cell = cell(leaf);
                let keep = |kept: &mut String, text: &str| {
                    kept.clear();
                    kept.push_str(text);
                    true
                };
                let Scratch { named, unit, .. } = &mut self.message.scratch;
                match (name, leaf) {
                    (NAME, Leaf::Text(text)) => sample.has_name = keep(named, text),
                    (UNIT, Leaf::Text(text)) => sample.has_unit = keep(unit, text),
                    (VALUE, _) => sample.value = Some(cell),
                    _ => {}
                }
                self.message.cells.push((place, cell));
            }
        }
    }

    /// Ends a sample that was read leaf by leaf.
    ///
    /// # Errors
    /// A bound is met, or units contradict each other.
    pub(super) fn end_leaves(&mut self) -> Result<(), String> {
        let Sample { start, time, fault, has_name, has_unit, value, .. } = self.sample;
        let named = value.filter(|_| has_name);
        if let Some(value) = named {
            self.message.cells.truncate(start);
            self.name_value(value, has_unit)?;
        }
        match self.end_sample(time, fault, named.is_some()) {
            true => Ok(()),
            false => Err("there is too much".to_owned()),
        }
    }

    fn name_value(&mut self, value: Cell, has_unit: bool) -> Result<(), String> {
        let name = std::mem::take(&mut self.message.scratch.named);
        let place = self.place(&name);
        self.message.scratch.named = name;
        let Some(place) = place else { return Ok(()) };
        self.message.cells.push((place, value));
        if has_unit {
            let unit = std::mem::take(&mut self.message.scratch.unit);
            let set = self.set_unit(place, &unit);
            self.message.scratch.unit = unit;
            return set;
        }
        Ok(())
    }
}

pub(super) fn cell(leaf: Leaf<'_>) -> Cell {
    leaf.to_f32().map_or(Cell::Other, Cell::Number)
}
