//! Line protocol: the examples of its documents, escapes, and what is refused.

use model_format::payload::Format;
use model_format::payload::message::{Arrival, Message, MessageError, Reading, Times};
use model_format::payload::time::TimeFormat;
use proptest::prelude::*;

use crate::message::read_as;

fn reading() -> Reading {
    Reading { format: Format::Influx, ..Reading::default() }
}

fn read(text: &str) -> Result<Vec<String>, MessageError> {
    read_as(text.as_bytes(), &reading())
}

/// Measurement and tags of each line.
fn series(text: &str) -> Vec<String> {
    let mut message = Message::default();
    message.read(text.as_bytes(), &reading(), Arrival::default()).unwrap();
    let of_line = message.samples().map(|sample| {
        let series = sample.series.expect("every line has one");
        let tags: Vec<_> = series.tags().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} [{}]", series.measurement(), tags.join(", "))
    });
    of_line.collect()
}

#[test]
fn documented_lines_are_read() {
    for (line, expected) in [
        (
            "weather,location=us-midwest temperature=82 1465839830100400200",
            "1465839830100400200 row temperature=82",
        ),
        ("weather temperature=82", "- row temperature=82"),
        (
            "weather,location=us-midwest temperature=82,humidity=71 1465839830100400200",
            "1465839830100400200 row temperature=82 humidity=71",
        ),
        ("weather,location=us-midwest temperature=82i", "- row temperature=82"),
        ("weather,location=us-midwest temperature=\"too warm\"", "- row temperature=?"),
        ("weather,location=us-midwest too_hot=true", "- row too_hot=1"),
        ("weather,location=us-midwest temp\\=rature=82", "- row temp=rature=82"),
        ("weather,location=us-midwest temperature_str=\"too hot/cold\"", "- row temperature_str=?"),
        (
            "weather,location=us-midwest temperature_str=\"too hot\\cold\"",
            "- row temperature_str=?",
        ),
        ("myMeasurement fieldKey=\"\\\"string\\\" within a string\"", "- row fieldKey=?"),
        ("myMeasurement fieldKey=-1.5e+8", "- row fieldKey=-150000000"),
        ("myMeasurement fieldKey=-1.234456e+78", "- row fieldKey=?"),
        ("myMeasurement fieldKey=-12485903i", "- row fieldKey=-12485903"),
        ("myMeasurement fieldKey=12485903u", "- row fieldKey=12485903"),
        (
            "myMeasurement,tagKey=🍭 fieldKey=\"Launch 🚀\" 1556813561098000000",
            "1556813561098000000 row fieldKey=?",
        ),
    ] {
        assert_eq!(read(line).unwrap(), [expected], "{line}");
    }
    for (text, value) in [
        ("t", 1),
        ("T", 1),
        ("True", 1),
        ("TRUE", 1),
        ("f", 0),
        ("F", 0),
        ("False", 0),
        ("FALSE", 0),
    ] {
        assert_eq!(read(&format!("m x={text}")).unwrap(), [format!("- row x={value}")]);
    }
}

#[test]
fn measurements_and_tags_are_told_without_their_escapes() {
    for (line, expected) in [
        (
            "weather,location=us-midwest,season=summer temperature=82",
            "weather [location=us-midwest, season=summer]",
        ),
        ("wea\\,ther,location=us-midwest temperature=82", "wea,ther [location=us-midwest]"),
        ("wea\\ ther temperature=82", "wea ther []"),
        (
            "weather,location\\ place=us-midwest temperature=82",
            "weather [location place=us-midwest]",
        ),
        ("weather,location=us\\,midwest temperature=82", "weather [location=us,midwest]"),
        (
            "my\\ Measurement,tag\\ Key1=tag\\ Value1,tag\\=2=a\\=b x=100",
            "my Measurement [tag Key1=tag Value1, tag=2=a=b]",
        ),
        ("m,path=C:\\temp\\🍭 x=1", "m [path=C:\\temp\\🍭]"),
        ("\"m\\=\",a=\"b\" x=1", "\"m\\=\" [a=\"b\"]"),
    ] {
        assert_eq!(series(line), [expected], "{line}");
    }
    let lines = "m,a=1 x=1\nm,a=1 x=2\nm,a=2 x=3\nn x=4\nm,a=1 x=5";
    assert_eq!(series(lines), ["m [a=1]", "m [a=1]", "m [a=2]", "n []", "m [a=1]"]);
}

#[test]
fn lines_may_be_blank_comments_or_end_like_on_windows() {
    let text = "\n# a comment, with \"signs\" in=it\nm x=1 5\r\n\r\n  m x=2\n  # another\nm s=\"two\nlines\" 7\n";
    assert_eq!(read(text).unwrap(), ["5 row x=1", "- row x=2", "7 row s=?"]);
    assert!(read("").unwrap().is_empty());
    assert!(read("# nothing").unwrap().is_empty());
}

#[test]
fn times_have_the_unit_that_was_told() {
    let read = |unit, text: &str| {
        let times = Times::in_unit(unit);
        read_as(text.as_bytes(), &Reading { times, ..reading() }).unwrap()
    };
    assert_eq!(read(TimeFormat::Seconds, "m x=1 1556813561"), ["1556813561000000000 row x=1"]);
    assert_eq!(read(TimeFormat::Milliseconds, "m x=1 -5"), ["-5000000 row x=1"]);
    assert_eq!(read(TimeFormat::Seconds, "m x=1 1556813561000000000"), ["- Time row x=1"]);
    assert_eq!(read(TimeFormat::Seconds, "m x=1 99999999999999999999"), ["- Time row x=1"]);
}

#[test]
fn what_is_no_line_is_refused_with_its_number() {
    for (text, part) in [
        ("m", "there are no fields"),
        ("m ", "there are no fields"),
        ("m,a=1", "there are no fields"),
        (",a=1 x=1", "there is no measurement"),
        ("m,a x=1", "the tag `a`"),
        ("m,a= x=1", "the tag `a`"),
        ("m,=b x=1", "the tag ``"),
        ("m,a=b=c x=1", "the tag `a`"),
        ("m x", "the field `x` has no value"),
        ("m x=", "`` is no value"),
        ("m x=1,", "a field has no name"),
        ("m =1", "a field has no name"),
        ("m x=1x", "`1x` is no value"),
        ("m x=inf", "`inf` is no value"),
        ("m x=nan", "`nan` is no value"),
        ("m x=1.5i", "`1.5i` is no value"),
        ("m x=-1u", "`-1u` is no value"),
        ("m x='a'", "is no value: a number"),
        ("m x=\"a", "no closing quote"),
        ("m x=\"a\"b", "behind the closing quote"),
        ("m x=1 noon", "`noon` is no time"),
        ("m x=1 1.5", "`1.5` is no time"),
        ("m x=1 5 6", "`5 6` is no time"),
    ] {
        let error = read(&format!("m s=\"\n\" 1\n{text}")).unwrap_err();
        assert_eq!(error.reason(), "not_influx", "{text}");
        let error = error.to_string();
        assert!(error.contains("line 3: ") && error.contains(part), "{text}: {error}");
    }
    let error = read_as(b"m x=1\n\xff", &reading()).unwrap_err().to_string();
    assert!(error.contains("byte 6 is not UTF-8"), "{error}");
    assert_eq!(read("m x=1,y=2,x=3").unwrap(), ["- Twice row x=1 y=2"]);
}

proptest! {
    #[test]
    fn the_order_of_fields_changes_no_value(
        order in Just((0..4_usize).collect::<Vec<_>>()).prop_shuffle(),
        values in prop::array::uniform4(-1e6_f32..1e6),
    ) {
        let fields: Vec<String> =
            order.iter().map(|place| format!("c{place}={}", values[*place])).collect();
        let read = read(&format!("m,a=b {} 5", fields.join(","))).unwrap();
        prop_assert_eq!(read, [format!("5 row {}", fields.join(" "))]);
    }

    #[test]
    fn lines_may_be_split_over_messages(values in prop::collection::vec(-1e6_f32..1e6, 1..20)) {
        let lines: Vec<String> =
            values.iter().enumerate().map(|(time, value)| format!("m x={value} {time}")).collect();
        let one_by_one: Vec<String> =
            lines.iter().flat_map(|line| read(line).unwrap()).collect();
        prop_assert_eq!(read(&lines.join("\n")).unwrap(), one_by_one);
    }

    #[test]
    fn signs_in_any_order_never_panic(text in "[mx=,\\\\ \"\n#1it🍭-]{0,60}") {
        let _ = read(&text);
    }
}
