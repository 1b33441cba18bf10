//! Steps against NumPy, SciPy and pandas (`tests/reference/repair.py`), and against what they refuse.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::recording::{LabelSpan, RecordedChannel, Role};

fn reference() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/repair.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn floats(values: &Value) -> Vec<f32> {
    let value = |value: &Value| value.as_f64().map_or(f32::NAN, |value| value as f32);
    values.as_array().unwrap().iter().map(value).collect()
}

fn times(values: &Value) -> Vec<i64> {
    values.as_array().unwrap().iter().map(|value| value.as_i64().unwrap()).collect()
}

fn recording(name: &str, time_ns: Vec<i64>, values: Vec<f32>) -> Recording {
    let channel = RecordedChannel { name: "x".to_owned(), unit: None, role: Role::Input, values };
    Recording {
        name: name.to_owned(),
        channels: vec![channel],
        time_ns,
        absolute_time: true,
        rate_hz: None,
        labels: Vec::new(),
        label_sets: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

fn every_ms(rows: usize) -> Vec<i64> {
    (0..rows as i64).map(|row| row * 1_000_000).collect()
}

fn span(from_row: u64, to_row: u64, class: &str) -> LabelSpan {
    LabelSpan { from_row, to_row, class: class.to_owned() }
}

fn apply(step: Value, recordings: Vec<Recording>) -> Result<Recording, StepError> {
    let step: Step = serde_json::from_value(step).unwrap();
    let mut made = step.apply(recordings, &mut Notes::new())?;
    assert_eq!(made.len(), 1);
    Ok(made.remove(0))
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= tolerance;
        assert!(same, "row {row}: {found} is not {expected}");
    }
}

#[test]
fn a_lower_rate_is_filtered_as_scipy_filters_it_up_to_both_ends() {
    for case in reference()["decimated"].as_array().unwrap() {
        let values = floats(&case["input"]);
        let recording =
            Recording { rate_hz: Some(1000.0), ..recording("a", every_ms(values.len()), values) };
        let step = json!({ "step": "resample", "rate_hz": case["rate_hz"], "method": "linear" });
        let made = apply(step, vec![recording]).unwrap();
        // The kernel's table is off by up to 1e-5.
        assert_close(&made.channels[0].values, &floats(&case["output"]), 3e-5);
        assert_eq!(made.rate_hz, case["rate_hz"].as_f64());
    }
}

#[test]
fn irregular_rows_are_interpolated_held_and_averaged_as_numpy_and_pandas_do() {
    let case = &reference()["irregular"];
    for (method, rate_hz, expected) in [
        ("linear", 250.0, "linear_250_hz"),
        ("previous", 250.0, "previous_250_hz"),
        ("mean", 20.0, "mean_20_hz"),
    ] {
        let recording = recording("a", times(&case["time_ns"]), floats(&case["input"]));
        let step =
            json!({ "step": "resample", "rate_hz": rate_hz, "method": method, "gap_max_ms": 20 });
        let made = apply(step, vec![recording]).unwrap();
        assert_close(&made.channels[0].values, &floats(&case[expected]), 1e-6);
    }
}

#[test]
fn a_mean_and_a_held_value_take_the_row_at_their_time_and_not_the_one_at_the_next() {
    for (method, expected) in [("mean", [1.5, 5.5, 8.5]), ("previous", [0.0, 4.0, 8.0])] {
        let rows = (0..10).map(|row| row as f32).collect();
        let recording = Recording { rate_hz: Some(1000.0), ..recording("a", every_ms(10), rows) };
        let step = json!({ "step": "resample", "rate_hz": 250, "method": method });
        assert_eq!(apply(step, vec![recording]).unwrap().channels[0].values, expected);
    }
}

#[test]
fn a_gap_and_a_missing_value_are_not_bridged_and_labels_stay_at_their_times() {
    let mut time_ns = every_ms(100);
    time_ns.iter_mut().skip(50).for_each(|time| *time += 20_000_000);
    let mut values: Vec<f32> = (0..100).map(|row| row as f32).collect();
    values[20] = f32::NAN;
    let mut recording = Recording { rate_hz: Some(1000.0), ..recording("a", time_ns, values) };
    recording.labels = vec![span(0, 50, "low"), span(50, 100, "high")];
    recording.label_sets = BTreeMap::from([("wear".to_owned(), vec![span(10, 60, "worn")])]);
    let step = json!({ "step": "resample", "rate_hz": 2000, "method": "linear" });
    let made = apply(step, vec![recording]).unwrap();
    assert_eq!((made.rows(), made.time_ns[98], made.time_ns[99]), (198, 49_000_000, 70_000_000));
    let values = &made.channels[0].values;
    assert_eq!((values[37], values[98], values[99], values[100]), (18.5, 49.0, 50.0, 50.5));
    assert!(values[39..42].iter().all(|value| value.is_nan()), "{:?}", &values[36..44]);
    assert_eq!(made.labels, [span(0, 99, "low"), span(99, 198, "high")]);
    assert_eq!(made.label_sets["wear"], [span(20, 119, "worn")]);
}

#[test]
fn recordings_are_joined_as_pandas_joins_them_and_few_rows_must_be_accepted() {
    let case = &reference()["joined"];
    let numbers = |count: usize| (0..count).map(|number| number as f32).collect::<Vec<_>>();
    let both = || {
        let (left, right) = (times(&case["left_ns"]), times(&case["right_ns"]));
        let mut a = recording("a", left.clone(), numbers(left.len()));
        a.labels = vec![span(0, 25, "first"), span(25, 50, "second")];
        let mut b = recording("b", right.clone(), numbers(right.len()));
        b.channels[0].name = "b".to_owned();
        vec![a, b]
    };
    let made = apply(json!({ "step": "join", "tolerance_ms": 15 }), both()).unwrap();
    assert_eq!(made.channels[0].values, floats(&case["a"]));
    assert_eq!(made.channels[1].values, floats(&case["b"]));
    let first = made.channels[0].values.iter().filter(|&&row| row < 25.0).count() as u64;
    let rows = made.rows() as u64;
    assert_eq!(made.labels, [span(0, first, "first"), span(first, rows, "second")]);

    let refused = apply(json!({ "step": "join", "tolerance_ms": 1 }), both()).unwrap_err();
    assert!(refused.reason.contains("fewer than half"), "{}", refused.reason);
    let few = json!({ "step": "join", "tolerance_ms": 1, "accept_few_rows": true });
    assert!(2 * apply(few, both()).unwrap().rows() < 50);
    let mut same = both();
    same[1].channels[0].name = "x".to_owned();
    let join = json!({ "step": "join", "tolerance_ms": 15 });
    assert_eq!(apply(join, same.clone()).unwrap_err().field, "name_by_recording");
    let join = json!({ "step": "join", "tolerance_ms": 15, "name_by_recording": true });
    assert_eq!(apply(join, same).unwrap().channels[1].name, "b.x");
    let relative = both().into_iter().map(|one| Recording { absolute_time: false, ..one });
    let join = json!({ "step": "join", "tolerance_ms": 15 });
    assert_eq!(apply(join, relative.collect()).unwrap_err().field, "same_start");
}

#[test]
fn short_runs_are_filled_as_pandas_fills_them_and_long_ones_stay() {
    let case = &reference()["filled"];
    for method in ["linear", "previous"] {
        let values = floats(&case["input"]);
        let step =
            json!({ "step": "fill", "method": method, "gap_max_rows": case["gap_max_rows"] });
        let made = apply(step, vec![recording("a", every_ms(values.len()), values)]).unwrap();
        assert_close(&made.channels[0].values, &floats(&case[method]), 1e-6);
    }
}

#[test]
fn units_are_converted_by_their_definitions() {
    for (from, to, value, expected) in [
        ("g", "m/s2", 2.0, 19.6133),
        ("m/s²", "g", 9.80665, 1.0),
        ("°F", "°C", 212.0, 100.0),
        ("Cel", "K", -40.0, 233.15),
        ("°C", "°F", -40.0, -40.0),
        ("psi", "bar", 14.503_774, 1.0),
        ("rpm", "Hz", 1500.0, 25.0),
        ("Hz", "rad/s", 1.0, std::f32::consts::TAU),
        ("in/s", "mm/s", 1.0, 25.4),
        ("deg", "rad", 180.0, std::f32::consts::PI),
    ] {
        let mut one = recording("a", vec![0], vec![value]);
        one.channels[0].unit = Some(from.to_owned());
        let step = json!({ "step": "convert", "channel": "x", "to": to });
        let made = apply(step, vec![one.clone()]).unwrap();
        assert_close(&made.channels[0].values, &[expected], 1e-5 * expected.abs());
        assert_eq!(made.channels[0].unit.as_deref(), Some(to));
        let other = json!({ "step": "convert", "channel": "x", "to": "lbf" });
        assert_eq!(apply(other, vec![one.clone()]).unwrap_err().field, "to");
        let said = json!({ "step": "convert", "channel": "x", "from": "kW", "to": "W" });
        assert_eq!(apply(said, vec![one]).unwrap_err().field, "from");
    }
    let step = json!({ "step": "convert", "channel": "x", "to": "W" });
    let refused = apply(step, vec![recording("a", vec![0], vec![0.0])]).unwrap_err();
    assert_eq!(refused.field, "from");
}

#[test]
fn a_part_is_cut_out_with_its_labels_and_parts_are_put_together_again() {
    let mut whole = recording("a", every_ms(100), (0..100).map(|row| row as f32).collect());
    whole.labels = vec![span(0, 30, "idle"), span(40, 80, "run")];
    let cut = |step: Value| apply(step, vec![whole.clone()]);
    let first = cut(json!({ "step": "cut", "to_s": 0.05 })).unwrap();
    let second = cut(json!({ "step": "cut", "from_row": 50 })).unwrap();
    assert_eq!((first.rows(), second.rows()), (50, 50));
    assert_eq!(first.labels, [span(0, 30, "idle"), span(40, 50, "run")]);
    assert_eq!(second.labels, [span(0, 30, "run")]);
    let put = apply(json!({ "step": "concatenate" }), vec![second, first.clone()]).unwrap();
    assert_eq!((&put.time_ns, &put.channels), (&whole.time_ns, &whole.channels));
    assert_eq!(put.labels, [span(0, 30, "idle"), span(40, 50, "run"), span(50, 80, "run")]);
    let overlapping = vec![whole.clone(), first.clone()];
    let refused = apply(json!({ "step": "concatenate" }), overlapping).unwrap_err();
    assert!(refused.reason.contains("before the one before it ends"), "{}", refused.reason);
    let relative = Recording { absolute_time: false, rate_hz: Some(1000.0), ..first };
    let two = || vec![relative.clone(), relative.clone()];
    let refused = apply(json!({ "step": "concatenate" }), two()).unwrap_err();
    assert_eq!(refused.field, "pause_s");
    let refused = apply(json!({ "step": "concatenate", "pause_s": 0.001 }), two()).unwrap_err();
    assert!(refused.reason.contains("windows"), "{}", refused.reason);
    let put = apply(json!({ "step": "concatenate", "pause_s": 1 }), two()).unwrap();
    assert_eq!(put.time_ns[50], 49_000_000 + 1_000_000_000);
    assert_eq!(cut(json!({ "step": "cut", "from_row": 100 })).unwrap_err().field, "from_row");
    assert_eq!(cut(json!({ "step": "cut" })).unwrap_err().field, "from_row");
    assert_eq!(
        cut(json!({ "step": "cut", "from_row": 1, "to_s": 1 })).unwrap_err().field,
        "from_s"
    );
}

#[test]
fn channels_are_chosen_and_renamed_and_a_wrong_name_is_refused_with_the_nearest() {
    let mut two = recording("a", vec![0], vec![1.0]);
    two.channels.push(RecordedChannel { name: "accY".to_owned(), ..two.channels[0].clone() });
    let chosen = json!({ "step": "select", "channels": ["accY"] });
    assert_eq!(apply(chosen, vec![two.clone()]).unwrap().channels[0].name, "accY");
    let renamed = json!({ "step": "rename", "channel": "x", "name": "accX" });
    assert_eq!(apply(renamed, vec![two.clone()]).unwrap().channels[0].name, "accX");
    for (step, field) in [
        (json!({ "step": "select", "channels": ["accZ"] }), "channels"),
        (json!({ "step": "select", "channels": [] }), "channels"),
        (json!({ "step": "select", "channels": ["x", "x"] }), "channels"),
        (json!({ "step": "rename", "channel": "x", "name": "accY" }), "name"),
        (json!({ "step": "rename", "channel": "x", "name": "" }), "name"),
    ] {
        let refused = apply(step, vec![two.clone()]).unwrap_err();
        assert_eq!(refused.field, field, "{}", refused.reason);
    }
    let unknown = json!({ "step": "select", "channels": [], "chanels": [] });
    assert!(serde_json::from_value::<Step>(unknown).is_err());
}

#[test]
fn more_samples_than_a_repair_may_hold_are_refused_before_they_are_made() {
    let two =
        Recording { rate_hz: Some(1.0), ..recording("a", vec![0, 1_000_000_000], vec![0.0; 2]) };
    let step = json!({ "step": "resample", "rate_hz": 1e9, "method": "linear" });
    let refused = apply(step, vec![two]).unwrap_err();
    assert!(
        refused.field == "rate_hz" && refused.reason.contains("1024 MiB"),
        "{}",
        refused.reason
    );
    let back = recording("a", vec![0, 5, 5], vec![0.0; 3]);
    let step = json!({ "step": "resample", "rate_hz": 10, "method": "mean", "gap_max_ms": 1 });
    let refused = apply(step, vec![back]).unwrap_err();
    assert!(refused.reason.contains("row 2"), "{}", refused.reason);
}
