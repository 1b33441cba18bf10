//! SenML: the examples of RFC 8428, and what it says beyond them.

use model_format::payload::Format;
use model_format::payload::message::{MessageError, Reading};
use proptest::prelude::*;

use crate::message::{NOW_NS, read_as};

fn json(text: &str) -> Result<Vec<String>, MessageError> {
    read_as(text.as_bytes(), &Reading { format: Format::SenmlJson, ..Reading::default() })
}

fn cbor(bytes: &[u8]) -> Result<Vec<String>, MessageError> {
    read_as(bytes, &Reading { format: Format::SenmlCbor, ..Reading::default() })
}

/// Seconds from the arrival on.
fn from_now(seconds: i64) -> i64 {
    NOW_NS + seconds * 1_000_000_000
}

#[test]
fn one_measurement_is_of_now() {
    let read = json(r#"[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]"#).unwrap();
    assert_eq!(read, [format!("{NOW_NS} value urn:dev:ow:10e2073a01080063=23.1")]);
}

const CURRENT: &str = r#"[
    {"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,
     "bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
    {"n":"current","t":-5,"v":1.2},
    {"n":"current","t":-4,"v":1.3},
    {"n":"current","t":-3,"v":1.4},
    {"n":"current","t":-2,"v":1.5},
    {"n":"current","t":-1,"v":1.6},
    {"n":"current","v":1.7}]"#;

/// The same in CBOR, as section 6 of the RFC has it.
const CURRENT_CBOR: &str = "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b\
    00106223614120050067766f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff33333333333\
    33a3006763757272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a30067637572\
    72656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333\
    333333";

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn base_fields_hold_for_the_records_behind_them() {
    // 1276020076.001 s is 2010-06-08T18:01:16.001Z, to the precision of 64-bit floats.
    let start = 1_276_020_076_001_000_000_i64;
    let expected = |place: i64, name: &str, value: &str| {
        (start + place * 1_000_000_000, format!("value urn:dev:ow:10e2073a0108006:{name}={value}"))
    };
    let expected = [
        expected(0, "voltage", "120.1"),
        expected(-5, "current", "1.2"),
        expected(-4, "current", "1.3"),
        expected(-3, "current", "1.4"),
        expected(-2, "current", "1.5"),
        expected(-1, "current", "1.6"),
        expected(0, "current", "1.7"),
    ];
    let read = json(CURRENT).unwrap();
    assert_eq!(read.len(), expected.len());
    for (read, (time_ns, rest)) in read.iter().zip(&expected) {
        let (time, found) = read.split_once(' ').unwrap();
        let apart_ns = time.parse::<i64>().unwrap() - time_ns;
        assert!(apart_ns.abs() <= 128 && found == rest, "{read}");
    }
    assert_eq!(cbor(&bytes_of(CURRENT_CBOR)).unwrap(), read);
}

#[test]
fn a_base_name_alone_is_a_name_and_base_fields_can_change() {
    let read = json(
        r#"[{"bn":"urn:dev:ow:10e2073a01080063","bt":1320067464,"bu":"%RH","v":21.2},
            {"t":10,"v":21.3},
            {"bn":"urn:dev:ow:10e2073a01080064","t":20,"v":21.4},
            {"bt":1320067500},
            {"vb":false}]"#,
    );
    let expected = [
        "1320067464000000000 value urn:dev:ow:10e2073a01080063=21.2",
        "1320067474000000000 value urn:dev:ow:10e2073a01080063=21.3",
        "1320067484000000000 value urn:dev:ow:10e2073a01080064=21.4",
        "1320067500000000000 value urn:dev:ow:10e2073a01080064=0",
    ];
    assert_eq!(read.unwrap(), expected);
}

#[test]
fn every_kind_of_value_is_what_it_is() {
    let text = r#"[{"bn":"a","n":"1","vb":true},{"n":"2","vs":"Machine"},{"n":"3","vd":"aGkgCg"},
        {"n":"4","bv":20,"v":1.5},{"n":"5","v":-20},{"n":"6","bs":100,"s":2},{"n":"7","v":1,"s":3},
        {"n":"8"},{"n":"9","v":"x"},{"n":"10","v":1e300}]"#;
    let now = NOW_NS;
    let expected = [
        "a1=1",
        "a2=?",
        "a3=?",
        "a4=21.5",
        "a5=0",
        "a6.sum=102",
        "a7=21",
        "a7.sum=103",
        "a8=NaN",
        "a9=?",
        "a10=?",
    ];
    let expected = expected.map(|value| format!("{now} value {value}"));
    assert_eq!(json(text).unwrap(), expected);
}

#[test]
fn times_below_2_to_the_28_are_relative_to_the_arrival() {
    let time = |fields: &str| {
        let read = json(&format!(r#"[{{"n":"a","v":1,{fields}}}]"#)).unwrap();
        read[0].split_once(' ').unwrap().0.parse::<i64>().unwrap()
    };
    assert_eq!(time(r#""t":-2.5"#), NOW_NS - 2_500_000_000);
    assert_eq!(time(r#""t":268435455"#), from_now(268_435_455));
    assert_eq!(time(r#""t":268435456"#), 268_435_456_000_000_000);
    assert_eq!(time(r#""bt":-10,"t":3"#), from_now(-7));
    assert_eq!(time(r#""bt":268435450,"t":6"#), 268_435_456_000_000_000);
}

#[test]
fn one_record_can_be_at_fault_alone() {
    let text = r#"[{"n":"a","v":1,"t":"noon"},{"n":"a","v":1,"v":2},{"n":"a","v":1,"vb":true},
        {"n":"a","v":1,"t":1e300},{"n":"a","v":4}]"#;
    let read = json(text).unwrap();
    assert_eq!(read[0], "- Time value a=1");
    assert!(read[1].contains("Twice") && read[2].contains("Twice"), "{read:?}");
    assert_eq!(read[3], "- Time value a=1");
    assert_eq!(read[4], format!("{NOW_NS} value a=4"));
}

#[test]
fn what_is_no_pack_is_refused() {
    for (text, reason) in [
        ("", "not_json"),
        ("[{]", "not_json"),
        (r#"{"n":"a","v":1}"#, "wrong_form"),
        ("[5]", "wrong_form"),
        (r#"[{"v":1}]"#, "wrong_form"),
        (r#"[{"n":5,"v":1}]"#, "wrong_form"),
        (r#"[{"n":"a","v":1,"bver":11}]"#, "wrong_form"),
        (r#"[{"n":"a","v":1,"bver":"10"}]"#, "wrong_form"),
        (r#"[{"n":"a","v":1,"new_":2}]"#, "wrong_form"),
        (r#"[{"n":"a","v":1,"bv":"x"}]"#, "wrong_form"),
        (r#"[{"n":"a","v":1,"u":"V"},{"n":"a","v":1,"u":"mV"}]"#, "wrong_form"),
    ] {
        assert_eq!(json(text).unwrap_err().reason(), reason, "{text}");
    }
    // The version with secondary units, and labels that need not be understood.
    assert!(json(r#"[{"bver":26,"n":"a","v":1,"new":{"deep":[]}}]"#).is_ok());
    assert_eq!(cbor(b"\xa1\x00\x61a").unwrap_err().reason(), "wrong_form");
    assert_eq!(cbor(b"\x81\xa1\x00").unwrap_err().reason(), "not_cbor");
}

proptest! {
    #[test]
    fn the_order_of_fields_changes_nothing(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        value in -1e6_f32..1e6,
    ) {
        let fields = [
            r#""bn":"dev:""#.to_owned(),
            r#""bt":1700000000"#.to_owned(),
            r#""n":"x""#.to_owned(),
            r#""t":-5"#.to_owned(),
            format!(r#""v":{value}"#),
            r#""bu":"V""#.to_owned(),
        ];
        let fields: Vec<&str> = order.iter().map(|place| fields[*place].as_str()).collect();
        let text = format!("[{{{}}},{{\"n\":\"y\",\"v\":1}}]", fields.join(","));
        let expected = [
            format!("1699999995000000000 value dev:x={value}"),
            "1700000000000000000 value dev:y=1".to_owned(),
        ];
        prop_assert_eq!(json(&text).unwrap(), expected);
    }

    #[test]
    fn packs_may_be_split_where_the_base_is_repeated(values in prop::collection::vec(-1e6_f32..1e6, 1..20)) {
        let record = |base: &str, place: usize| {
            format!(r#"{{{base}"n":"x","t":{place},"v":{}}}"#, values[place])
        };
        let base = r#""bn":"dev:","bt":1700000000,"#;
        let all: Vec<String> =
            (0..values.len()).map(|place| record(if place == 0 { base } else { "" }, place)).collect();
        let whole = json(&format!("[{}]", all.join(","))).unwrap();
        let mut split = Vec::new();
        for place in 0..values.len() {
            split.extend(json(&format!("[{}]", record(base, place))).unwrap());
        }
        prop_assert_eq!(whole, split);
    }
}
