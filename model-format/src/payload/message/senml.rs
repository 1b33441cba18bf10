//! SenML (RFC 8428) in JSON and CBOR: each record is a named value.
//!
//! Base fields hold from their record on. The name is `bn` and `n` together, the time `bt` + `t`,
//! the value `bv` + `v`; `vb` is 1 or 0, `vs` and `vd` are no numbers, a record without any of
//! these has no value. A sum (`bs` + `s`) is the value of the channel called like the record, with
//! `.sum` behind. A time below 2^28 s is relative to the arrival. Units are `u`, else `bu`.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::builder::cell;
use super::objects::{cbor_error, json_error};
use super::{Builder, Cell, EventTime, Fault, MessageError, NAME_BYTES_MAX};
use crate::payload::cbor::{Cbor, CborError, Kind};
use crate::payload::excerpt;
use crate::payload::format::Format;
use crate::payload::json_lines::Leaf;
use crate::payload::time::TimeFormat;

/// Times from here on count from 1970, below from now.
const ABSOLUTE_FROM_NS: i64 = (1 << 28) * 1_000_000_000;
/// Versions are sums of features (RFC 9100): those that this reader has, beside all up to 10.
const VERSION: i64 = 10;
const SECONDARY_UNITS: i64 = 16;

pub(super) fn read_json(
    text: &[u8],
    arrival_ns: i64,
    builder: &mut Builder<'_>,
) -> Result<(), MessageError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = json.deserialize_any(Pack { builder, arrival_ns });
    read.and_then(|()| json.end()).map_err(|error| json_error(Format::SenmlJson, &error))
}

pub(super) fn read_cbor(
    bytes: &[u8],
    arrival_ns: i64,
    builder: &mut Builder<'_>,
) -> Result<(), MessageError> {
    let mut cbor = Cbor::new(bytes);
    let read = match Cbor::new(bytes).kind() {
        Ok(Kind::Array) => cbor.deserialize_any(Pack { builder, arrival_ns }),
        Ok(_) => Err(<CborError as de::Error>::custom("it is no array of records")),
        Err(error) => Err(error),
    };
    read.and_then(|()| cbor.end()).map_err(|error| cbor_error(Format::SenmlCbor, &error))
}

/// The labels of records, in the order of [`LABELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    BaseVersion,
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    Name,
    Unit,
    Value,
    Text,
    Bool,
    Sum,
    Time,
    UpdateTime,
    Data,
}

/// Each label, as JSON and as CBOR write it.
const LABELS: [(Label, &str, i64); 15] = [
    (Label::BaseVersion, "bver", -1),
    (Label::BaseName, "bn", -2),
    (Label::BaseTime, "bt", -3),
    (Label::BaseUnit, "bu", -4),
    (Label::BaseValue, "bv", -5),
    (Label::BaseSum, "bs", -6),
    (Label::Name, "n", 0),
    (Label::Unit, "u", 1),
    (Label::Value, "v", 2),
    (Label::Text, "vs", 3),
    (Label::Bool, "vb", 4),
    (Label::Sum, "s", 5),
    (Label::Time, "t", 6),
    (Label::UpdateTime, "ut", 7),
    (Label::Data, "vd", 8),
];

/// Texts of the record at hand, and those that hold from an earlier one on.
#[derive(Debug, Default)]
pub(super) struct Texts {
    base_name: String,
    base_unit: String,
    name: String,
    unit: String,
}

impl Texts {
    pub(super) fn clear(&mut self) {
        for text in [&mut self.base_name, &mut self.base_unit, &mut self.name, &mut self.unit] {
            text.clear();
            text.shrink_to(super::KEPT_TEXT_BYTES);
        }
    }
}

/// Numbers that hold from an earlier record on.
#[derive(Clone, Copy, Default)]
struct Base {
    /// None where it cannot be read.
    time_ns: Option<i64>,
    value: f64,
    sum: f64,
}

struct Pack<'b, 'a> {
    builder: &'b mut Builder<'a>,
    arrival_ns: i64,
}

impl<'de> Visitor<'de> for Pack<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let Pack { builder, arrival_ns } = self;
        let mut texts = std::mem::take(&mut builder.message.scratch.record);
        let mut base = Base { time_ns: Some(0), ..Base::default() };
        let mut give = || {
            while let Some(record) =
                parts.next_element_seed(RecordSeed { texts: &mut texts, base: &mut base })?
            {
                let mut record = Resolved { record, texts: &mut texts, base, arrival_ns };
                record.give(builder).map_err(de::Error::custom)?;
            }
            Ok(())
        };
        let given = give();
        builder.message.scratch.record = texts;
        given
    }
}

/// What a record says beside names and units.
#[derive(Clone, Copy, Default)]
struct Record {
    /// One bit for each label.
    seen: u32,
    is_twice: bool,
    /// How many values it has.
    values: usize,
    value: Option<Cell>,
    number: Option<f64>,
    sum: Option<Cell>,
    sum_number: Option<f64>,
    /// None where it cannot be read.
    time_ns: Option<i64>,
}

struct RecordSeed<'t> {
    texts: &'t mut Texts,
    base: &'t mut Base,
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = Record;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Record, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Record, A::Error> {
        let RecordSeed { texts, base } = self;
        texts.name.clear();
        texts.unit.clear();
        let mut record = Record { time_ns: Some(0), ..Record::default() };
        while let Some(label) = parts.next_key_seed(LabelSeed)? {
            let Some(label) = label else {
                parts.next_value::<IgnoredAny>()?;
                continue;
            };
            let bit = 1 << label as u32;
            record.is_twice |= record.seen & bit != 0;
            record.seen |= bit;
            let text = match label {
                Label::BaseName => Some(&mut texts.base_name),
                Label::BaseUnit => Some(&mut texts.base_unit),
                Label::Name => Some(&mut texts.name),
                Label::Unit => Some(&mut texts.unit),
                _ => None,
            };
            let is_text = text.is_some();
            let value = parts.next_value_seed(ScalarSeed(text))?;
            if is_text && value != Scalar::Kept {
                let label = LABELS[label as usize].1;
                return Err(de::Error::custom(format_args!("`{label}` is no text")));
            }
            record.take(label, value, base).map_err(de::Error::custom)?;
        }
        Ok(record)
    }
}

impl Record {
    fn take(&mut self, label: Label, value: Scalar, base: &mut Base) -> Result<(), String> {
        let number = value.number();
        let no_number = || format!("`{}` is no number", LABELS[label as usize].1);
        match label {
            Label::BaseVersion => {
                let known = match value {
                    Scalar::Integer(version) => {
                        (0..=VERSION).contains(&version) || version == VERSION + SECONDARY_UNITS
                    }
                    _ => false,
                };
                if !known {
                    return Err("`bver` is no version that is known: 10 and 26 are".to_owned());
                }
            }
            Label::BaseTime => base.time_ns = value.time_ns(),
            Label::BaseValue => base.value = number.ok_or_else(no_number)?,
            Label::BaseSum => base.sum = number.ok_or_else(no_number)?,
            Label::Time => self.time_ns = value.time_ns(),
            Label::Value => {
                self.values += 1;
                self.number = number;
                self.value = Some(Cell::Other);
            }
            Label::Bool => {
                self.values += 1;
                self.value = Some(match value {
                    Scalar::Bool(value) => Cell::Number(f32::from(value)),
                    _ => Cell::Other,
                });
            }
            Label::Text | Label::Data => {
                self.values += 1;
                self.value = Some(Cell::Other);
            }
            Label::Sum => {
                self.sum_number = number;
                self.sum = Some(Cell::Other);
            }
            Label::BaseName | Label::BaseUnit | Label::Name | Label::Unit | Label::UpdateTime => {}
        }
        Ok(())
    }

    fn has(&self, label: Label) -> bool {
        self.seen & (1 << label as u32) != 0
    }
}

/// A record with what holds from earlier ones on.
struct Resolved<'t> {
    record: Record,
    texts: &'t mut Texts,
    base: Base,
    arrival_ns: i64,
}

impl Resolved<'_> {
    fn give(&mut self, builder: &mut Builder<'_>) -> Result<(), String> {
        let Resolved { record, texts, base, arrival_ns } = self;
        // A record of base fields alone is none.
        if record.values == 0 && record.sum.is_none() && !record.has(Label::Name) {
            return Ok(());
        }
        if texts.base_name.len() + texts.name.len() > NAME_BYTES_MAX {
            let bytes = texts.base_name.len() + texts.name.len();
            builder.refuse(MessageError::LongName(bytes));
            return Err("there is too much".to_owned());
        }
        texts.name.insert_str(0, &texts.base_name);
        if texts.name.is_empty() {
            return Err("a record has no name: `n` or `bn` is missing".to_owned());
        }
        let time = time(record.time_ns, base.time_ns, *arrival_ns);
        let fault = match (record.is_twice || record.values > 1, time) {
            (true, _) => Some(Fault::Twice),
            (false, None) => Some(Fault::Time),
            (false, Some(_)) => None,
        };
        let unit = if record.has(Label::Unit) { &texts.unit } else { &texts.base_unit };
        if record.values > 0 || record.sum.is_none() {
            let number = record.number.map(|number| cell(Leaf::Number(base.value + number)));
            let missing = Cell::Number(f32::NAN);
            let value = number.or(record.value).unwrap_or(missing);
            named_value(builder, &texts.name, value, unit, time, fault)?;
        }
        if let Some(sum) = record.sum {
            let number = record.sum_number.map(|number| cell(Leaf::Number(base.sum + number)));
            texts.name.push_str(".sum");
            // It is in the unit times seconds, which has no name here.
            named_value(builder, &texts.name, number.unwrap_or(sum), "", time, fault)?;
        }
        Ok(())
    }
}

fn named_value(
    builder: &mut Builder<'_>,
    name: &str,
    value: Cell,
    unit: &str,
    time: Option<EventTime>,
    fault: Option<Fault>,
) -> Result<(), String> {
    let too_much = || Err("there is too much".to_owned());
    let Some(place) = builder.place(name) else { return too_much() };
    builder.set_unit(place, unit)?;
    builder.push(place, value);
    match builder.end_sample(time, fault, true) {
        true => Ok(()),
        false => too_much(),
    }
}

fn time(time_ns: Option<i64>, base_ns: Option<i64>, arrival_ns: i64) -> Option<EventTime> {
    let sum_ns = time_ns?.checked_add(base_ns?)?;
    let time_ns = match sum_ns < ABSOLUTE_FROM_NS {
        true => arrival_ns.checked_add(sum_ns)?,
        false => sum_ns,
    };
    Some(EventTime { time_ns, is_absolute: true })
}

/// Reads a label; none for one that may be ignored.
struct LabelSeed;

impl<'de> DeserializeSeed<'de> for LabelSeed {
    type Value = Option<Label>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for LabelSeed {
    type Value = Option<Label>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.ends_with('_') {
            let text = excerpt(text.as_bytes());
            return Err(E::custom(format_args!(
                "`{text}` must be understood, as the `_` at its end says, and is not"
            )));
        }
        Ok(LABELS.iter().find(|(_, name, _)| *name == text).map(|(label, ..)| *label))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(LABELS.iter().find(|(_, _, known)| *known == number).map(|(label, ..)| *label))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// What stands behind a label.
#[derive(Clone, Copy, PartialEq)]
enum Scalar {
    Integer(i64),
    Number(f64),
    Bool(bool),
    /// Text that was kept.
    Kept,
    Other,
}

impl Scalar {
    fn number(self) -> Option<f64> {
        match self {
            Scalar::Integer(value) => Some(value as f64),
            Scalar::Number(value) => Some(value),
            _ => None,
        }
    }

    fn time_ns(self) -> Option<i64> {
        match self {
            Scalar::Integer(value) => TimeFormat::Seconds.of_integer(value).ok(),
            Scalar::Number(value) => TimeFormat::Seconds.of_number(value).ok(),
            _ => None,
        }
    }
}

/// Reads anything; text goes where it is kept, if there is such a place.
struct ScalarSeed<'t>(Option<&'t mut String>);

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed<'_> {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Integer))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(match self.0 {
            Some(kept) => {
                kept.clear();
                kept.push_str(value);
                Scalar::Kept
            }
            None => Scalar::Other,
        })
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Scalar, A::Error> {
        IgnoredAny.visit_seq(parts).map(|_| Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<Scalar, A::Error> {
        IgnoredAny.visit_map(parts).map(|_| Scalar::Other)
    }
}
