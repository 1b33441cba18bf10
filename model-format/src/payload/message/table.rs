//! Tables: the names of the channels once, then rows of values.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::builder::cell;
use super::leaves::Leaves;
use super::times::{Reading, Role};
use super::{Builder, EventTime, Fault, SAMPLES_MAX, VALUES_MAX};
use crate::payload::json_lines::{KeyOnto, Leaf};
use crate::payload::time::{TimeFormat, row_time_ns};
use crate::payload::{COLUMNS_MAX, excerpt};

/// The names that make an object a table.
const CHANNELS: &str = "channels";
const VALUES: &str = "values";
pub(super) const KEYS: [&str; 2] = [CHANNELS, VALUES];
/// May stand beside them.
const UNITS: &str = "units";
/// How rows without times of their own follow the start.
const RATE: &str = "rate_hz";
const INTERVAL: &str = "interval_";

/// Whether an object has `channels` and `values`; `name` is where its keys are put.
pub(super) fn is_table<'de, D: Deserializer<'de>>(
    deserializer: D,
    name: &mut String,
) -> Result<bool, D::Error> {
    struct Keys<'n>(&'n mut String);
    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<bool, A::Error> {
            let mut found = [false; 2];
            self.0.clear();
            while parts.next_key_seed(KeyOnto(self.0))?.is_some() {
                for (found, known) in found.iter_mut().zip(KEYS) {
                    *found |= *self.0 == known;
                }
                self.0.clear();
                parts.next_value::<IgnoredAny>()?;
            }
            Ok(found == [true; 2])
        }
    }
    deserializer.deserialize_map(Keys(name))
}

pub(super) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    builder: &mut Builder<'_>,
) -> Result<(), D::Error> {
    let mut parts = std::mem::take(&mut builder.message.scratch.table);
    let table = Table { parts: &mut parts, width: None, rows: 0, start: Start::None, step: None };
    let read = deserializer.deserialize_map(TableVisitor { table, builder });
    let read = read.and_then(|table| table.give(builder).map_err(de::Error::custom));
    builder.message.scratch.table = parts;
    read
}

/// The parts of a table that have any number of members.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Where the channels' names stand in the message.
    channels: Vec<u32>,
    /// The time of each row; one that cannot be read is none.
    times: Vec<Option<EventTime>>,
    /// The end of each unit in their joined text; none where a channel has no unit.
    units: Vec<Option<usize>>,
    units_text: String,
    name: String,
}

impl Parts {
    pub(super) fn clear(&mut self) {
        super::give_back(&mut self.channels);
        super::give_back(&mut self.times);
        super::give_back(&mut self.units);
        self.channels.clear();
        self.times.clear();
        self.units.clear();
        for text in [&mut self.units_text, &mut self.name] {
            text.clear();
            text.shrink_to(super::KEPT_TEXT_BYTES);
        }
    }
}

/// A table on its way. Its values lie in the message already, beside their position in the row.
struct Table<'p> {
    parts: &'p mut Parts,
    /// Values in each row, once there is one.
    width: Option<usize>,
    rows: usize,
    start: Start,
    step: Option<Step>,
}

/// What is known of the rows' times.
enum Start {
    None,
    /// Of the first row; none if it cannot be read.
    One(Option<EventTime>),
    /// Each row has one.
    Each,
}

/// How far rows lie apart.
#[derive(Clone, Copy)]
enum Step {
    Hz(f64),
    WholeNs(i64),
    Ns(f64),
}

impl Step {
    fn of_row(self, row: usize) -> Option<i64> {
        match self {
            Step::Hz(hz) => Some(row_time_ns(row as u64, Some(hz))),
            Step::WholeNs(ns) => i64::try_from(row).ok()?.checked_mul(ns),
            Step::Ns(ns) => TimeFormat::Nanoseconds.of_number(row as f64 * ns).ok(),
        }
    }
}

impl Table<'_> {
    /// Gives the rows to the message, or says what does not fit together.
    fn give(self, builder: &mut Builder<'_>) -> Result<(), String> {
        let Parts { channels, times, .. } = &*self.parts;
        let (width, rows) = (channels.len(), self.rows);
        if let Some(found) = self.width.filter(|found| *found != width) {
            return Err(format!("`{CHANNELS}` has {width} names, but rows have {found} values"));
        }
        match &self.start {
            Start::Each if times.len() != rows => {
                return Err(format!("there are {rows} rows, but {} times", times.len()));
            }
            Start::One(Some(_)) if self.step.is_none() && rows > 1 => {
                return Err("one time is given for several rows: add `rate_hz`, or `interval_ns`"
                    .to_owned());
            }
            _ => {}
        }
        self.give_units(builder)?;
        for row in 0..rows {
            let end = (row + 1) * width;
            for (place, _) in &mut builder.message.cells[end - width..end] {
                *place = channels[*place as usize];
            }
            let (time, fault) = match self.row_time(row) {
                Some(time) => (time, None),
                None => (None, Some(Fault::Time)),
            };
            if !builder.end_sample_at(end, time, fault, false) {
                return Err("there is too much".to_owned());
            }
        }
        Ok(())
    }

    fn give_units(&self, builder: &mut Builder<'_>) -> Result<(), String> {
        let Parts { channels, units, units_text, .. } = &*self.parts;
        if !units.is_empty() && units.len() != channels.len() {
            let (channels, units) = (channels.len(), units.len());
            return Err(format!("`{CHANNELS}` has {channels} names, but `{UNITS}` has {units}"));
        }
        let mut start = 0;
        for (place, end) in channels.iter().zip(units) {
            if let Some(end) = *end {
                builder.set_unit(*place, &units_text[start..end])?;
                start = end;
            }
        }
        Ok(())
    }

    /// The time of a row; none where it has one that cannot be read.
    fn row_time(&self, row: usize) -> Option<Option<EventTime>> {
        match &self.start {
            Start::None => Some(None),
            Start::Each => self.parts.times[row].map(Some),
            Start::One(start) => {
                let start = (*start)?;
                let later = self.step.map_or(Some(0), |step| step.of_row(row));
                let time_ns = later.and_then(|later| start.time_ns.checked_add(later))?;
                Some(Some(EventTime { time_ns, ..start }))
            }
        }
    }

    fn set_step<E: de::Error>(&mut self, step: Step) -> Result<(), E> {
        match self.step.replace(step) {
            None => Ok(()),
            Some(_) => Err(E::custom("there are two of `rate_hz` and `interval_…`")),
        }
    }
}

struct TableVisitor<'p, 'b, 'a> {
    table: Table<'p>,
    builder: &'b mut Builder<'a>,
}

impl<'de, 'p> Visitor<'de> for TableVisitor<'p, '_, '_> {
    type Value = Table<'p>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of samples")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Table<'p>, A::Error> {
        let TableVisitor { mut table, builder } = self;
        let mut name = std::mem::take(&mut table.parts.name);
        let mut seen = [false; 3];
        loop {
            name.clear();
            if parts.next_key_seed(KeyOnto(&mut name))?.is_none() {
                break;
            }
            let ours = [CHANNELS, VALUES, UNITS].iter().position(|known| *known == name);
            if ours.is_some_and(|place| std::mem::replace(&mut seen[place], true)) {
                return Err(de::Error::custom(format_args!("`{name}` stands there twice")));
            }
            match &*name {
                CHANNELS => parts.next_value_seed(Channels { table: &mut table, builder })?,
                VALUES => parts.next_value_seed(Rows { table: &mut table, builder })?,
                UNITS => parts.next_value_seed(Units(&mut table))?,
                RATE => table.set_step(Step::Hz(positive(RATE, parts.next_value()?)?))?,
                other if other.starts_with(INTERVAL) => {
                    let step = interval(other, parts.next_value_seed(OneNumber)?)?;
                    table.set_step(step)?;
                }
                other => {
                    let role = builder.times.role(other);
                    parts.next_value_seed(TimesOf { table: &mut table, name: other, role })?;
                }
            }
        }
        table.parts.name = name;
        Ok(table)
    }
}

fn positive<E: de::Error>(name: &str, value: f64) -> Result<f64, E> {
    match value > 0.0 && value.is_finite() {
        true => Ok(value),
        false => Err(E::custom(format_args!("`{name}` is {value}: a number above 0 is expected"))),
    }
}

fn interval<E: de::Error>(name: &str, value: Number) -> Result<Step, E> {
    let unknown = || E::custom("an interval is called interval_ns, _us, _ms or _s");
    let format = TimeFormat::unambiguous(name, "0").ok_or_else(unknown)?;
    let scale = format.of_integer(1).map_err(|_| unknown())?;
    match value {
        Number::Whole(value) if value > 0 => {
            let ns = value.checked_mul(scale);
            ns.map(Step::WholeNs).ok_or_else(|| E::custom("the interval is too long"))
        }
        Number::Whole(value) => positive(name, value as f64).map(Step::Ns),
        Number::Float(value) => Ok(Step::Ns(positive::<E>(name, value)? * scale as f64)),
    }
}

enum Number {
    Whole(i64),
    Float(f64),
}

struct OneNumber;

impl<'de> DeserializeSeed<'de> for OneNumber {
    type Value = Number;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
        let mut found = None;
        let mut take = |leaf: Leaf<'_>| {
            found = match leaf {
                Leaf::Integer(value) => Some(Number::Whole(value)),
                Leaf::Number(value) => Some(Number::Float(value)),
                _ => None,
            };
            true
        };
        Leaves(&mut take).deserialize(deserializer)?;
        found.ok_or_else(|| de::Error::custom("an interval is a number"))
    }
}

/// The names of the channels.
struct Channels<'t, 'p, 'b, 'a> {
    table: &'t mut Table<'p>,
    builder: &'b mut Builder<'a>,
}

impl<'de> DeserializeSeed<'de> for Channels<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Channels { table, builder } = self;
        let channels = &mut table.parts.channels;
        let (mut is_text, mut twice) = (true, None);
        let mut take = |leaf: Leaf<'_>| {
            let Leaf::Text(text) = leaf else {
                is_text = false;
                return true;
            };
            let Some(place) = builder.place(text) else { return false };
            let name = builder.message.names.at_mut(place);
            if std::mem::replace(&mut name.seen_in, 1) == 1 {
                twice.get_or_insert_with(|| excerpt(text.as_bytes()));
            }
            channels.push(place);
            channels.len() <= COLUMNS_MAX
        };
        let is_array = Leaves(&mut take).deserialize(deserializer);
        if channels.len() > COLUMNS_MAX {
            builder.refuse_many("names", COLUMNS_MAX);
        }
        match (is_array? && is_text, twice) {
            (true, None) => Ok(()),
            (true, Some(name)) => {
                Err(de::Error::custom(format_args!("`{CHANNELS}` has `{name}` twice")))
            }
            (false, _) => Err(de::Error::custom("`channels` is an array of names")),
        }
    }
}

/// The units of the channels.
struct Units<'t, 'p>(&'t mut Table<'p>);

impl<'de> DeserializeSeed<'de> for Units<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Parts { units, units_text, .. } = &mut *self.0.parts;
        let mut is_text = true;
        let mut take = |leaf: Leaf<'_>| {
            match leaf {
                Leaf::Text(text) => {
                    units_text.push_str(text);
                    units.push(Some(units_text.len()));
                }
                Leaf::Null => units.push(None),
                _ => is_text = false,
            }
            units.len() <= COLUMNS_MAX
        };
        match Leaves(&mut take).deserialize(deserializer)? && is_text {
            true => Ok(()),
            false => Err(de::Error::custom("`units` is an array of texts")),
        }
    }
}

/// The rows of values.
struct Rows<'t, 'p, 'b, 'a> {
    table: &'t mut Table<'p>,
    builder: &'b mut Builder<'a>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let Rows { table, builder } = self;
        loop {
            let cells = &mut builder.message.cells;
            let start = cells.len();
            let mut take = |leaf: Leaf<'_>| {
                cells.push(((cells.len() - start) as u32, cell(leaf)));
                cells.len() <= VALUES_MAX
            };
            let is_array = parts.next_element_seed(Leaves(&mut take));
            let found = builder.message.cells.len() - start;
            match () {
                () if start + found > VALUES_MAX => builder.refuse_many("values", VALUES_MAX),
                () if table.rows >= SAMPLES_MAX && matches!(is_array, Ok(Some(_))) => {
                    builder.refuse_many("samples", SAMPLES_MAX);
                }
                () => {}
            }
            match is_array? {
                None => return Ok(()),
                Some(false) => return Err(de::Error::custom("a row is an array of values")),
                Some(true) if builder.has_refused() => {
                    return Err(de::Error::custom("there is too much"));
                }
                Some(true) => {}
            }
            if *table.width.get_or_insert(found) != found {
                let row = table.rows;
                let text = format!("row {row} has {found} values, rows before it another number");
                return Err(de::Error::custom(text));
            }
            table.rows += 1;
        }
    }
}

/// What may be the times, or something that is ignored.
struct TimesOf<'t, 'p, 'n> {
    table: &'t mut Table<'p>,
    name: &'n str,
    role: Role,
}

impl<'de> DeserializeSeed<'de> for TimesOf<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let TimesOf { table, name, role } = self;
        if matches!(role, Role::Value) {
            return IgnoredAny::deserialize(deserializer).map(|_| ());
        }
        let times = &mut table.parts.times;
        let before = times.len();
        let mut is_time = true;
        let mut take = |leaf: Leaf<'_>| {
            match role.read(name, leaf) {
                Reading::Time(time) => times.push(Some(time)),
                Reading::BadTime => times.push(None),
                Reading::Value => is_time = false,
            }
            times.len() - before <= SAMPLES_MAX
        };
        let is_array = Leaves(&mut take).deserialize(deserializer)?;
        if !is_time {
            times.truncate(before);
            return Ok(());
        }
        if !matches!(table.start, Start::None) {
            return Err(de::Error::custom("there are two times: name one with an option"));
        }
        table.start = match is_array {
            true => Start::Each,
            false => Start::One(times.pop().flatten()),
        };
        Ok(())
    }
}
