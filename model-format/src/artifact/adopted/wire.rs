//! A foreign ONNX file on the wire: walked and rewritten without losing fields that nobody here knows.
//!
//! Decoding into our types would drop whatever they lack (sparse constants, lists of graphs, types
//! of sequences), and the model could then answer something else. So its graph is copied field by
//! field, and only the names of values change.

use crate::artifact::ArtifactError;
use crate::artifact::scan::{MESSAGES_MAX, TEXTS_MAX, take, varint};

/// How deep messages nest: graphs in attributes take three levels each.
const DEPTH_MAX: usize = 40;

/// What is known of a kind of message.
pub(super) struct Schema {
    /// Fields that hold the name of a value in a graph.
    names: &'static [u64],
    /// Fields that hold messages.
    messages: &'static [(u64, &'static Schema)],
    /// True for a tensor, whose elements may lie in another file.
    is_tensor: bool,
}

const fn schema(names: &'static [u64], messages: &'static [(u64, &'static Schema)]) -> Schema {
    Schema { names, messages, is_tensor: false }
}

static PLAIN: Schema = schema(&[], &[]);
static TENSOR: Schema = Schema { names: &[], messages: &[], is_tensor: true };
static CONSTANT: Schema = Schema { names: &[8], messages: &[], is_tensor: true };
static SPARSE: Schema = schema(&[], &[(1, &TENSOR), (2, &TENSOR)]);
static SPARSE_CONSTANT: Schema = schema(&[], &[(1, &CONSTANT), (2, &TENSOR)]);
static SHAPE: Schema = schema(&[], &[(1, &PLAIN)]);
static TENSOR_TYPE: Schema = schema(&[], &[(2, &SHAPE)]);
static SEQUENCE_TYPE: Schema = schema(&[], &[(1, &TYPE)]);
static MAP_TYPE: Schema = schema(&[], &[(2, &TYPE)]);
static TYPE: Schema = schema(
    &[],
    &[
        (1, &TENSOR_TYPE),
        (4, &SEQUENCE_TYPE),
        (5, &MAP_TYPE),
        (8, &TENSOR_TYPE),
        (9, &SEQUENCE_TYPE),
    ],
);
static VALUE: Schema = schema(&[1], &[(2, &TYPE)]);
static QUANTIZED_BY: Schema = schema(&[2], &[]);
static ANNOTATION: Schema = schema(&[1], &[(2, &QUANTIZED_BY)]);
static ATTRIBUTE: Schema = schema(
    &[],
    &[
        (5, &TENSOR),
        (6, &GRAPH),
        (10, &TENSOR),
        (11, &GRAPH),
        (14, &TYPE),
        (15, &TYPE),
        (22, &SPARSE),
        (23, &SPARSE),
    ],
);
static NODE: Schema = schema(&[1, 2], &[(5, &ATTRIBUTE)]);
static FUNCTION: Schema = schema(&[], &[(7, &NODE), (9, &PLAIN), (11, &ATTRIBUTE), (12, &VALUE)]);
static MODEL: Schema = schema(&[], &[(7, &GRAPH), (8, &PLAIN), (14, &PLAIN), (25, &FUNCTION)]);
/// A graph.
pub(super) static GRAPH: Schema = schema(
    &[],
    &[
        (1, &NODE),
        (5, &CONSTANT),
        (11, &VALUE),
        (12, &VALUE),
        (13, &VALUE),
        (14, &ANNOTATION),
        (15, &SPARSE_CONSTANT),
    ],
);

/// Fields of a tensor that say where its elements lie.
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;

/// One field of a message.
pub(super) struct Field<'a> {
    pub(super) number: u64,
    /// Key and value as they stand in the file.
    pub(super) whole: &'a [u8],
    pub(super) value: Value<'a>,
}

/// The value of a field.
pub(super) enum Value<'a> {
    /// A whole number.
    Number(u64),
    /// A text, a message or a packed list.
    Bytes(&'a [u8]),
    /// A number of four or eight bytes.
    Fixed,
}

/// The next field of a message; `None` at its end.
pub(super) fn next_field<'a>(bytes: &mut &'a [u8]) -> Result<Option<Field<'a>>, ArtifactError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let start = *bytes;
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => Value::Number(varint(bytes)?),
        1 => take(bytes, 8).map(|_| Value::Fixed)?,
        5 => take(bytes, 4).map(|_| Value::Fixed)?,
        2 => {
            let len = varint(bytes)?;
            Value::Bytes(take(bytes, len)?)
        }
        _ => return Err(ArtifactError::Broken),
    };
    Ok(Some(Field { number: key >> 3, whole: &start[..start.len() - bytes.len()], value }))
}

/// How many graphs a file holds: a message that stands there twice is put together by readers.
pub(super) fn graphs(mut bytes: &[u8]) -> Result<usize, ArtifactError> {
    let mut count = 0;
    while let Some(field) = next_field(&mut bytes)? {
        count += usize::from(field.number == 7);
    }
    Ok(count)
}

/// Refuses a file with too many messages or texts, too deep nesting, or data in other files.
pub(super) fn check(bytes: &[u8]) -> Result<(), ArtifactError> {
    Check::default().message(bytes, &MODEL, 0)
}

#[derive(Default)]
struct Check {
    messages: usize,
    texts: usize,
}

impl Check {
    fn message(
        &mut self,
        mut bytes: &[u8],
        schema: &'static Schema,
        depth: usize,
    ) -> Result<(), ArtifactError> {
        if depth > DEPTH_MAX {
            return Err(ArtifactError::Count { what: "levels of nesting", max: DEPTH_MAX });
        }
        while let Some(field) = next_field(&mut bytes)? {
            let is_elsewhere = match field.value {
                Value::Number(number) => field.number == DATA_LOCATION && number != 0,
                Value::Bytes(_) => field.number == EXTERNAL_DATA,
                Value::Fixed => false,
            };
            if schema.is_tensor && is_elsewhere {
                return Err(ArtifactError::External);
            }
            let Value::Bytes(inner) = field.value else { continue };
            match schema.messages.iter().find(|(number, _)| *number == field.number) {
                Some((_, inner_schema)) => {
                    self.messages += 1;
                    if self.messages > MESSAGES_MAX {
                        let what = "nodes, attributes, constants and declarations";
                        return Err(ArtifactError::Count { what, max: MESSAGES_MAX });
                    }
                    self.message(inner, inner_schema, depth + 1)?;
                }
                None => {
                    self.texts += 1;
                    if self.texts > TEXTS_MAX {
                        return Err(ArtifactError::Count { what: "texts", max: TEXTS_MAX });
                    }
                }
            }
        }
        Ok(())
    }
}

/// Copies a message with `prefix` before the name of every value in it, in graphs inside it too.
/// Names bind the same things as before, since all change alike.
pub(super) fn prefixed(
    mut bytes: &[u8],
    schema: &'static Schema,
    prefix: &str,
) -> Result<Vec<u8>, ArtifactError> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 4);
    while let Some(field) = next_field(&mut bytes)? {
        write_prefixed(&mut out, &field, schema, prefix)?;
    }
    Ok(out)
}

/// Copies one field of a message with this schema, as [`prefixed`] does.
pub(super) fn write_prefixed(
    out: &mut Vec<u8>,
    field: &Field<'_>,
    schema: &'static Schema,
    prefix: &str,
) -> Result<(), ArtifactError> {
    let Value::Bytes(inner) = field.value else {
        out.extend_from_slice(field.whole);
        return Ok(());
    };
    if schema.names.contains(&field.number) {
        // An empty name leaves an optional input or output out.
        let name = if inner.is_empty() { Vec::new() } else { [prefix.as_bytes(), inner].concat() };
        write_bytes(out, field.number, &name);
        return Ok(());
    }
    match schema.messages.iter().find(|(number, _)| *number == field.number) {
        Some((_, inner_schema)) => {
            write_bytes(out, field.number, &prefixed(inner, inner_schema, prefix)?);
        }
        None => out.extend_from_slice(field.whole),
    }
    Ok(())
}

/// Writes a text, a message or a packed list.
pub(super) fn write_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    write_varint(out, number << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a whole number.
pub(super) fn write_number(out: &mut Vec<u8>, number: u64, value: u64) {
    write_varint(out, number << 3);
    write_varint(out, value);
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
