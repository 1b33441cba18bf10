//! A count of what is in a file before anything is decoded.
//!
//! Decoding turns two bytes of an empty message into hundreds of bytes of memory. The count walks
//! the nesting of the schema without allocating and refuses a file that would grow too much.

use super::ArtifactError;

/// Messages in a file: nodes, attributes, tensors, declarations.
pub(super) const MESSAGES_MAX: usize = 400_000;
/// Texts and byte strings in a file: names, and one per node of a forest.
pub(super) const TEXTS_MAX: usize = 5_000_000;

/// Which fields of a message hold messages.
struct Schema {
    messages: &'static [(u64, &'static Schema)],
}

const PLAIN: Schema = Schema { messages: &[] };
const SHAPE: Schema = Schema { messages: &[(1, &PLAIN)] };
const TENSOR_TYPE: Schema = Schema { messages: &[(2, &SHAPE)] };
const TYPE: Schema = Schema { messages: &[(1, &TENSOR_TYPE)] };
const VALUE: Schema = Schema { messages: &[(2, &TYPE)] };
const ATTRIBUTE: Schema = Schema { messages: &[(5, &PLAIN)] };
const NODE: Schema = Schema { messages: &[(5, &ATTRIBUTE)] };
const FUNCTION: Schema = Schema { messages: &[(7, &NODE), (9, &PLAIN)] };
const GRAPH: Schema =
    Schema { messages: &[(1, &NODE), (5, &PLAIN), (11, &VALUE), (12, &VALUE), (13, &VALUE)] };
const MODEL: Schema =
    Schema { messages: &[(7, &GRAPH), (8, &PLAIN), (14, &PLAIN), (25, &FUNCTION)] };
/// The field of an attribute that holds a graph: never accepted.
const ATTRIBUTE_GRAPH: u64 = 6;

#[derive(Default)]
struct Count {
    messages: usize,
    texts: usize,
}

/// Refuses a file with too many messages or texts, or with broken nesting.
pub(super) fn scan(bytes: &[u8]) -> Result<(), ArtifactError> {
    walk(bytes, &MODEL, &mut Count::default())
}

fn walk(mut bytes: &[u8], schema: &'static Schema, count: &mut Count) -> Result<(), ArtifactError> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = key >> 3;
        match key & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => {
                take(&mut bytes, 8)?;
            }
            5 => {
                take(&mut bytes, 4)?;
            }
            2 => {
                let len = varint(&mut bytes)?;
                let inner = take(&mut bytes, len)?;
                enter(inner, field, schema, count)?;
            }
            _ => return Err(ArtifactError::Broken),
        }
    }
    Ok(())
}

fn enter(
    inner: &[u8],
    field: u64,
    schema: &'static Schema,
    count: &mut Count,
) -> Result<(), ArtifactError> {
    if std::ptr::eq(schema, &ATTRIBUTE) && field == ATTRIBUTE_GRAPH {
        return Err(ArtifactError::Subgraph);
    }
    match schema.messages.iter().find(|(number, _)| *number == field) {
        Some((_, inner_schema)) => {
            count.messages += 1;
            if count.messages > MESSAGES_MAX {
                let (what, max) = ("nodes, attributes, constants and declarations", MESSAGES_MAX);
                return Err(ArtifactError::Count { what, max });
            }
            walk(inner, inner_schema, count)
        }
        None => {
            count.texts += 1;
            if count.texts > TEXTS_MAX {
                return Err(ArtifactError::Count { what: "texts", max: TEXTS_MAX });
            }
            Ok(())
        }
    }
}

pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64, ArtifactError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(ArtifactError::Broken)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(ArtifactError::Broken)
}

pub(super) fn take<'a>(bytes: &mut &'a [u8], len: u64) -> Result<&'a [u8], ArtifactError> {
    let len = usize::try_from(len).map_err(|_| ArtifactError::Broken)?;
    let (inner, rest) = bytes.split_at_checked(len).ok_or(ArtifactError::Broken)?;
    *bytes = rest;
    Ok(inner)
}
