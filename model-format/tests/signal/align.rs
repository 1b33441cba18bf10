//! Several rates: slower channels carried to the clock of the others.

use model_format::pipeline::Pipeline;
use serde_json::json;

use crate::replay::{MS, NAN, Row, pipeline, push, replay, stream, values};

fn two(method: &str, age_max_ms: u32, length: u32) -> Pipeline {
    let slow = json!({"name": "slow", "align": {"method": method, "age_max_ms": age_max_ms}});
    pipeline(json!({
        "channels": [{"name": "x"}, slow],
        "window": {"length_samples": length, "stride_samples": length},
    }))
}

/// Rows every 10 ms, `None` where the slow channel has no value.
fn rows(slow: &[Option<f32>]) -> Vec<Row> {
    let row = |(n, slow): (usize, &Option<f32>)| {
        (n as i64 * 10 * MS, vec![n as f32, slow.unwrap_or(NAN)])
    };
    slow.iter().enumerate().map(row).collect()
}

fn slow_values(windows: &[crate::replay::Kept]) -> Vec<f32> {
    windows.iter().flat_map(|w| w.values.chunks(2).map(|row| row[1])).collect()
}

#[test]
fn hold_carries_the_last_value_forward() {
    let rows = rows(&[Some(1.0), None, None, Some(4.0), None, None]);
    let (windows, counts) = replay(&two("hold", 100, 6), &rows);
    assert_eq!(slow_values(&windows), [1.0, 1.0, 1.0, 4.0, 4.0, 4.0]);
    assert_eq!(counts.drops.total(), 0);
}

#[test]
fn linear_draws_a_line_to_the_next_value() {
    let rows = rows(&[Some(1.0), None, None, Some(4.0), None, Some(0.0)]);
    let (windows, counts) = replay(&two("linear", 100, 6), &rows);
    assert_eq!(slow_values(&windows), [1.0, 2.0, 3.0, 4.0, 2.0, 0.0]);
    assert_eq!(counts.drops.total(), 0);
}

#[test]
fn rows_before_the_first_value_and_after_the_last_of_a_line_are_missing() {
    let rows = rows(&[None, None, Some(1.0), None, Some(3.0), None]);
    let (windows, counts) = replay(&two("linear", 100, 3), &rows);
    assert_eq!(values(&windows), [[2.0, 1.0, 3.0, 2.0, 4.0, 3.0]]);
    assert_eq!((counts.drops.missing_value, counts.rows), (3, 3));
}

#[test]
fn a_value_older_than_its_age_is_missing() {
    let slow = [Some(1.0), None, None, None, Some(5.0), None];
    for method in ["hold", "linear"] {
        let (_, counts) = replay(&two(method, 20, 3), &rows(&slow));
        let missing = if method == "hold" { 1 } else { 4 };
        assert_eq!(counts.drops.missing_value, missing, "{method}");
    }
}

#[test]
fn rows_do_not_wait_longer_than_the_age() {
    let pipeline = two("linear", 50, 1);
    let mut stream = stream(&pipeline);
    let mut windows = Vec::new();
    for row in rows(&[Some(1.0), None, None, None, None, None]) {
        push(&mut stream, &row, &mut windows);
    }
    assert_eq!(stream.drops().missing_value, 0);
    push(&mut stream, &(60 * MS, vec![6.0, NAN]), &mut windows);
    assert_eq!(stream.drops().missing_value, 6);
}

#[test]
fn a_slow_value_may_come_at_a_time_of_its_own() {
    let mut rows = rows(&[Some(1.0), None, None, None]);
    rows.insert(2, (15 * MS, vec![NAN, 4.0]));
    let (windows, counts) = replay(&two("hold", 100, 4), &rows);
    assert_eq!(slow_values(&windows), [1.0, 1.0, 4.0, 4.0]);
    assert_eq!((counts.rows, counts.joined, counts.drops.total()), (4, 1, 0));
    rows.push((45 * MS, vec![NAN, 10.0]));
    let (windows, counts) = replay(&two("linear", 100, 4), &rows);
    assert_eq!(slow_values(&windows), [1.0, 3.0, 5.0, 7.0]);
    assert_eq!((counts.rows, counts.joined, counts.drops.total()), (4, 2, 0));
}

#[test]
fn channels_given_one_by_one_are_aligned_alike() {
    let pipeline = two("linear", 100, 4);
    let mut stream = stream(&pipeline);
    let mut windows = Vec::<crate::replay::Kept>::new();
    let mut push = |time_ms: i64, channel, value| {
        stream.push_value(channel, Some(time_ms * MS), 0, value, &mut |w| windows.push(w.into()));
    };
    for (time_ms, channel, value) in
        [(0, 0, 0.0), (0, 1, 1.0), (10, 0, 1.0), (15, 1, 4.0), (20, 0, 2.0), (30, 0, 3.0)]
    {
        push(time_ms, channel, value);
    }
    push(35, 1, 8.0);
    push(40, 0, 4.0);
    stream.finish(&mut |w| windows.push(w.into()));
    assert_eq!(slow_values(&windows), [1.0, 3.0, 5.0, 7.0]);
    assert_eq!(stream.drops().total(), 1);
}

#[test]
fn two_slow_channels_wait_for_each_other() {
    let slow = |name: &str| json!({"name": name, "align": {"method": "linear", "age_max_ms": 100}});
    let pipeline = pipeline(json!({
        "channels": [{"name": "x"}, slow("a"), slow("b")],
        "window": {"length_samples": 5, "stride_samples": 5},
    }));
    let a = [Some(0.0), None, Some(2.0), None, Some(4.0)];
    let b = [Some(0.0), None, None, None, Some(8.0)];
    let rows: Vec<Row> = (0..5)
        .map(|n| (n as i64 * 10 * MS, vec![0.0, a[n].unwrap_or(NAN), b[n].unwrap_or(NAN)]))
        .collect();
    let (windows, counts) = replay(&pipeline, &rows);
    let expected: Vec<f32> = (0..5).flat_map(|n| [0.0, n as f32, 2.0 * n as f32]).collect();
    assert_eq!(values(&windows), [expected]);
    assert_eq!(counts.drops.total(), 0);
}
