//! Rows without a rate: cycles and irregular readings.

use model_format::signal::stream::Sample;
use serde_json::json;

use crate::replay::{Kept, MS, NAN, Row, finish, numbered, pipeline, replay, stream, values};

fn rowwise(gap: serde_json::Value, length: u32) -> model_format::pipeline::Pipeline {
    let window = json!({"length_samples": length, "stride_samples": length});
    pipeline(json!({"rate": "none", "gap": gap, "window": window}))
}

fn untimed(pipeline: &model_format::pipeline::Pipeline, values: &[f32]) -> (Vec<Kept>, u64) {
    let mut stream = stream(pipeline);
    let mut windows = Vec::<Kept>::new();
    for value in values {
        let sample = Sample { event_ns: None, arrival_ns: 0, values: &[*value] };
        stream.push(sample, &mut |window| windows.push(window.into()));
    }
    finish(&mut stream, &mut windows);
    (windows, stream.drops().missing_value)
}

#[test]
fn rows_without_a_time_are_counted() {
    let (windows, _) = untimed(&rowwise(json!({}), 1), &[5.0, 6.0, 7.0]);
    assert_eq!(values(&windows), [[5.0], [6.0], [7.0]]);
    let times: Vec<_> = windows.iter().map(|w| (w.segment_start_ns, w.index, w.start_ns)).collect();
    assert_eq!(times, [(0, 0, 0), (0, 1, 1), (0, 2, 2)]);
}

#[test]
fn a_missing_value_ends_the_segment_of_rows() {
    let (windows, missing) = untimed(&rowwise(json!({}), 1), &[5.0, NAN, 7.0]);
    assert_eq!(values(&windows), [[5.0], [7.0]]);
    assert_eq!(windows[1].segment_start_ns, 2);
    assert_eq!(missing, 1);
}

#[test]
fn missing_rows_are_filled_where_the_pipeline_says_so() {
    let gap = json!({"fill": "linear", "max_samples": 1});
    let (windows, missing) = untimed(&rowwise(gap, 3), &[5.0, NAN, 7.0, NAN, NAN, 8.0]);
    assert_eq!(values(&windows), [[5.0, 6.0, 7.0]]);
    assert_eq!((windows[0].start_ns, windows[0].end_ns, missing), (0, 2, 3));
}

#[test]
fn irregular_times_are_no_gaps() {
    let rows = numbered([0, 1, 500, 501, 10_000_000, 10_000_003]);
    let (windows, counts) = replay(&rowwise(json!({}), 3), &rows);
    assert_eq!(values(&windows), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    assert_eq!(windows[1].end_ns, 10_000_003 * MS);
    assert_eq!(counts.drops.total(), 0);
}

#[test]
fn rows_further_apart_than_allowed_begin_a_segment() {
    let rows = numbered([0, 10, 20, 30, 41, 51, 61, 71]);
    let (windows, counts) = replay(&rowwise(json!({"interval_max_ms": 10}), 3), &rows);
    assert_eq!(values(&windows), [[0.0, 1.0, 2.0], [4.0, 5.0, 6.0]]);
    assert_eq!(windows[1].segment_start_ns, 41 * MS);
    assert_eq!(counts.drops.total(), 0);
    // Rows that are counted have no time between them.
    let (windows, _) = untimed(&rowwise(json!({"interval_max_ms": 1}), 2), &[1.0, 2.0]);
    assert_eq!(windows.len(), 1);
}

#[test]
fn rows_with_and_without_a_time_are_never_mixed() {
    let pipeline = rowwise(json!({}), 1);
    for first_has_time in [true, false] {
        let mut stream = stream(&pipeline);
        for n in 0..4 {
            let event_ns = ((n % 2 == 0) == first_has_time).then_some(n);
            let sample = Sample { event_ns, arrival_ns: 0, values: &[0.0] };
            stream.push(sample, &mut |_| {});
        }
        assert_eq!((stream.counts().rows, stream.drops().no_event_time), (2, 2));
    }
}

#[test]
fn rows_are_ordered_within_the_lateness_too() {
    let mut pipeline = rowwise(json!({}), 3);
    pipeline.lateness_ms = 10;
    let rows: Vec<Row> = [3, 1, 2].map(|t| (t * MS, vec![t as f32])).to_vec();
    let (windows, _) = replay(&pipeline, &rows);
    assert_eq!(values(&windows), [[1.0, 2.0, 3.0]]);
}
