//! Tables: the names of the channels once, then rows of values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::times::{Reading, Role};
use super::{Builder, COLUMNS_MAX, Cell, EventTime, Fault, SAMPLES_MAX, VALUES_MAX, cell};
use crate::payload::json_lines::Leaf;
use crate::payload::time::{TimeFormat, row_time_ns};

/// The names that make an object a table.
const CHANNELS: &str = "channels";
const VALUES: &str = "values";
/// How rows without times of their own follow the start.
const RATE: &str = "rate_hz";
const INTERVAL: &str = "interval_";

/// Whether an object has `channels` and `values`.
pub(super) fn is_table(text: &[u8]) -> serde_json::Result<bool> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<bool, A::Error> {
            let mut found = [false; 2];
            while let Some(name) = parts.next_key::<Cow<'de, str>>()? {
                found[0] |= name == CHANNELS;
                found[1] |= name == VALUES;
                parts.next_value::<IgnoredAny>()?;
            }
            Ok(found == [true; 2])
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let is_table = deserializer.deserialize_map(Names)?;
    deserializer.end()?;
    Ok(is_table)
}

pub(super) fn read(text: &[u8], builder: &mut Builder<'_>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let table = deserializer.deserialize_map(TableVisitor(builder))?;
    deserializer.end()?;
    table.give(builder).map_err(de::Error::custom)
}

#[derive(Default)]
struct Table {
    channels: Vec<String>,
    /// Values in each row, once there is one.
    width: Option<usize>,
    rows: usize,
    cells: Vec<Cell>,
    /// One for each row, or one for all.
    times: Option<Times>,
    step: Option<Step>,
}

/// Times that cannot be read are none.
enum Times {
    Start(Option<EventTime>),
    Each(Vec<Option<EventTime>>),
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

impl Table {
    /// Gives the rows to the message, or says what does not fit together.
    fn give(self, builder: &mut Builder<'_>) -> Result<(), String> {
        let width = self.channels.len();
        if let Some(found) = self.width.filter(|found| *found != width) {
            return Err(format!("`{CHANNELS}` has {width} names, but rows have {found} values"));
        }
        let mut distinct = HashSet::new();
        if let Some(twice) = self.channels.iter().find(|name| !distinct.insert(name.as_str())) {
            return Err(format!(
                "`{CHANNELS}` has {:?} twice",
                twice.chars().take(80).collect::<String>()
            ));
        }
        let times = self.row_times()?;
        let places: Vec<u32> = self.channels.iter().map(|name| builder.place(name)).collect();
        for (row, time) in times.into_iter().enumerate() {
            let cells = &self.cells[row * width..][..width];
            builder.message.cells.extend(places.iter().copied().zip(cells.iter().copied()));
            let (time, fault) = match time {
                RowTime::None => (None, None),
                RowTime::At(time) => (Some(time), None),
                RowTime::Bad => (None, Some(Fault::Time)),
            };
            if !builder.end_sample(time, fault, false) {
                return Err("there is too much".to_owned());
            }
        }
        Ok(())
    }

    fn row_times(&self) -> Result<Vec<RowTime>, String> {
        let rows = self.rows;
        let of = |time: Option<EventTime>| time.map_or(RowTime::Bad, RowTime::At);
        Ok(match (&self.times, self.step) {
            (None, _) => (0..rows).map(|_| RowTime::None).collect(),
            (Some(Times::Each(times)), _) if times.len() != rows => {
                return Err(format!("there are {rows} rows, but {} times", times.len()));
            }
            (Some(Times::Each(times)), _) => times.iter().map(|time| of(*time)).collect(),
            (Some(Times::Start(start)), None) if rows > 1 => {
                let text = "one time is given for several rows: add `rate_hz`, or `interval_ns`";
                return start.map_or_else(
                    || Ok((0..rows).map(|_| RowTime::Bad).collect()),
                    |_| Err(text.to_owned()),
                );
            }
            (Some(Times::Start(start)), step) => (0..rows)
                .map(|row| {
                    let Some(start) = start else { return RowTime::Bad };
                    let later = step.map_or(Some(0), |step| step.of_row(row));
                    let time_ns = later.and_then(|later| start.time_ns.checked_add(later));
                    of(time_ns.map(|time_ns| EventTime { time_ns, ..*start }))
                })
                .collect(),
        })
    }
}

enum RowTime {
    None,
    At(EventTime),
    Bad,
}

struct TableVisitor<'b, 'a>(&'b mut Builder<'a>);

impl<'de> Visitor<'de> for TableVisitor<'_, '_> {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of samples")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Table, A::Error> {
        let mut table = Table::default();
        let mut seen = HashSet::new();
        while let Some(name) = parts.next_key::<Cow<'de, str>>()? {
            let role = self.0.times.role(&name);
            let is_ours = match &*name {
                CHANNELS => {
                    table.channels = parts.next_value_seed(Channels(self.0))?;
                    true
                }
                VALUES => {
                    parts.next_value_seed(Rows { table: &mut table, builder: self.0 })?;
                    true
                }
                RATE => {
                    table.step(Step::Hz(positive(RATE, parts.next_value()?)?))?;
                    true
                }
                other if other.starts_with(INTERVAL) => {
                    let step = interval(other, parts.next_value_seed(OneLeaf)?)?;
                    table.step(step)?;
                    true
                }
                other => {
                    let times = parts.next_value_seed(TimesOf { name: other, role })?;
                    if times.is_some() && table.times.is_some() {
                        return Err(de::Error::custom(
                            "there are two times: name one with an option",
                        ));
                    }
                    table.times = table.times.or(times);
                    false
                }
            };
            if is_ours && !seen.insert(name.clone().into_owned()) {
                return Err(de::Error::custom(format_args!("`{name}` stands there twice")));
            }
        }
        Ok(table)
    }
}

impl Table {
    fn step<E: de::Error>(&mut self, step: Step) -> Result<(), E> {
        match self.step.replace(step) {
            None => Ok(()),
            Some(_) => Err(E::custom("there are two of `rate_hz` and `interval_…`")),
        }
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

struct OneLeaf;

impl<'de> DeserializeSeed<'de> for OneLeaf {
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

/// A value, or an array of values; tells whether it was an array. The function is given each and
/// says whether to go on.
struct Leaves<'f>(&'f mut dyn FnMut(Leaf<'_>) -> bool);

impl<'de> DeserializeSeed<'de> for Leaves<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Leaves<'_> {
    fn give<E: de::Error>(&mut self, leaf: Leaf<'_>) -> Result<bool, E> {
        match (self.0)(leaf) {
            true => Ok(false),
            false => Err(E::custom("there is too much")),
        }
    }
}

impl<'de> Visitor<'de> for Leaves<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or an array of values")
    }

    fn visit_f64<E: de::Error>(mut self, value: f64) -> Result<bool, E> {
        self.give(Leaf::Number(value))
    }

    fn visit_u64<E: de::Error>(mut self, value: u64) -> Result<bool, E> {
        self.give(i64::try_from(value).map_or(Leaf::Number(value as f64), Leaf::Integer))
    }

    fn visit_i64<E: de::Error>(mut self, value: i64) -> Result<bool, E> {
        self.give(Leaf::Integer(value))
    }

    fn visit_bool<E: de::Error>(mut self, value: bool) -> Result<bool, E> {
        self.give(Leaf::Bool(value))
    }

    fn visit_unit<E: de::Error>(mut self) -> Result<bool, E> {
        self.give(Leaf::Null)
    }

    fn visit_str<E: de::Error>(mut self, value: &str) -> Result<bool, E> {
        self.give(Leaf::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<bool, A::Error> {
        while let Some(is_array) = parts.next_element_seed(Leaves(self.0))? {
            if is_array {
                return Err(de::Error::custom("an array stands in an array"));
            }
        }
        Ok(true)
    }
}

/// The names of the channels.
struct Channels<'b, 'a>(&'b mut Builder<'a>);

impl<'de> DeserializeSeed<'de> for Channels<'_, '_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        let mut names = Vec::new();
        let mut is_text = true;
        let mut take = |leaf: Leaf<'_>| {
            match leaf {
                Leaf::Text(text) => names.push(text.to_owned()),
                _ => is_text = false,
            }
            names.len() <= COLUMNS_MAX
        };
        let is_array = Leaves(&mut take).deserialize(deserializer);
        if names.len() > COLUMNS_MAX {
            self.0.beyond = Some(("names", COLUMNS_MAX));
        }
        match is_array? && is_text {
            true => Ok(names),
            false => Err(de::Error::custom("`channels` is an array of names")),
        }
    }
}

/// The rows of values.
struct Rows<'b, 'a> {
    table: &'b mut Table,
    builder: &'b mut Builder<'a>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let Table { cells, rows, width, .. } = self.table;
        loop {
            let start = cells.len();
            let mut take = |leaf: Leaf<'_>| {
                cells.push(cell(leaf));
                cells.len() <= VALUES_MAX
            };
            let is_array = parts.next_element_seed(Leaves(&mut take));
            self.builder.beyond = match () {
                () if cells.len() > VALUES_MAX => Some(("values", VALUES_MAX)),
                () if *rows >= SAMPLES_MAX && matches!(is_array, Ok(Some(_))) => {
                    Some(("samples", SAMPLES_MAX))
                }
                () => None,
            };
            match is_array? {
                None => return Ok(()),
                Some(false) => return Err(de::Error::custom("a row is an array of values")),
                Some(true) if self.builder.beyond.is_some() => {
                    return Err(de::Error::custom("there is too much"));
                }
                Some(true) => {}
            }
            let found = cells.len() - start;
            if *width.get_or_insert(found) != found {
                let text = format!("row {rows} has {found} values, rows before it another number");
                return Err(de::Error::custom(text));
            }
            *rows += 1;
        }
    }
}

/// What may be the times, or something that is ignored.
struct TimesOf<'a> {
    name: &'a str,
    role: Role,
}

impl<'de> DeserializeSeed<'de> for TimesOf<'_> {
    type Value = Option<Times>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Times>, D::Error> {
        if matches!(self.role, Role::Value) {
            return IgnoredAny::deserialize(deserializer).map(|_| None);
        }
        let mut times = Vec::new();
        let mut is_time = true;
        let mut take = |leaf: Leaf<'_>| {
            match self.role.read(self.name, leaf) {
                Reading::Time(time) => times.push(Some(time)),
                Reading::BadTime => times.push(None),
                Reading::Value => is_time = false,
            }
            times.len() <= SAMPLES_MAX
        };
        let is_array = Leaves(&mut take).deserialize(deserializer)?;
        Ok(match (is_array, is_time) {
            (_, false) => None,
            (true, true) => Some(Times::Each(times)),
            (false, true) => times.pop().map(Times::Start),
        })
    }
}
