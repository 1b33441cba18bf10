//! JSON lines: one object per line; nested names are joined by dots, array places are names too.
//!
//! `{"time": 5, "acc": {"x": 1.2}, "spare": [3, 4]}` has the leaves `time`, `acc.x`, `spare.0` and
//! `spare.1`.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::time::{Decimal, TimeError, TimeFormat};
use super::{COLUMNS_MAX, LINE_BYTES_MAX};

/// Deepest nesting of a line.
pub const DEPTH_MAX: usize = 16;

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaf<'a> {
    /// A whole number that 64 bits hold: times in nanoseconds need all of them.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// True or false.
    Bool(bool),
    /// Null: no value.
    Null,
}

/// A leaf that is no value of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Text, true or false.
    #[error("a number is expected")]
    NoNumber,
    /// Larger than any 32-bit float.
    #[error("it is beyond 32 bits")]
    Range,
}

impl Leaf<'_> {
    pub(super) fn of_u64(value: u64) -> Self {
        i64::try_from(value).map_or(Leaf::Number(value as f64), Leaf::Integer)
    }

    /// The value of a channel; NaN for null, which is a missing value.
    ///
    /// # Errors
    /// Where it is no number, or one that 32 bits do not hold.
    pub fn to_f32(self) -> Result<f32, NumberError> {
        let value = match self {
            Leaf::Integer(value) => value as f64,
            Leaf::Number(value) => value,
            Leaf::Null => f64::NAN,
            Leaf::Text(_) | Leaf::Bool(_) => return Err(NumberError::NoNumber),
        };
        match value as f32 {
            narrow if narrow.is_finite() || value.is_nan() => Ok(narrow),
            _ => Err(NumberError::Range),
        }
    }

    /// The time that it says in this format, in nanoseconds.
    ///
    /// # Errors
    /// Where it says none.
    pub fn to_time_ns(self, format: TimeFormat) -> Result<i64, TimeError> {
        match self {
            Leaf::Integer(value) => format.of_integer(value),
            Leaf::Number(value) => format.of_number(value),
            Leaf::Text(text) => format.parse(text, Decimal::Point),
            Leaf::Bool(_) | Leaf::Null => Err(TimeError::Number(format)),
        }
    }
}

/// Why a line was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file}: line {line} {kind}")]
pub struct JsonLinesError {
    /// The file, as it was named to [`Reader::open`].
    pub file: String,
    /// Line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    #[source]
    pub kind: JsonLinesErrorKind,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum JsonLinesErrorKind {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("is longer than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// Not an object, or one that is too deep or has too many leaves.
    #[error("is not one JSON object: {0}")]
    Json(serde_json::Error),
}

/// Reads objects from lines. Memory: one line.
pub struct Reader<R> {
    file: String,
    input: BufReader<R>,
    line: u64,
    text: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Reads from `input`; `file` is its name in errors.
    pub fn open(file: &str, input: R) -> Self {
        let input = BufReader::with_capacity(1 << 16, input);
        Reader { file: file.to_owned(), input, line: 0, text: Vec::new() }
    }

    /// Gives the leaves of the next line that is not blank to `leaf`, with their dotted names, in
    /// the order in which they stand there; false at the end. After an error the next line can be
    /// read, unless the error is [`JsonLinesErrorKind::Io`] or [`JsonLinesErrorKind::LineTooLong`].
    ///
    /// # Errors
    /// If the line is not one object within the bounds. Some leaves may have been given before.
    pub fn next_line(
        &mut self,
        leaf: &mut dyn FnMut(&str, Leaf<'_>),
    ) -> Result<bool, JsonLinesError> {
        loop {
            self.text.clear();
            self.line += 1;
            let mut bounded = self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1);
            let count = bounded
                .read_until(b'\n', &mut self.text)
                .map_err(|error| self.error(JsonLinesErrorKind::Io(error)))?;
            if count == 0 {
                return Ok(false);
            }
            if count > LINE_BYTES_MAX {
                return Err(self.error(JsonLinesErrorKind::LineTooLong));
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        leaves(&self.text, leaf).map_err(|error| self.error(JsonLinesErrorKind::Json(error)))?;
        Ok(true)
    }

    /// Line in the file, from 1, of the object that was read last.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn error(&self, kind: JsonLinesErrorKind) -> JsonLinesError {
        JsonLinesError { file: self.file.clone(), line: self.line, kind }
    }
}

/// Gives the leaves of one JSON object to `leaf`, with their dotted names.
///
/// # Errors
/// If `text` is not one object, is nested deeper than [`DEPTH_MAX`], or has more than
/// [`COLUMNS_MAX`] leaves.
pub fn leaves(text: &[u8], leaf: &mut dyn FnMut(&str, Leaf<'_>)) -> serde_json::Result<()> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(de::Error::custom("it does not begin with `{`"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Object { leaf, path: &mut String::new() }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// One object, wherever it stands: gives its leaves with their dotted names.
pub(super) struct Object<'a> {
    pub(super) leaf: &'a mut dyn FnMut(&str, Leaf<'_>),
    /// Where the names are put together; what it held is lost.
    pub(super) path: &'a mut String,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<(), A::Error> {
        self.path.clear();
        let mut walk = Walk { path: self.path, depth: 0, count: 0, leaf: self.leaf };
        Part(&mut walk).visit_map(parts)
    }
}

struct Walk<'a> {
    path: &'a mut String,
    depth: usize,
    count: usize,
    leaf: &'a mut dyn FnMut(&str, Leaf<'_>),
}

impl Walk<'_> {
    fn leaf<E: de::Error>(&mut self, leaf: Leaf<'_>) -> Result<(), E> {
        self.count += 1;
        if self.count > COLUMNS_MAX {
            return Err(E::custom(format!("it has more than {COLUMNS_MAX} values")));
        }
        (self.leaf)(self.path, leaf);
        Ok(())
    }

    fn enter<E: de::Error>(&mut self) -> Result<usize, E> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(E::custom(format!("it is nested deeper than {DEPTH_MAX}")));
        }
        Ok(self.path.len())
    }

    /// The path at which the next name is appended.
    fn path_from(&mut self, base: usize) -> &mut String {
        self.path.truncate(base);
        if base > 0 {
            self.path.push('.');
        }
        self.path
    }

    fn leave(&mut self, base: usize) {
        self.path.truncate(base);
        self.depth -= 1;
    }
}

/// One value and what lies below it.
struct Part<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Part<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.0.leaf(Leaf::Number(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.0.leaf(Leaf::of_u64(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.0.leaf(Leaf::Integer(value))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.0.leaf(Leaf::Bool(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.leaf(Leaf::Null)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.0.leaf(Leaf::Text(value))
    }

    /// No number either: what text says of itself is enough.
    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<(), E> {
        self.0.leaf(Leaf::Text(""))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let base = self.0.enter()?;
        for place in 0usize.. {
            push_number(self.0.path_from(base), place);
            if parts.next_element_seed(Part(self.0))?.is_none() {
                break;
            }
        }
        self.0.leave(base);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let base = self.0.enter()?;
        while parts.next_key_seed(KeyOnto(self.0.path_from(base)))?.is_some() {
            parts.next_value_seed(Part(self.0))?;
        }
        self.0.leave(base);
        Ok(())
    }
}

/// Appends a key to a text; whole numbers, which CBOR has as keys, by their digits.
pub(super) struct KeyOnto<'a>(pub(super) &'a mut String);

impl<'de> DeserializeSeed<'de> for KeyOnto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeyOnto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<(), E> {
        self.0.push_str(name);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, name: u64) -> Result<(), E> {
        push_number(self.0, name);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, name: i64) -> Result<(), E> {
        push_number(self.0, name);
        Ok(())
    }
}

fn push_number(text: &mut String, number: impl fmt::Display) {
    use fmt::Write;
    write!(text, "{number}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> serde_json::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        leaves(text.as_bytes(), &mut |name, leaf| {
            found.push((name.to_owned(), format!("{leaf:?}")));
        })?;
        Ok(found)
    }

    #[test]
    fn nested_names_are_joined_by_dots() {
        let found =
            read(r#"{"t":5,"acc":{"x":-1.5,"y":null},"a":[2,{"b":"c"}],"ok":true}"#).unwrap();
        let expected = [
            ("t", "Integer(5)"),
            ("acc.x", "Number(-1.5)"),
            ("acc.y", "Null"),
            ("a.0", "Integer(2)"),
            ("a.1.b", "Text(\"c\")"),
            ("ok", "Bool(true)"),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_one_object_within_bounds_is_refused() {
        let deep = format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17));
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(COLUMNS_MAX));
        for text in ["", "5", "[1]", "{", "{\"a\":1} 2", "{\"a\":NaN}", &deep, &wide] {
            assert!(read(text).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn a_bad_line_is_named_and_the_next_one_can_be_read() {
        let mut reader = Reader::open("x.jsonl", "{\"a\":1}\n\noops\n{\"a\":2}".as_bytes());
        let mut seen = Vec::new();
        let mut leaf = |name: &str, leaf: Leaf<'_>| seen.push(format!("{name} {leaf:?}"));
        assert!(reader.next_line(&mut leaf).unwrap());
        let error = reader.next_line(&mut leaf).unwrap_err();
        assert!(error.to_string().starts_with("x.jsonl: line 3 is not one JSON object"), "{error}");
        assert!(reader.next_line(&mut leaf).unwrap());
        assert_eq!(reader.line(), 4);
        assert!(!reader.next_line(&mut leaf).unwrap());
        assert_eq!(seen, ["a Integer(1)", "a Integer(2)"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut reader = Reader::open("x", std::io::repeat(b'1'));
        let error = reader.next_line(&mut |_, _| {}).unwrap_err();
        assert!(matches!(error.kind, JsonLinesErrorKind::LineTooLong));
    }
}
