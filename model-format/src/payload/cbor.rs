//! CBOR (RFC 8949) for serde: borrowed from the bytes, never trusting a length, bounded in depth.
//!
//! ciborium's headers are read here instead of through its own deserializer, because that one takes
//! no seeds, copies every text and keeps decimal fractions (which SenML uses for numbers) apart.

use std::borrow::Cow;
use std::fmt;

use ciborium_ll::{Decoder, Header, simple};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Deepest nesting of arrays and maps.
const DEPTH_MAX: usize = 64;

/// Tags that change what a value is; all others only comment on it.
const POSITIVE_BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;
const DECIMAL_FRACTION: u64 = 4;
const BIGFLOAT: u64 = 5;

/// Reads one item.
pub(super) struct Cbor<'de> {
    bytes: &'de [u8],
    at: usize,
    depth: usize,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Map,
    Other,
}

/// Why CBOR could not be read.
#[derive(Debug)]
pub(super) enum CborError {
    /// No CBOR, at this byte.
    Syntax(usize),
    /// The bytes end within the item.
    End,
    /// CBOR that does not say what is expected.
    Data(String),
}

impl CborError {
    pub(super) fn is_data(&self) -> bool {
        matches!(self, CborError::Data(_))
    }
}

impl fmt::Display for CborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CborError::Syntax(at) => write!(f, "byte {at} begins nothing that may stand there"),
            CborError::End => f.write_str("it ends too early"),
            CborError::Data(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for CborError {}

impl de::Error for CborError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        CborError::Data(text.to_string())
    }
}

impl<'de> Cbor<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Cbor { bytes, at: 0, depth: 0 }
    }

    /// What the next item is.
    pub(super) fn kind(mut self) -> Result<Kind, CborError> {
        Ok(match self.header_behind_tags()? {
            Header::Array(_) => Kind::Array,
            Header::Map(_) => Kind::Map,
            _ => Kind::Other,
        })
    }

    /// Whether everything has been read.
    pub(super) fn end(&self) -> Result<(), CborError> {
        match self.at == self.bytes.len() {
            true => Ok(()),
            false => Err(CborError::Syntax(self.at)),
        }
    }

    fn header(&mut self) -> Result<Header, CborError> {
        let mut decoder = Decoder::from(&self.bytes[self.at..]);
        let header = decoder.pull().map_err(|error| match error {
            ciborium_ll::Error::Io(_) => CborError::End,
            ciborium_ll::Error::Syntax(offset) => CborError::Syntax(self.at + offset),
        })?;
        self.at += decoder.offset();
        Ok(header)
    }

    fn header_behind_tags(&mut self) -> Result<Header, CborError> {
        loop {
            match self.header()? {
                Header::Tag(POSITIVE_BIGNUM | NEGATIVE_BIGNUM | DECIMAL_FRACTION | BIGFLOAT)
                | Header::Break => return Err(CborError::Syntax(self.at - 1)),
                Header::Tag(_) => {}
                header => return Ok(header),
            }
        }
    }

    fn slice(&mut self, length: usize) -> Result<&'de [u8], CborError> {
        let rest = &self.bytes[self.at..];
        let slice = rest.get(..length).ok_or(CborError::End)?;
        self.at += length;
        Ok(slice)
    }

    /// The bytes of a text or byte string; joined where they come in pieces.
    fn string(
        &mut self,
        length: Option<usize>,
        of_piece: impl Fn(Header) -> Option<Option<usize>>,
    ) -> Result<Cow<'de, [u8]>, CborError> {
        if let Some(length) = length {
            return self.slice(length).map(Cow::Borrowed);
        }
        let mut joined = Vec::new();
        loop {
            let at = self.at;
            let header = self.header()?;
            if header == Header::Break {
                return Ok(Cow::Owned(joined));
            }
            match of_piece(header) {
                Some(Some(length)) => joined.extend_from_slice(self.slice(length)?),
                _ => return Err(CborError::Syntax(at)),
            }
        }
    }

    fn text<V: Visitor<'de>>(
        &mut self,
        length: Option<usize>,
        visitor: V,
    ) -> Result<V::Value, CborError> {
        let at = self.at;
        let bytes = self.string(length, |header| match header {
            Header::Text(length) => Some(length),
            _ => None,
        })?;
        let wrong = |_| CborError::Syntax(at);
        match bytes {
            Cow::Borrowed(bytes) => {
                visitor.visit_borrowed_str(std::str::from_utf8(bytes).map_err(wrong)?)
            }
            Cow::Owned(bytes) => visitor.visit_str(std::str::from_utf8(&bytes).map_err(wrong)?),
        }
    }

    fn byte_string(&mut self, length: Option<usize>) -> Result<Cow<'de, [u8]>, CborError> {
        self.string(length, |header| match header {
            Header::Bytes(length) => Some(length),
            _ => None,
        })
    }

    /// The number that stands under a tag for numbers.
    fn tagged_number(&mut self, tag: u64) -> Result<f64, CborError> {
        let at = self.at;
        let wrong = || CborError::Syntax(at);
        let header = self.header()?;
        match (tag, header) {
            (POSITIVE_BIGNUM | NEGATIVE_BIGNUM, Header::Bytes(length)) => {
                let magnitude = big_endian(&self.byte_string(length)?);
                Ok(if tag == NEGATIVE_BIGNUM { -1.0 - magnitude } else { magnitude })
            }
            (DECIMAL_FRACTION | BIGFLOAT, Header::Array(Some(2))) => {
                let exponent = integer(self.header()?).ok_or_else(wrong)?;
                let mantissa = match self.header()? {
                    Header::Tag(tag @ (POSITIVE_BIGNUM | NEGATIVE_BIGNUM)) => {
                        self.tagged_number(tag)?
                    }
                    header => integer(header).ok_or_else(wrong)? as f64,
                };
                Ok(if tag == BIGFLOAT {
                    libm::ldexp(mantissa, exponent.clamp(-5000, 5000) as i32)
                } else {
                    decimal(mantissa, exponent)
                })
            }
            _ => Err(wrong()),
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CborError>,
    ) -> Result<T, CborError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(de::Error::custom(format_args!("it is nested deeper than {DEPTH_MAX}")));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn item<V: Visitor<'de>>(&mut self, header: Header, visitor: V) -> Result<V::Value, CborError> {
        match header {
            Header::Positive(value) => visitor.visit_u64(value),
            Header::Negative(value) => match i64::try_from(value) {
                Ok(value) => visitor.visit_i64(-1 - value),
                Err(_) => visitor.visit_f64(-1.0 - value as f64),
            },
            Header::Float(value) => visitor.visit_f64(value),
            Header::Simple(simple::FALSE) => visitor.visit_bool(false),
            Header::Simple(simple::TRUE) => visitor.visit_bool(true),
            Header::Simple(simple::NULL | simple::UNDEFINED) => visitor.visit_unit(),
            Header::Simple(_) => visitor.visit_bytes(&[]),
            Header::Tag(
                tag @ (POSITIVE_BIGNUM | NEGATIVE_BIGNUM | DECIMAL_FRACTION | BIGFLOAT),
            ) => visitor.visit_f64(self.tagged_number(tag)?),
            Header::Tag(_) | Header::Break => Err(CborError::Syntax(self.at - 1)),
            Header::Bytes(length) => visitor.visit_bytes(&self.byte_string(length)?),
            Header::Text(length) => self.text(length, visitor),
            Header::Array(left) => self.nested(|cbor| {
                let mut items = Items { cbor, left };
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }),
            Header::Map(left) => self.nested(|cbor| {
                let mut items = Items { cbor, left };
                let value = visitor.visit_map(&mut items)?;
                items.end()?;
                Ok(value)
            }),
        }
    }
}

impl<'de> Deserializer<'de> for &mut Cbor<'de> {
    type Error = CborError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CborError> {
        loop {
            match self.header()? {
                Header::Tag(
                    tag @ (POSITIVE_BIGNUM | NEGATIVE_BIGNUM | DECIMAL_FRACTION | BIGFLOAT),
                ) => return self.item(Header::Tag(tag), visitor),
                Header::Tag(_) => {}
                header => return self.item(header, visitor),
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CborError> {
        const NULL: u8 = 0xf6;
        const UNDEFINED: u8 = 0xf7;
        match self.bytes.get(self.at) {
            Some(&(NULL | UNDEFINED)) => {
                self.at += 1;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// What is left of an array or a map; none left where a break ends it.
struct Items<'c, 'de> {
    cbor: &'c mut Cbor<'de>,
    left: Option<usize>,
}

impl Items<'_, '_> {
    fn has_next(&mut self) -> Result<bool, CborError> {
        const BREAK: u8 = 0xff;
        match &mut self.left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => match self.cbor.bytes.get(self.cbor.at) {
                Some(&BREAK) => {
                    self.cbor.at += 1;
                    self.left = Some(0);
                    Ok(false)
                }
                Some(_) => Ok(true),
                None => Err(CborError::End),
            },
        }
    }

    /// A visitor may stop early only with an error.
    fn end(mut self) -> Result<(), CborError> {
        match self.has_next()? {
            false => Ok(()),
            true => Err(de::Error::custom("there are more parts than expected")),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = CborError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, CborError> {
        match self.has_next()? {
            true => seed.deserialize(&mut *self.cbor).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = CborError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, CborError> {
        match self.has_next()? {
            true => seed.deserialize(&mut *self.cbor).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, CborError> {
        seed.deserialize(&mut *self.cbor)
    }
}

/// CBOR writes a negative number as the distance from -1.
fn integer(header: Header) -> Option<i128> {
    match header {
        Header::Positive(value) => Some(value.into()),
        Header::Negative(value) => Some(-1 - i128::from(value)),
        _ => None,
    }
}

fn big_endian(bytes: &[u8]) -> f64 {
    bytes.iter().fold(0.0, |value, byte| value * 256.0 + f64::from(*byte))
}

/// Powers of ten that 64-bit floats hold exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// One operation on exact numbers rounds right; everything else goes through a reading of text.
fn decimal(mantissa: f64, exponent: i128) -> f64 {
    let power = usize::try_from(exponent.unsigned_abs()).ok();
    let power = power.and_then(|power| EXACT_POWERS.get(power));
    match power {
        Some(power) if mantissa.abs() <= 9_007_199_254_740_992.0 => match exponent < 0 {
            true => mantissa / power,
            false => mantissa * power,
        },
        _ => format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN),
    }
}
