//! Objects and named values, one or an array of them.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::times::Reading;
use super::{Builder, Cell, EventTime, Fault, cell};
use crate::payload::json_lines::{Leaf, Object};

/// The leaf whose text names the channel of a named value, and the one with its value.
const NAME: &str = "name";
const VALUE: &str = "value";

pub(super) fn read_one(text: &[u8], builder: &mut Builder<'_>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    OneObject(builder).deserialize(&mut deserializer)?;
    deserializer.end()
}

pub(super) fn read_array(text: &[u8], builder: &mut Builder<'_>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.deserialize_seq(Objects(builder))?;
    deserializer.end()
}

struct Objects<'b, 'a>(&'b mut Builder<'a>);

impl<'de> Visitor<'de> for Objects<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of JSON objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        while parts.next_element_seed(OneObject(self.0))?.is_some() {}
        Ok(())
    }
}

struct OneObject<'b, 'a>(&'b mut Builder<'a>);

impl<'de> DeserializeSeed<'de> for OneObject<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let mut sample = Sample::start(self.0);
        Object(&mut |name, leaf| sample.leaf(name, leaf)).deserialize(deserializer)?;
        match sample.finish() {
            true => Ok(()),
            false => Err(de::Error::custom("there is too much")),
        }
    }
}

/// One sample on its way.
struct Sample<'b, 'a> {
    builder: &'b mut Builder<'a>,
    number: usize,
    start: usize,
    time: Option<EventTime>,
    fault: Option<Fault>,
    /// The text of the leaf `name`.
    name: Option<String>,
    /// What the leaf `value` holds.
    value: Option<Cell>,
}

impl<'b, 'a> Sample<'b, 'a> {
    fn start(builder: &'b mut Builder<'a>) -> Self {
        let (number, start) = (builder.message.samples.len() + 1, builder.message.cells.len());
        Sample { builder, number, start, time: None, fault: None, name: None, value: None }
    }

    fn leaf(&mut self, name: &str, leaf: Leaf<'_>) {
        let place = self.builder.place(name);
        let known = &mut self.builder.message.names[place as usize];
        if std::mem::replace(&mut known.seen_in, self.number) == self.number {
            self.fault.get_or_insert(Fault::Twice);
            return;
        }
        match known.role.read(name, leaf) {
            Reading::Time(time) if self.time.is_none() => self.time = Some(time),
            Reading::Time(_) | Reading::BadTime => {
                self.fault.get_or_insert(Fault::Time);
            }
            Reading::Value => {
                let cell = cell(leaf);
                match (name, leaf) {
                    (NAME, Leaf::Text(text)) => self.name = Some(text.to_owned()),
                    (VALUE, _) => self.value = Some(cell),
                    _ => {}
                }
                self.builder.message.cells.push((place, cell));
            }
        }
    }

    fn finish(self) -> bool {
        let is_named_value = match (self.name, self.value) {
            (Some(name), Some(value)) => {
                let place = self.builder.place(&name);
                self.builder.message.cells.truncate(self.start);
                self.builder.message.cells.push((place, value));
                true
            }
            _ => false,
        };
        self.builder.end_sample(self.time, self.fault, is_named_value)
    }
}
