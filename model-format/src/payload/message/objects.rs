//! The shapes that JSON and CBOR share: objects, named values, arrays of them, values by position.

use std::fmt;

use serde::Deserialize as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::leaves::Leaves;
use super::{Builder, MessageError};
use super::{table, top_keys};
use crate::payload::cbor::{Cbor, CborError, Kind};
use crate::payload::format::Format;
use crate::payload::json_lines::{Leaf, Object};

pub(super) fn read_json(
    text: &[u8],
    positions: &[String],
    builder: &mut Builder<'_>,
) -> Result<(), MessageError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = match text.trim_ascii_start().first() {
        Some(b'[') => json.deserialize_seq(Elements { builder, positions }),
        Some(b'{') if top_keys::has_all(text, table::KEYS) => table::read(&mut json, builder),
        Some(b'{') => OneObject(builder).deserialize(&mut json),
        _ => de::IgnoredAny::deserialize(&mut json)
            .and_then(|_| Err(de::Error::custom("it does not begin with `{` or `[`"))),
    };
    read.and_then(|()| json.end()).map_err(|error| json_error(Format::Json, &error))
}

pub(super) fn json_error(format: Format, error: &serde_json::Error) -> MessageError {
    let detail = error.to_string();
    match error.is_data() {
        true => MessageError::WrongForm { format, detail },
        false => MessageError::Unreadable { format, detail },
    }
}

pub(super) fn read_cbor(
    bytes: &[u8],
    positions: &[String],
    builder: &mut Builder<'_>,
) -> Result<(), MessageError> {
    let mut cbor = Cbor::new(bytes);
    let read = match Cbor::new(bytes).kind() {
        Ok(Kind::Array) => cbor.deserialize_seq(Elements { builder, positions }),
        Ok(Kind::Map) => {
            table::is_table(&mut cbor, &mut builder.message.scratch.path).and_then(|is_table| {
                cbor.end()?;
                cbor = Cbor::new(bytes);
                match is_table {
                    true => table::read(&mut cbor, builder),
                    false => OneObject(builder).deserialize(&mut cbor),
                }
            })
        }
        Ok(Kind::Other) => Err(de::Error::custom("it is neither a map nor an array")),
        Err(error) => Err(error),
    };
    read.and_then(|()| cbor.end()).map_err(|error| cbor_error(Format::Cbor, &error))
}

pub(super) fn cbor_error(format: Format, error: &CborError) -> MessageError {
    let detail = error.to_string();
    match error.is_data() {
        true => MessageError::WrongForm { format, detail },
        false => MessageError::Unreadable { format, detail },
    }
}

/// The parts of an array: objects, rows, or the values of one row.
struct Elements<'b, 'a> {
    builder: &'b mut Builder<'a>,
    positions: &'b [String],
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let Elements { builder, positions } = self;
        let mut values = None;
        let mut count = 0;
        while parts
            .next_element_seed(Element { builder, positions, values: &mut values })?
            .is_some()
        {
            count += 1;
            if values.is_some_and(|values| values != count) {
                return Err(de::Error::custom(
                    "some parts of the array are numbers, others objects or rows",
                ));
            }
        }
        match values {
            Some(values) => end_row(builder, positions, values),
            None => Ok(()),
        }
    }
}

/// One part of an array.
struct Element<'b, 'a> {
    builder: &'b mut Builder<'a>,
    positions: &'b [String],
    /// How many parts were values, once the first was one.
    values: &'b mut Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Element<'_, '_> {
    fn value<E: de::Error>(self, leaf: Leaf<'_>) -> Result<(), E> {
        if self.values.is_none() {
            self.builder.begin_leaves();
        }
        let at = self.values.get_or_insert(0);
        by_position(self.builder, self.positions, *at, leaf)?;
        *at += 1;
        Ok(())
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<(), A::Error> {
        OneObject(self.builder).deserialize(MapAccessDeserializer::new(parts))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let Element { builder, positions, .. } = self;
        builder.begin_leaves();
        let mut count = 0;
        loop {
            let mut failed = Ok(());
            let mut take = |leaf: Leaf<'_>| {
                failed = by_position::<A::Error>(builder, positions, count, leaf);
                failed.is_ok()
            };
            let is_array = parts.next_element_seed(Leaves(&mut take));
            failed?;
            match is_array? {
                None => return end_row(builder, positions, count),
                Some(true) => return Err(de::Error::custom("an array stands in a row")),
                Some(false) => count += 1,
            }
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.value(Leaf::Number(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.value(Leaf::of_u64(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.value(Leaf::Integer(value))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.value(Leaf::Bool(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.value(Leaf::Null)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.value(Leaf::Text(value))
    }
}

fn by_position<E: de::Error>(
    builder: &mut Builder<'_>,
    positions: &[String],
    at: usize,
    leaf: Leaf<'_>,
) -> Result<(), E> {
    match positions.get(at) {
        Some(name) => {
            builder.leaf(name, leaf);
            Ok(())
        }
        None if positions.is_empty() => Err(E::custom(
            "it has values by position, and no names are given for positions: give them, or send \
             objects",
        )),
        None => Err(E::custom(format_args!(
            "a row has more values than the {} names that are given for positions",
            positions.len()
        ))),
    }
}

fn end_row<E: de::Error>(
    builder: &mut Builder<'_>,
    positions: &[String],
    count: usize,
) -> Result<(), E> {
    if count != positions.len() {
        return Err(E::custom(format_args!(
            "a row has {count} values, but {} names are given for positions",
            positions.len()
        )));
    }
    builder.end_leaves().map_err(E::custom)
}

/// An object as one sample.
struct OneObject<'b, 'a>(&'b mut Builder<'a>);

impl<'de> DeserializeSeed<'de> for OneObject<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let mut path = std::mem::take(&mut self.0.message.scratch.path);
        self.0.begin_leaves();
        let mut leaf = |name: &str, leaf: Leaf<'_>| self.0.leaf(name, leaf);
        let read = Object { leaf: &mut leaf, path: &mut path }.deserialize(deserializer);
        self.0.message.scratch.path = path;
        read?;
        self.0.end_leaves().map_err(de::Error::custom)
    }
}
