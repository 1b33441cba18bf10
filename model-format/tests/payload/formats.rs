//! What holds for every format: names, options, reuse, hostile input.

use model_format::payload::Format;
use model_format::payload::message::{
    Arrival, Message, MessageError, NAME_BYTES_MAX, Reading, Times,
};
use model_format::payload::time::TimeFormat;
use proptest::prelude::*;

use crate::message::{NOW_NS, read_as, shown};

const ARRIVAL: Arrival<'_> = Arrival { time_ns: NOW_NS, channel: Some("topic") };

/// A small message of each format, with two samples where it can have two.
pub(crate) fn example(format: Format) -> &'static [u8] {
    match format {
        Format::Json => br#"[{"t_ms":5,"acc":{"x":0.5,"y":[1,null,"a"]}},{"t_ms":6,"name":"x","value":1e3,"unit":"g"}]"#,
        Format::Cbor => b"\x82\xa2\x64t_ms\x05\x63acc\xa2\x61x\xf9\x38\x00\x61y\x83\x01\xf6\x61a\xa3\x64t_ms\x06\x64name\x61x\x65value\xc4\x82\x20\x19\x27\x10",
        Format::SenmlJson => br#"[{"bn":"dev:1:","bt":1.7e9,"bu":"g","n":"x","v":0.5},{"n":"y","t":-5,"u":"V","vb":true,"s":7}]"#,
        Format::SenmlCbor => b"\x82\xa5\x21\x66dev:1:\x22\x1a\x65\x53\xf1\x00\x23\x61g\x00\x61x\x02\xf9\x38\x00\xa3\x00\x61y\x06\x24\x04\xf5",
        Format::Influx => b"m,machine=p\\ 1 x=0.5,y=2i,s=\"a\\\"b\" 1700000000000000000\n# note\nm,machine=2 x=t",
        Format::Number => b" 21.5\n",
    }
}

#[test]
fn every_format_is_named_the_same_everywhere() {
    let documents = include_str!("../../../docs/mqtt.md");
    for format in Format::all() {
        let name = format.to_string();
        assert_eq!(name.parse(), Ok(format));
        let json = serde_json::to_string(&format).unwrap();
        assert_eq!(json, format!("{name:?}"));
        assert_eq!(serde_json::from_str::<Format>(&json).unwrap(), format);
        assert!(documents.contains(&format!("`{name}`")), "docs/mqtt.md lacks `{name}`");
    }
    let error = "xml".parse::<Format>().unwrap_err().to_string();
    assert!(error.contains("json, cbor, senml-json, senml-cbor, influx, number"), "{error}");
}

#[test]
fn every_documented_example_is_read() {
    let documents = include_str!("../../../docs/mqtt.md");
    let (_, payloads) = documents.split_once("## Payloads").unwrap();
    let (payloads, _) = payloads.split_once("### Units").unwrap();
    let positions = ["t_ms", "x", "y"].map(str::to_owned);
    let mut read = 0;
    for line in payloads.lines().filter(|line| line.starts_with("| ")) {
        let mut codes: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let format = codes.first().and_then(|name| name.parse::<Format>().ok());
        if format.is_some() {
            codes.remove(0);
        }
        let format = format.unwrap_or(Format::Json);
        let is_binary = matches!(format, Format::Cbor | Format::SenmlCbor);
        let named = if line.contains("by position") { &positions[..] } else { &[] };
        let reading = Reading { format, positions: named.to_vec(), ..Reading::default() };
        let is_example =
            |code: &&str| code.starts_with(['{', '[', '6']) || format == Format::Influx;
        for code in codes.into_iter().filter(is_example).filter(|_| !is_binary) {
            let samples = read_as(code.as_bytes(), &reading).unwrap();
            let is_sound = |sample: &String| !sample.contains('?') && sample.contains('=');
            assert!(!samples.is_empty() && samples.iter().all(is_sound), "{code}: {samples:?}");
            read += 1;
        }
    }
    assert!(read >= 12, "{read} examples");
}

#[test]
fn an_option_without_a_meaning_is_refused() {
    let names = || vec!["x".to_owned()];
    for format in Format::all() {
        let plain = Reading { format, ..Reading::default() };
        assert_eq!(plain.check(), Ok(()));
        let positions = Reading { positions: names(), ..plain.clone() };
        assert_eq!(positions.check().is_ok(), format.takes_positions());
        let named = Reading { times: Times::named("t", None), ..plain.clone() };
        assert_eq!(named.check().is_ok(), format.takes_time_name());
        let unit = Times::in_unit(TimeFormat::Seconds);
        let unit = Reading { times: unit, ..plain.clone() };
        assert_eq!(unit.check().is_ok(), format == Format::Influx);
    }
    let times = Times::in_unit(TimeFormat::DateTime);
    let dates = Reading { format: Format::Influx, times, ..Reading::default() };
    assert!(dates.check().unwrap_err().contains("are numbers"));
}

#[test]
fn one_number_is_a_value_of_the_topics_channel() {
    let number = Reading { format: Format::Number, ..Reading::default() };
    let read = |payload: &str| read_as(payload.as_bytes(), &number);
    for (payload, expected) in [
        ("21.5", "- value topic=21.5"),
        (" -3e2\r\n", "- value topic=-300"),
        ("nan", "- value topic=NaN"),
        ("1e300", "- value topic=?"),
        ("-inf", "- value topic=?"),
    ] {
        assert_eq!(read(payload).unwrap(), [expected], "{payload}");
    }
    for payload in ["", "ON", "21,5", "21.5 C", "{}", "0x10"] {
        let error = read(payload).unwrap_err();
        assert_eq!(error.reason(), "not_number", "{payload}");
    }
    let error = Message::default().read(b"1", &number, Arrival::default()).unwrap_err();
    assert!(error.to_string().contains("which channel"), "{error}");
}

#[test]
fn positions_are_read_only_where_they_are_named() {
    let positions = ["t_ms", "x", "y"].map(str::to_owned).to_vec();
    let named = Reading { positions, ..Reading::default() };
    let read = |text: &str, reading: &Reading| read_as(text.as_bytes(), reading);
    assert_eq!(read("[5,0.5,null]", &named).unwrap(), ["5000000 row x=0.5 y=NaN"]);
    let rows = ["5000000 row x=1 y=2", "6000000 row x=3 y=?"];
    assert_eq!(read(r#"[[5,1,2],[6,3,"a"]]"#, &named).unwrap(), rows);
    let objects = r#"[{"t_ms":5,"x":1,"y":2},[6,3,true]]"#;
    assert_eq!(read(objects, &named).unwrap(), rows);
    assert!(read("[]", &named).unwrap().is_empty());
    for (text, part) in [
        ("[1,2]", "a row has 2 values, but 3 names"),
        ("[[1,2,3,4]]", "more values than the 3 names"),
        ("[[1,2,[3]]]", "an array"),
        ("[1,[2],3]", "an array in an array"),
        ("[[1,2,3],5]", "some parts of the array are numbers"),
        ("[{},5,5]", "some parts of the array are numbers"),
    ] {
        let error = read(text, &named).unwrap_err();
        assert_eq!(error.reason(), "wrong_form", "{text}: {error}");
        if !part.starts_with("an array") {
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
    let error = read("[[1,2]]", &Reading::default()).unwrap_err().to_string();
    assert!(error.contains("no names are given for positions"), "{error}");
}

#[test]
fn units_stand_beside_names() {
    let units = |payload: &[u8], format| {
        let mut message = Message::default();
        let reading = Reading { format, ..Reading::default() };
        message.read(payload, &reading, ARRIVAL)?;
        let units = message
            .names()
            .map(|(place, name)| format!("{name} {}", message.unit(place).unwrap_or("-")));
        Ok::<_, MessageError>(units.collect::<Vec<_>>())
    };
    let json = |text: &str| units(text.as_bytes(), Format::Json);
    let table = r#"{"units":["g",null],"channels":["x","y"],"values":[[1,2]]}"#;
    assert_eq!(json(table).unwrap(), ["x g", "y -"]);
    let named = r#"[{"name":"x","value":1,"unit":"g"},{"name":"y","value":1}]"#;
    assert_eq!(json(named).unwrap(), ["x g", "y -"]);
    assert_eq!(
        units(example(Format::SenmlJson), Format::SenmlJson).unwrap(),
        ["dev:1:x g", "dev:1:y V", "dev:1:y.sum -"]
    );
    let error = json(&named.replace("}]", r#","unit":"V"},{"name":"x","value":1,"unit":"V"}]"#));
    assert!(error.unwrap_err().to_string().contains("`x` comes in `g` and in `V`"));
    assert!(json(&table.replace(",null", "")).unwrap_err().to_string().contains("`units` has 1"));
    assert!(json(&table.replace("null", "5")).unwrap_err().to_string().contains("array of texts"));
}

#[test]
fn absurd_names_take_no_memory() {
    // Every leaf below a long name would repeat it.
    let long = "n".repeat(1 << 20);
    let leaves: Vec<String> = (0..9000).map(|leaf| format!("\"{leaf}\":1")).collect();
    let text = format!("{{\"{long}\":{{{}}}}}", leaves.join(","));
    let error = read_as(text.as_bytes(), &Reading::default()).unwrap_err();
    assert_eq!(error.reason(), "long_name");
    for text in [
        format!(r#"{{"name":"{long}","value":1}}"#),
        format!(r#"{{"channels":["{long}"],"values":[[1]]}}"#),
    ] {
        assert_eq!(
            read_as(text.as_bytes(), &Reading::default()).unwrap_err().reason(),
            "long_name"
        );
    }
    let half = "n".repeat(NAME_BYTES_MAX / 2 + 1);
    let senml = format!(r#"[{{"bn":"{half}","n":"{half}","v":1}}]"#);
    let reading = Reading { format: Format::SenmlJson, ..Reading::default() };
    assert_eq!(read_as(senml.as_bytes(), &reading).unwrap_err().reason(), "long_name");
    let influx = format!("m {long}=1");
    let reading = Reading { format: Format::Influx, ..Reading::default() };
    assert_eq!(read_as(influx.as_bytes(), &reading).unwrap_err().reason(), "long_name");
    let longest = "n".repeat(NAME_BYTES_MAX);
    assert!(read_as(format!(r#"{{"{longest}":1}}"#).as_bytes(), &Reading::default()).is_ok());
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::all().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_reused_buffer_reads_like_a_fresh_one(
        turns in prop::collection::vec((any_format(), any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let mut reused = Message::default();
        for (format, at, byte) in turns {
            let mut payload = example(format).to_vec();
            let at = at.index(payload.len());
            payload[at] = byte;
            let reading = Reading { format, ..Reading::default() };
            let mut fresh = Message::default();
            let read = reused.read(&payload, &reading, ARRIVAL);
            prop_assert_eq!(&read, &fresh.read(&payload, &reading, ARRIVAL));
            prop_assert_eq!(shown(&reused), shown(&fresh));
            prop_assert!(read.is_ok() || reused.is_empty());
            let all = |message: &Message| -> Vec<(u32, String)> {
                message.names().map(|(place, name)| (place, name.to_owned())).collect()
            };
            prop_assert_eq!(all(&reused), all(&fresh));
        }
    }

    #[test]
    fn mutated_and_cut_messages_never_panic(
        format in any_format(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let reading = Reading { format, ..Reading::default() };
        let mut payload = example(format).to_vec();
        let at = at.index(payload.len());
        payload[at] = byte;
        let _ = read_as(&payload, &reading);
        payload.truncate(cut.index(payload.len()));
        let _ = read_as(&payload, &reading);
    }
}
