//! Streams of a recorder: the same keys as a device's, labels from now on, nothing dropped uncounted.

use model_format::protocol::SourceSettings;

use super::*;
use crate::recorder::RecordSettings;

/// Streams of one source, whose rows are gathered: recording, time, values, class.
struct Recorded {
    streams: Streams,
    rows: Vec<(usize, i64, Vec<f32>, Option<String>)>,
}

impl Recorded {
    fn new(source: SourceSettings, lateness_ms: u32) -> Self {
        let settings = RecordSettings { sources: vec![source], lateness_ms, ..Default::default() };
        let streams = Streams::new(Arc::new(settings.check().unwrap()));
        Recorded { streams, rows: Vec::new() }
    }

    fn json(lateness_ms: u32) -> Self {
        let topic = "plant/{line}/{machine}/accel".to_owned();
        Self::new(SourceSettings { topic, ..Default::default() }, lateness_ms)
    }

    fn message(&mut self, arrival_ns: i64, topic: &str, payload: &str) {
        let Recorded { streams, rows } = self;
        streams.message(arrival_ns, topic, payload.as_bytes(), &mut |row| rows.push(kept(row)));
    }

    fn finish(&mut self) {
        let Recorded { streams, rows } = self;
        streams.finish(&mut |row| rows.push(kept(row)));
    }

    fn counts(&self) -> StreamCounts {
        self.streams.standing()[0].counts.clone()
    }
}

fn kept(row: Row<'_>) -> (usize, i64, Vec<f32>, Option<String>) {
    (row.recording, row.time_ns, row.values.to_vec(), row.class.map(|class| class.to_string()))
}

#[test]
fn each_stream_becomes_a_recording_by_the_levels_of_its_topic() {
    let mut recorded = Recorded::json(0);
    recorded.message(0, "plant/3/pump/accel", r#"{"t_ms":1,"x":1,"note":"warm"}"#);
    recorded.message(0, "plant/3/fan/accel", r#"{"t_ms":1,"y":2}"#);
    recorded.message(0, "plant/3/pump/accel", r#"{"t_ms":2,"x":3,"y":4}"#);
    recorded.message(0, "plant/3/pump/other", r#"{"t_ms":2,"x":3}"#);
    recorded.message(0, "plant/3/pump/accel", "{");
    recorded.finish();
    let parts: Vec<_> = recorded.streams.parts().iter().map(|part| part.stream.clone()).collect();
    assert_eq!(parts, ["3.pump", "3.fan"]);
    let names = |stream| recorded.streams.facts(stream).channels.into_iter().map(|(name, _)| name);
    assert_eq!(names("3.pump").collect::<Vec<_>>(), ["x", "y"]);
    assert!(!recorded.streams.facts("3.pump").is_absolute);
    let of_pump: Vec<_> = recorded.rows.iter().filter(|row| row.0 == 0).collect();
    assert_eq!((of_pump[0].1, &of_pump[0].2[..]), (1_000_000, &[1.0][..]));
    assert_eq!((of_pump[1].1, &of_pump[1].2[..]), (2_000_000, &[3.0, 4.0][..]));
    let refused = recorded.streams.refused();
    assert_eq!((refused["no_source"], refused["not_json"]), (1, 1));
}

#[test]
fn a_label_holds_from_the_newest_sample_on_and_not_for_those_that_come_late() {
    let mut recorded = Recorded::json(10);
    let row = |ms: i64| format!(r#"{{"t_ms":{ms},"x":{ms}}}"#);
    let topic = "plant/3/pump/accel";
    recorded.message(0, topic, &row(100));
    recorded.streams.label(Some("idle"));
    recorded.message(0, topic, &row(95));
    recorded.message(0, topic, &row(101));
    recorded.streams.label(None);
    recorded.message(0, topic, &row(102));
    recorded.message(0, topic, &row(80));
    recorded.message(0, topic, &row(102));
    recorded.finish();
    let classes: Vec<_> =
        recorded.rows.iter().map(|row| (row.1 / 1_000_000, row.3.as_deref())).collect();
    assert_eq!(classes, [(95, None), (100, None), (101, Some("idle")), (102, None)]);
    let counts = recorded.counts();
    assert_eq!((counts.samples, counts.rows, counts.late), (6, 4, 1));
    assert_eq!(counts.dropped["duplicate"], 1);
}

#[test]
fn times_of_two_kinds_are_never_mixed() {
    let mut recorded = Recorded::json(0);
    let topic = "plant/3/pump/accel";
    recorded.message(7, topic, r#"{"x":1}"#);
    recorded.message(7, topic, r#"{"x":2}"#);
    recorded.message(8, topic, r#"{"t_ms":1,"x":3}"#);
    recorded.finish();
    let times: Vec<i64> = recorded.rows.iter().map(|row| row.1).collect();
    assert_eq!(times, [7, 8]);
    assert_eq!(recorded.counts().dropped["bad_time"], 1);
    assert!(recorded.streams.facts("3.pump").is_by_arrival);
}

#[test]
fn named_values_of_one_time_are_one_row() {
    let mut recorded = Recorded::json(0);
    for (ms, name) in [(1, "x"), (1, "y"), (2, "x"), (2, "y"), (3, "y")] {
        let text = format!(r#"{{"t_ms":{ms},"name":"{name}","value":{ms},"unit":"g"}}"#);
        recorded.message(0, "plant/3/pump/accel", &text);
    }
    let text = r#"{"t_ms":4,"name":"y","value":4,"unit":"mm"}"#;
    recorded.message(0, "plant/3/pump/accel", text);
    recorded.finish();
    let rows: Vec<_> = recorded.rows.iter().map(|row| row.2.clone()).collect();
    // The first row has left before `y` was known to be a channel.
    assert_eq!(rows[0], [1.0]);
    assert_eq!((rows[1].len(), recorded.counts().dropped["other_unit"]), (2, 1));
    let facts = recorded.streams.facts("3.pump");
    assert_eq!(facts.channels[1], ("y".to_owned(), Some("g".to_owned())));
    assert!(!recorded.streams.parts()[0].is_complete);
}

#[test]
fn a_clock_that_is_set_back_begins_another_recording() {
    let mut recorded = Recorded::json(0);
    let topic = "plant/3/pump/accel";
    recorded.message(0, topic, r#"{"t_ms":10000000,"x":1}"#);
    for ms in 0..60 {
        recorded.message(0, topic, &format!(r#"{{"t_ms":{ms},"x":1}}"#));
    }
    recorded.finish();
    assert_eq!(recorded.streams.parts().len(), 2);
    assert_eq!(recorded.streams.parts()[1].number, 2);
    let counts = recorded.counts();
    assert_eq!(counts.rows + counts.late, 61);
}

#[test]
fn lines_of_one_message_are_told_apart_by_a_tag() {
    let source = SourceSettings {
        topic: "telegraf/{host}".to_owned(),
        format: "influx".parse().unwrap(),
        stream_tag: Some("machine".to_owned()),
        ..Default::default()
    };
    let mut recorded = Recorded::new(source, 0);
    recorded.message(0, "telegraf/a", "m,machine=p1 x=1 5\nm,machine=p2 x=2 5\n");
    recorded.finish();
    let parts: Vec<_> = recorded.streams.parts().iter().map(|part| &part.stream).collect();
    assert_eq!(parts, ["a.p1", "a.p2"]);
}

#[test]
fn bounds_hold_and_are_counted() {
    let mut recorded = Recorded::json(0);
    for number in 0..STREAMS_MAX + 3 {
        recorded.message(0, &format!("plant/3/{number}/accel"), r#"{"t_ms":1,"x":1}"#);
    }
    assert_eq!(recorded.streams.refused()["too_many_streams"], 3);
    let cells: Vec<String> = (0..CHANNELS_MAX + 2).map(|c| format!("\"c{c}\":1")).collect();
    recorded.message(0, "plant/3/0/accel", &format!("{{\"t_ms\":2,{}}}", cells.join(",")));
    let of_first = recorded.streams.facts("3.0");
    assert_eq!(of_first.channels.len(), CHANNELS_MAX);
    for _ in 0..LABELS_MAX {
        assert!(recorded.streams.label(None));
    }
    assert!(!recorded.streams.label(None));
}

#[test]
fn nodes_of_sparkplug_are_streams_as_on_a_device() {
    let recorded: Vec<serde_json::Value> = serde_json::from_str(include_str!(
        "../../../../model-format/tests/sparkplug/messages.json"
    ))
    .unwrap();
    let plan = RecordSettings { sparkplug_groups: vec!["+".to_owned()], ..Default::default() };
    let mut streams = Streams::new(Arc::new(plan.check().unwrap()));
    let mut expected = std::collections::BTreeSet::new();
    let mut rows = 0;
    for (number, message) in recorded.iter().enumerate() {
        let (topic, hex) =
            (message["topic"].as_str().unwrap(), message["payload"].as_str().unwrap());
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let payload: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        streams.message(number as i64, topic, &payload, &mut |_| rows += 1);
        if topic.contains("DATA") || topic.contains("BIRTH") {
            let levels: Vec<&str> = topic.split('/').collect();
            expected.insert([&levels[1..2], &levels[3..]].concat().join("."));
        }
    }
    streams.finish(&mut |_| rows += 1);
    let found: std::collections::BTreeSet<String> =
        streams.parts().iter().map(|part| part.stream.clone()).collect();
    assert_eq!(found, expected);
    assert!(rows > 0 && streams.standing().iter().all(|stream| !stream.channels.is_empty()));
}
