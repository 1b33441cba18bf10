//! A value, or an array of values, wherever it stands.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::payload::json_lines::Leaf;

/// A value, or an array of values; tells whether it was an array. The function is given each and
/// says whether to go on.
pub(super) struct Leaves<'f>(pub(super) &'f mut dyn FnMut(Leaf<'_>) -> bool);

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
        self.give(Leaf::of_u64(value))
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

    /// No number either, like text.
    fn visit_bytes<E: de::Error>(mut self, _: &[u8]) -> Result<bool, E> {
        self.give(Leaf::Text(""))
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
