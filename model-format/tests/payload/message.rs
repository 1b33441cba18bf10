//! Messages: every form that devices send, and what is refused.

use model_format::payload::message::{
    Arrival, Cell, EventTime, Fault, Message, MessageError, Reading, SAMPLES_MAX, Times, VALUES_MAX,
};
use model_format::payload::time::TimeFormat;
use proptest::prelude::*;

fn read(text: &str, times: &Times) -> Result<Vec<String>, MessageError> {
    read_as(text.as_bytes(), &Reading::json(times.clone()))
}

/// Samples as text, when the message has come 100 s after 2026-01-01.
pub(crate) fn read_as(payload: &[u8], reading: &Reading) -> Result<Vec<String>, MessageError> {
    let mut message = Message::default();
    message.read(payload, reading, Arrival { time_ns: NOW_NS, channel: Some("topic") })?;
    Ok(shown(&message))
}

pub(crate) const NOW_NS: i64 = 1_767_225_700_000_000_000;

/// Samples as text: time, whether it is a named value, and names with values.
pub(crate) fn shown(message: &Message) -> Vec<String> {
    let mut names = vec![String::new(); message.places()];
    for (place, name) in message.names() {
        names[place as usize] = name.to_owned();
    }
    let samples = message.samples().map(|sample| {
        let mut text = match sample.time {
            Some(EventTime { time_ns, .. }) => format!("{time_ns}"),
            None => "-".to_owned(),
        };
        if let Some(fault) = sample.fault {
            text += &format!(" {fault:?}");
        }
        text += if sample.is_named_value { " value" } else { " row" };
        for (place, cell) in sample.cells {
            let cell = match cell {
                Cell::Number(value) => value.to_string(),
                Cell::Other => "?".to_owned(),
            };
            text += &format!(" {}={cell}", names[*place as usize]);
        }
        text
    });
    samples.collect()
}

fn found(text: &str) -> Vec<String> {
    read(text, &Times::found()).unwrap()
}

fn refused(text: &str) -> String {
    read(text, &Times::found()).unwrap_err().to_string()
}

#[test]
fn objects_flat_and_nested_are_rows() {
    assert_eq!(
        found(r#"{"t_ms": 5, "acc.x": 0.5, "acc.y": -2}"#),
        ["5000000 row acc.x=0.5 acc.y=-2"]
    );
    assert_eq!(
        found(r#"{"time": "1970-01-01T00:00:00.25Z", "acc": {"x": 0.5, "y": null}}"#),
        ["250000000 row acc.x=0.5 acc.y=NaN"]
    );
    assert_eq!(found(r#"{"acc": [1, 2]}"#), ["- row acc.0=1 acc.1=2"]);
    let array = r#" [{"t_s": 1, "x": 1}, {"x": 2, "t_s": 2}, {"t_s": 3, "y": true}] "#;
    assert_eq!(found(array), ["1000000000 row x=1", "2000000000 row x=2", "3000000000 row y=?"]);
    assert!(found("[]").is_empty());
}

#[test]
fn named_values_are_single() {
    let array = r#"[{"t_ms":1,"name":"x","value":0.5,"unit":"g"},{"name":"y","value":2,"t_ms":1}]"#;
    assert_eq!(found(array), ["1000000 value x=0.5", "1000000 value y=2"]);
    // A channel may be called `value`, as long as nothing names another.
    assert_eq!(found(r#"{"t_ms":1,"value":2}"#), ["1000000 row value=2"]);
}

#[test]
fn tables_are_rows_with_times_of_their_own_or_one_start() {
    let rows = ["5 row x=1 y=2", "6 row x=3 y=NaN"];
    let table = |rest: &str| {
        found(&format!(r#"{{"channels":["x","y"],{rest},"values":[[1,2],[3,null]]}}"#))
    };
    assert_eq!(table(r#""t_ns":[5,6]"#), rows);
    assert_eq!(table(r#""t_ns":5,"rate_hz":1e9"#), rows);
    assert_eq!(table(r#""interval_ns":1,"t_ns":5"#), rows);
    assert_eq!(table(r#""t_ns":5,"interval_us":0.001,"note":[[{}]]"#), rows);
    assert_eq!(table(r#""note":1"#), ["- row x=1 y=2", "- row x=3 y=NaN"]);
    let late = r#"{"values":[[1]],"time":"1970-01-01T00:00:01Z","channels":["x"]}"#;
    assert_eq!(found(late), ["1000000000 row x=1"]);
    assert!(found(r#"{"channels":[],"values":[]}"#).is_empty());
}

#[test]
fn nanoseconds_keep_all_their_bits() {
    let time = 1_764_322_000_123_456_789_i64;
    assert_eq!(found(&format!(r#"{{"t_ns":{time},"x":1}}"#)), [format!("{time} row x=1")]);
    let table = format!(r#"{{"channels":["x"],"t_ns":{time},"interval_ns":3,"values":[[1],[2]]}}"#);
    assert_eq!(found(&table)[1], format!("{} row x=2", time + 3));
}

#[test]
fn a_named_time_is_the_only_one() {
    let times = Times::named("at.sent", Some(TimeFormat::Seconds));
    let text = r#"{"at":{"sent":1.5},"t_ms":7,"x":1}"#;
    assert_eq!(read(text, &times).unwrap(), ["1500000000 row t_ms=7 x=1"]);
    let times = Times::named("when_us", None);
    assert_eq!(read(r#"{"when_us":7,"x":1}"#, &times).unwrap(), ["7000 row x=1"]);
    assert_eq!(read(r#"{"x":1}"#, &times).unwrap(), ["- row x=1"]);
}

#[test]
fn what_telegraf_sends_is_a_nested_object() {
    let times = Times::named("timestamp", Some(TimeFormat::Seconds));
    let text = r#"{"fields":{"x":0.5,"value":2},"name":"accel","tags":{"host":"pump1"},"timestamp":1458229140}"#;
    let expected = "1458229140000000000 row fields.x=0.5 fields.value=2 name=? tags.host=?";
    assert_eq!(read(text, &times).unwrap(), [expected]);
}

#[test]
fn a_number_without_a_unit_is_no_time() {
    assert_eq!(found(r#"{"time": 17.5, "x": 1}"#), ["- row time=17.5 x=1"]);
    assert_eq!(found(r#"{"stress_ms": 17, "x": 1}"#), ["- row stress_ms=17 x=1"]);
}

#[test]
fn one_sample_can_be_at_fault_alone() {
    let times = Times::named("t", Some(TimeFormat::Milliseconds));
    let text = r#"[{"t":"x","a":1},{"t":1,"a":1,"a":2},{"t":2,"a":1e300},{"t":3,"a":4}]"#;
    let samples = read(text, &times).unwrap();
    assert_eq!(samples[0], "- Time row a=1");
    assert_eq!(samples[1], "1000000 Twice row a=1");
    assert_eq!(samples[2..], ["2000000 row a=?", "3000000 row a=4"]);
    let mut message = Message::default();
    let text = br#"{"t_ms":1,"time":"1970-01-01T00:00:00Z"}"#;
    message.read(text, &Reading::default(), Arrival::default()).unwrap();
    assert_eq!(message.samples().next().unwrap().fault, Some(Fault::Time));
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let reason = |text: &str| read(text, &Times::found()).unwrap_err().reason();
    for text in ["", "{", "[{\"a\":1}", "{\"a\":NaN}", "{\"a\":1} x", "\u{0}"] {
        assert_eq!(reason(text), "not_json", "{text}");
    }
    for text in ["5", "null", "\"x\"", "[1]", "[[1]]", "[{},5]"] {
        assert_eq!(reason(text), "wrong_form", "{text}");
    }
    let table = |rest: &str| refused(&format!(r#"{{"channels":["x","y"],{rest}}}"#));
    assert!(table(r#""values":[[1]]"#).contains("has 2 names, but rows have 1"));
    assert!(table(r#""values":[[1,2],[1]]"#).contains("row 1 has 1 values"));
    assert!(table(r#""values":[1,2]"#).contains("a row is an array"));
    assert!(table(r#""values":[[1,[2]]]"#).contains("an array stands in an array"));
    assert!(table(r#""t_ms":[1],"values":[[1,2],[3,4]]"#).contains("2 rows, but 1 times"));
    assert!(table(r#""t_ms":1,"values":[[1,2],[3,4]]"#).contains("add `rate_hz`"));
    assert!(table(r#""rate_hz":0,"values":[[1,2]]"#).contains("a number above 0"));
    assert!(table(r#""rate_hz":1,"interval_ms":1,"values":[[1,2]]"#).contains("two of"));
    assert!(table(r#""t_ms":1,"t_ns":1,"values":[[1,2]]"#).contains("two times"));
    assert!(refused(r#"{"channels":["x","x"],"values":[]}"#).contains("twice"));
    assert!(refused(r#"{"channels":[1],"values":[]}"#).contains("an array of names"));
}

#[test]
fn bounds_hold() {
    let many = format!("[{}{{}}]", "{},".repeat(SAMPLES_MAX));
    assert!(refused(&many).contains("too many samples"));
    let row = format!("[{}1]", "1,".repeat(1023));
    let rows = format!("{}{row}", format!("{row},").repeat(VALUES_MAX / 1024));
    let names: Vec<String> = (0..1024).map(|name| format!("\"{name}\"")).collect();
    let table = format!("{{\"channels\":[{}],\"values\":[{rows}]}}", names.join(","));
    assert!(refused(&table).contains("too many values"));
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    assert_eq!(read(&deep, &Times::found()).unwrap_err().reason(), "wrong_form");
    let large = " ".repeat(17 << 20);
    assert_eq!(read(&large, &Times::found()).unwrap_err().reason(), "too_large");
}

/// A row of a machine with three channels.
fn row() -> impl Strategy<Value = (i64, [f32; 3])> {
    (any::<i64>(), prop::array::uniform3(-1e6_f32..1e6))
}

proptest! {
    #[test]
    fn every_form_says_the_same(rows in prop::collection::vec(row(), 1..20)) {
        let objects: Vec<String> = rows.iter().map(|(time, [x, y, z])| {
            format!(r#"{{"t_ns":{time},"x":{x},"y":{y},"acc":{{"z":{z}}}}}"#)
        }).collect();
        let times: Vec<String> = rows.iter().map(|(time, _)| time.to_string()).collect();
        let values: Vec<String> =
            rows.iter().map(|(_, [x, y, z])| format!("[{x},{y},{z}]")).collect();
        let table = format!(
            r#"{{"channels":["x","y","acc.z"],"t_ns":[{}],"values":[{}]}}"#,
            times.join(","), values.join(",")
        );
        let one_by_one: Vec<String> = objects.iter().flat_map(|object| found(object)).collect();
        prop_assert_eq!(&found(&format!("[{}]", objects.join(","))), &one_by_one);
        prop_assert_eq!(&found(&table), &one_by_one);
    }

    #[test]
    fn mutated_bytes_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for text in [
            r#"[{"t_ms":5,"acc":{"x":0.5,"y":[1,null,"a"]}},{"t_ms":6,"name":"x","value":1e3}]"#,
            r#"{"channels":["x","y"],"t_ns":[5,6],"rate_hz":10,"values":[[1,2],[3,null]]}"#,
            r#"{"time":"2026-11-28T09:30:00Z","interval_ms":2,"channels":["x"],"values":[[1],[2]]}"#,
        ] {
            let mut bytes = text.as_bytes().to_vec();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            let (mut message, reading) = (Message::default(), Reading::default());
            if message.read(&bytes, &reading, Arrival::default()).is_ok() {
                prop_assert_eq!(message.samples().count(), message.len());
            }
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(message.read(&bytes, &reading, Arrival::default()).is_err());
        }
    }
}
