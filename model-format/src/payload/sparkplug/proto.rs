//! The protobuf messages of Sparkplug B, as far as they are needed: other fields are skipped.

/// What every message but a host's state is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payload {
    /// When it was sent, in milliseconds since 1970 UTC.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// The values.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Counts the messages of a node, from 0 to 255 and round.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// One value, or what a birth says of one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metric {
    /// Its name: in births, and in data without aliases.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Stands for the name in data.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When it was measured, in milliseconds since 1970 UTC.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// One of the specification's numbers for types; data may leave it out.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// It was measured before values that have been sent already.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// The value, where it is a number or a boolean.
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14")]
    pub value: Option<Value>,
}

/// A value that is a number or a boolean.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum Value {
    /// Up to 32 bits; two's complement where the type has a sign.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// Up to 64 bits; two's complement where the type has a sign.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// 32 bits.
    #[prost(float, tag = "12")]
    Float(f32),
    /// 64 bits.
    #[prost(double, tag = "13")]
    Double(f64),
    /// True or false.
    #[prost(bool, tag = "14")]
    Boolean(bool),
}

/// One field of a [`Payload`] that has not been decoded as a whole: a few bytes of input can make
/// any number of metrics, which are decoded one after another instead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Timestamp(u64),
    Seq(u64),
    Metric(&'a [u8]),
    Other,
}

/// The fields of a payload, up to the first that cannot be read.
pub(super) fn fields(payload: &[u8]) -> impl Iterator<Item = Result<Field<'_>, &'static str>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, &'static str> {
    let key = varint(rest)?;
    let key = u32::try_from(key).map_err(|_| "a field has an impossible number")?;
    match (key >> 3, key & 7) {
        (0, _) => Err("a field has the number 0"),
        (1, 0) => varint(rest).map(Field::Timestamp),
        (3, 0) => varint(rest).map(Field::Seq),
        (2, 2) => varint(rest).and_then(|length| take(rest, length)).map(Field::Metric),
        (1..=3, _) => Err("a field has another type than it should"),
        (_, 0) => varint(rest).map(|_| Field::Other),
        (_, 1) => take(rest, 8).map(|_| Field::Other),
        (_, 2) => varint(rest).and_then(|length| take(rest, length)).map(|_| Field::Other),
        (_, 5) => take(rest, 4).map(|_| Field::Other),
        _ => Err("a field has a type that is not used"),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], &'static str> {
    let length = usize::try_from(length).ok();
    let parts = length.and_then(|length| rest.split_at_checked(length));
    let (taken, after) = parts.ok_or("it ends within a field")?;
    *rest = after;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0_u64;
    for place in 0..10 {
        let (byte, after) = rest.split_first().ok_or("it ends within a number")?;
        *rest = after;
        if place == 9 && *byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number has more than 64 bits")
}
