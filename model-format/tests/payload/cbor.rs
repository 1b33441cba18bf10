//! CBOR: the shapes of JSON, read alike; lengths and depths that are not to be trusted.

use model_format::payload::Format;
use model_format::payload::message::{MessageError, Reading};
use proptest::prelude::*;
use serde_json::Value;

use crate::message::read_as;

fn read(bytes: &[u8]) -> Result<Vec<String>, MessageError> {
    read_as(bytes, &Reading { format: Format::Cbor, ..Reading::default() })
}

/// JSON as CBOR, with definite or indefinite lengths.
fn encode(value: &Value, is_definite: bool, out: &mut Vec<u8>) {
    let length = |length: usize| is_definite.then_some(length as u64);
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => head(0, Some(value), out),
            (None, Some(value)) => head(1, Some((-1 - value) as u64), out),
            (None, None) => {
                out.push(0xfb);
                out.extend(number.as_f64().expect("a float").to_be_bytes());
            }
        },
        Value::String(text) => {
            if !is_definite {
                // An empty piece, and all the rest.
                out.extend([0x7f, 0x60]);
            }
            head(3, Some(text.len() as u64), out);
            out.extend(text.as_bytes());
        }
        Value::Array(parts) => {
            head(4, length(parts.len()), out);
            parts.iter().for_each(|part| encode(part, is_definite, out));
        }
        Value::Object(parts) => {
            head(5, length(parts.len()), out);
            for (name, part) in parts {
                encode(&Value::String(name.clone()), is_definite, out);
                encode(part, is_definite, out);
            }
        }
    }
    if !is_definite && (value.is_string() || value.is_array() || value.is_object()) {
        out.push(0xff);
    }
}

/// The first bytes of an item: its kind and a number, or an open end.
fn head(kind: u8, number: Option<u64>, out: &mut Vec<u8>) {
    match number {
        None => out.push(kind << 5 | 31),
        Some(number @ 0..24) => out.push(kind << 5 | number as u8),
        Some(number) => {
            out.push(kind << 5 | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

fn both(text: &str) -> [Result<Vec<String>, MessageError>; 2] {
    let value: Value = serde_json::from_str(text).unwrap();
    [true, false].map(|is_definite| {
        let mut bytes = Vec::new();
        encode(&value, is_definite, &mut bytes);
        read(&bytes)
    })
}

#[test]
fn every_shape_reads_as_in_json() {
    for text in [
        r#"{"t_ms": 5, "acc.x": 0.5, "acc.y": -2}"#,
        r#"{"time": "1970-01-01T00:00:00.25Z", "acc": {"x": 0.5, "y": [null, true, "a", 1e300]}}"#,
        r#"[{"t_ns":1764322000123456789,"name":"x","value":0.5,"unit":"g"},{"name":"y","value":2}]"#,
        r#"{"channels":["x","y"],"units":["g","V"],"t_ns":[5,6],"values":[[1,2],[3,null]]}"#,
        r#"{"interval_ns":3,"t_ns":5,"values":[[1],[2]],"channels":["x"],"note":[[{}]]}"#,
        "[]",
        "{}",
    ] {
        let expected = read_as(text.as_bytes(), &Reading::default()).unwrap();
        for read in both(text) {
            assert_eq!(read.unwrap(), expected, "{text}");
        }
    }
    for text in ["5", "[1]", r#"{"channels":["x"],"values":[[1,2]]}"#, "[[1]]"] {
        for read in both(text) {
            assert_eq!(read.unwrap_err().reason(), "wrong_form", "{text}");
        }
    }
}

#[test]
fn numbers_in_every_writing_are_numbers() {
    for (value, expected) in [
        (&b"\xf9\x3e\x00"[..], "1.5"),
        (b"\xfa\x3f\xc0\x00\x00", "1.5"),
        (b"\x38\x63", "-100"),
        (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-18446744000000000000"),
        (b"\xc4\x82\x21\x19\x6a\xb3", "273.15"),
        (b"\xc4\x82\x38\x18\x01", "0.0000000000000000000000001"),
        (b"\xc5\x82\x20\x03", "1.5"),
        (b"\xc2\x42\x01\x00", "256"),
        (b"\xc3\x41\xff", "-256"),
        (b"\xf7", "NaN"),
        (b"\xf9\x7c\x00", "?"),
        (b"\xf9\x7e\x00", "NaN"),
        (b"\x41\x05", "?"),
        (b"\xd8\x20\x61a", "?"),
        (b"\xe5", "?"),
    ] {
        let message = [&b"\xa1\x61x"[..], value].concat();
        assert_eq!(read(&message).unwrap(), [format!("- row x={expected}")], "{value:02x?}");
    }
    // Whole numbers as keys, and the mark of CBOR before everything.
    assert_eq!(read(b"\xd9\xd9\xf7\xa2\x01\xa1\x20\x05\x61x\x06").unwrap(), ["- row 1.-1=5 x=6"]);
}

#[test]
fn what_is_no_cbor_or_too_deep_is_refused() {
    let deep = |head: &[u8], count| [head.repeat(count), vec![1]].concat();
    for (bytes, reason) in [
        (&b""[..], "not_cbor"),
        (b"\xff", "not_cbor"),
        (b"\x1c", "not_cbor"),
        (b"\xa1\x61x", "not_cbor"),
        (b"\xa0\x00", "not_cbor"),
        (b"\xa1\x62\xff\xff\x01", "not_cbor"),
        (b"\xa1\x61x\xff", "not_cbor"),
        (b"\xbf\x61x\x01\x61y\xff", "not_cbor"),
        (b"\xa1\x7f\x41a\xff\x01", "not_cbor"),
        (b"\xa1\x61x\xc4\x82\x61a\x01", "not_cbor"),
        (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x61x\x01", "not_cbor"),
        (b"\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xffx", "not_cbor"),
        (b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "not_cbor"),
        (b"\xa1\xf5\x01", "wrong_form"),
        (&deep(b"\xa1\x61x", 17), "wrong_form"),
        (&deep(b"\x81", 1 << 20), "wrong_form"),
        (&deep(b"\xa1\x61x\x9f", 1 << 18), "wrong_form"),
        (&deep(b"\xc6", 1 << 20), "wrong_form"),
    ] {
        let found = read(bytes).unwrap_err();
        let shown = &bytes[..bytes.len().min(20)];
        assert_eq!(found.reason(), reason, "{shown:02x?}: {found}");
    }
}

proptest! {
    #[test]
    fn any_numbers_read_as_in_json(
        rows in prop::collection::vec((any::<i64>(), any::<i32>(), -1e30_f64..1e30), 1..20)
    ) {
        let objects: Vec<String> = rows
            .iter()
            .map(|(time, x, y)| format!(r#"{{"t_ns":{time},"acc":{{"x":{x},"y":{y:?}}}}}"#))
            .collect();
        let text = format!("[{}]", objects.join(","));
        let expected = read_as(text.as_bytes(), &Reading::default()).unwrap();
        for read in both(&text) {
            prop_assert_eq!(read.unwrap(), expected.clone());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = read(&bytes);
    }
}
