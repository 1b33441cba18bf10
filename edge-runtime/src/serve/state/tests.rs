//! How messages are grouped never changes a result; a swap never mixes models.

mod allocations;
mod many;
mod watched;

use engine::EngineKind;
use model_format::artifact::{Artifact, Golden};
use model_format::payload::message::{Reading, Times};
use model_format::protocol::{NameTemplate, StreamState, TopicSource, TopicTemplate};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// A released artifact: channels accX and accY at 100 Hz, windows of 32 samples, each 16. All take
/// each other's place.
fn model(name: &str, version: u32) -> ReadyModel {
    let bytes = file(name);
    let artifact = Artifact::read(&bytes).unwrap();
    let engine = engine::load_artifact(EngineKind::Native, &artifact).unwrap();
    ReadyModel::new(&artifact, engine, ("model".to_owned(), Some(version)), bytes.len() as u64)
}

fn file(name: &str) -> Vec<u8> {
    let path =
        format!("{}/../model-format/tests/corpus/v1/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn golden(name: &str) -> Vec<Golden> {
    Artifact::read(&file(name)).unwrap().golden().to_vec()
}

fn direct() -> Source {
    let topic = TopicTemplate::parse("cirame/samples/{stream}").unwrap();
    let topics = TopicSource {
        stream: NameTemplate::all(&topic),
        topic,
        reading: Reading::json(Times::found()),
        channel: None,
        stream_tag: None,
    };
    Source { topics, models: None, channels: HashMap::new() }
}

fn plan(streams_max: usize) -> Plan {
    Plan {
        sources: [direct()].into(),
        direct: Arc::new(direct()),
        sparkplug: Vec::new().into(),
        watch: WatchPlan::default(),
        command_topic: "cirame/devices/device/command".to_owned(),
        shard: None,
        streams_max,
        expire_ns: i64::MAX,
    }
}

fn core(streams_max: usize) -> Core {
    core_of(plan(streams_max), Book::default())
}

fn core_of(plan: Plan, book: Book) -> Core {
    Core::new("device".to_owned(), plan, book, || Duration::ZERO)
}

fn row(number: usize) -> String {
    row_at(10 * number, number)
}

fn row_at(time: usize, number: usize) -> String {
    let (x, y) = ((number * 7919 % 101) as f32 / 50.0, (number % 9) as f32);
    format!(r#"{{"t_ms":{time},"accX":{x},"accY":{y},"accZ":{x}}}"#)
}

/// Gives one message to `core` and adds the results to `results`.
fn give(core: &mut Core, stream: &str, payload: &str, results: &mut Vec<Value>) {
    let origin = &Origin::Stream(stream.to_owned());
    let incoming = Incoming { origin, payload: payload.as_bytes(), arrival_ns: 0 };
    let mut emit = |line: Line<'_>| {
        assert_eq!(line.stream, stream);
        results.push(serde_json::from_str(&line.json).unwrap());
    };
    core.message(incoming, &mut emit).unwrap();
}

fn swap(core: &mut Core, ready: ReadyModel, results: &mut Vec<Value>) {
    let emit = &mut |line: Line<'_>| {
        results.push(serde_json::from_str(&line.json).unwrap());
    };
    core.swap(ready, emit).unwrap();
}

fn results(rows: impl Iterator<Item = String>, model_name: &str) -> Vec<Value> {
    let (mut core, mut results) = (core(1), Vec::new());
    swap(&mut core, model(model_name, 1), &mut results);
    rows.for_each(|row| give(&mut core, "s", &row, &mut results));
    results
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn how_samples_are_grouped_never_changes_a_result(
        sizes in prop::collection::vec(1_usize..40, 1..40)
    ) {
        let expected = results((0..160).map(row), "classification");
        prop_assert!(expected.len() > 5);
        let (mut core, mut found, mut next) = (core(1), Vec::new(), 0);
        swap(&mut core, model("classification", 1), &mut found);
        for size in sizes.into_iter().cycle() {
            let rows: Vec<String> = (next..160.min(next + size)).map(row).collect();
            give(&mut core, "s", &format!("[{}]", rows.join(",")), &mut found);
            next += size;
            if next >= 160 {
                break;
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_swap_under_an_equal_pipeline_loses_no_window_and_mixes_no_models(
        swaps in prop::collection::btree_set(1_usize..160, 0..6)
    ) {
        let names = ["anomaly", "regression"];
        let expected = names.map(|name| results((0..160).map(row), name));
        let (mut core, mut found, mut swapped) = (core(1), Vec::new(), 0);
        swap(&mut core, model(names[0], 1), &mut found);
        for number in 0..160 {
            if swaps.contains(&number) {
                swapped += 1;
                swap(&mut core, model(names[swapped % 2], 1), &mut found);
            }
            let before = found.len();
            give(&mut core, "s", &row(number), &mut found);
            prop_assert_eq!(&found[before..], &expected[swapped % 2][before..found.len()]);
        }
        prop_assert_eq!(found.len(), expected[0].len());
    }

    #[test]
    fn under_another_pipeline_streams_start_anew(at in 1_usize..120) {
        let (mut core, mut found) = (core(1), Vec::new());
        swap(&mut core, model("anomaly", 1), &mut found);
        (0..at).for_each(|number| give(&mut core, "s", &row(number), &mut found));
        prop_assert_eq!(&found, &results((0..at).map(row), "anomaly"));
        found.clear();
        let other = model("pump", 1);
        let before = model("anomaly", 1);
        let is_equal = other.manifest.pipeline == before.manifest.pipeline;
        prop_assert!(!is_equal, "the test needs two pipelines");
        swap(&mut core, other, &mut found);
        // The other model wants a sample each millisecond.
        let rows: Vec<String> = (0..200).map(|number| row_at(10 * at + number, number)).collect();
        rows.iter().for_each(|row| give(&mut core, "s", row, &mut found));
        let mut expected = results(rows.into_iter(), "pump");
        prop_assert!(expected.len() > 3);
        for result in found.iter_mut().chain(&mut expected) {
            result["sequence"] = 0.into();
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn named_values_and_tables_give_the_results_of_rows() {
    let expected = results((0..100).map(row), "anomaly");
    let (mut core, mut found) = (core(2), Vec::new());
    swap(&mut core, model("anomaly", 1), &mut found);
    for number in 0..100 {
        let object: Value = serde_json::from_str(&row(number)).unwrap();
        for channel in ["accY", "accX"] {
            let (time, value) = (&object["t_ms"], &object[channel]);
            let text = format!(r#"{{"t_ms":{time},"name":"{channel}","value":{value}}}"#);
            give(&mut core, "s", &text, &mut found);
        }
    }
    assert_eq!(found, expected);
    assert_eq!(core.reports()[0].state, StreamState::Matched);
}

#[test]
fn streams_wait_for_a_model_and_are_counted() {
    let mut core = core(1);
    give(&mut core, "s", &row(0), &mut Vec::new());
    assert_eq!(core.reports()[0].state, StreamState::Waiting);
    assert_eq!(core.dropped_samples()["no_model"], 1);
    let mut found = Vec::new();
    swap(&mut core, model("anomaly", 1), &mut found);
    (1..100).for_each(|number| give(&mut core, "s", &row(number), &mut found));
    assert_eq!(core.reports()[0].state, StreamState::Matched);
    assert_eq!(core.reports()[0].windows, found.len() as u64);
}

#[test]
fn a_model_that_is_taken_out_answers_no_more_and_streams_wait_for_another() {
    let (mut core, mut found) = (core(1), Vec::new());
    swap(&mut core, model("anomaly", 1), &mut found);
    (0..100).for_each(|number| give(&mut core, "s", &row(number), &mut found));
    core.take_out("model", &mut |line| found.push(serde_json::from_str(&line.json).unwrap()));
    let answered = found.len();
    assert!(answered > 0 && core.facts().is_empty());
    (100..200).for_each(|number| give(&mut core, "s", &row(number), &mut found));
    assert_eq!(found.len(), answered);
    assert_eq!(core.reports()[0].state, StreamState::Waiting);
    assert_eq!(core.dropped_samples()["no_model"], 100);
    swap(&mut core, model("anomaly", 1), &mut found);
    (200..300).for_each(|number| give(&mut core, "s", &row(number), &mut found));
    assert!(found.len() > answered);
    // The stream began anew: no window spans the time without a model.
    assert_eq!(found[answered]["index"], 0);
}

#[test]
fn a_mismatch_names_what_comes_what_is_wanted_and_what_is_near() {
    let mut core = core(2);
    let mut found = Vec::new();
    swap(&mut core, model("anomaly", 1), &mut found);
    give(&mut core, "pump", r#"{"t_ms":1,"accx":1,"accY":2,"temp":3}"#, &mut found);
    let report = &core.reports()[0];
    assert_eq!(report.state, StreamState::Mismatched);
    let text = report.mismatch.as_ref().unwrap();
    assert_eq!(
        text,
        "the stream sends `accY`, `accx`, `temp`, the model wants `accX`, `accY`; `accX` is \
         missing; did you mean \"accx\"?"
    );
    give(&mut core, "pump", &row(1), &mut found);
    assert_eq!(core.reports()[0].state, StreamState::Matched);
    assert!(found.is_empty());
}

#[test]
fn bad_messages_are_counted_by_reason() {
    let mut core = core(1);
    swap(&mut core, model("anomaly", 1), &mut Vec::new());
    give(&mut core, "s", &row(0), &mut Vec::new());
    for (stream, payload) in
        [("s", "{"), ("s", "5"), ("a/b", "{}"), ("", "{}"), ("more", "{}"), ("s", "\u{1}")]
    {
        let origin = &Origin::Stream(stream.to_owned());
        let incoming = Incoming { origin, payload: payload.as_bytes(), arrival_ns: 0 };
        assert!(core.message(incoming, &mut |_| panic!("no result")).is_err());
    }
    let refused: Vec<(&str, u64)> = core.counts().refused.iter().map(|(a, b)| (*a, *b)).collect();
    assert_eq!(
        refused,
        [("not_json", 2), ("stream_name", 2), ("too_many_streams", 1), ("wrong_form", 1)]
    );
    let bad = r#"[{"t_ms":20,"accX":"x","accY":1},{"accX":1,"accY":1},{"t_ms":30,"accX":1}]"#;
    give(&mut core, "s", bad, &mut Vec::new());
    give(&mut core, "s", &row(9), &mut Vec::new());
    let dropped = core.dropped_samples();
    assert_eq!(dropped["bad_value"], 1);
    assert_eq!(dropped["no_event_time"], 1);
    assert_eq!(dropped["missing_value"], 1);
}

#[test]
fn windows_of_others_are_answered_by_the_model_that_was_meant() {
    let mut core = core(1);
    let digest = Digest::of(b"none");
    assert!(matches!(core.infer(digest, &[], 0), Err(InferError::Exchanged)));
    let ready = model("anomaly", 1);
    let (digest, golden) = (ready.artifact_sha256, golden("anomaly"));
    swap(&mut core, ready, &mut Vec::new());
    let windows: Vec<f32> = golden.iter().flat_map(|golden| golden.window.clone()).collect();
    let outputs = core.infer(digest, &windows, golden.len()).unwrap();
    let floats: Vec<f32> = golden.iter().flat_map(|golden| golden.floats.clone()).collect();
    assert_eq!(outputs.floats, floats);
    assert!(matches!(core.infer(digest, &windows, 1), Err(InferError::Engine(_))));
}
