//! Gaps: missing samples, missing values, and how they are filled.

use serde_json::json;

use crate::replay::{MS, NAN, Row, numbered, pipeline, replay, values};

fn filled(fill: &str, max_samples: u32) -> model_format::pipeline::Pipeline {
    let window = json!({"length_samples": 8, "stride_samples": 8});
    pipeline(json!({"gap": {"fill": fill, "max_samples": max_samples}, "window": window}))
}

#[test]
fn an_interval_of_one_and_a_half_periods_ends_the_segment_and_a_shorter_one_does_not() {
    let times = [0, 10, 20, 30, 40, 53, 60, 70];
    let (windows, _) = replay(&pipeline(json!({})), &numbered(times));
    assert_eq!(values(&windows), [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]);
    let times = [0, 10, 20, 30, 40, 50, 65, 75, 85, 95];
    let (windows, counts) = replay(&pipeline(json!({})), &numbered(times));
    assert_eq!(values(&windows), [[0.0, 1.0, 2.0, 3.0], [6.0, 7.0, 8.0, 9.0]]);
    assert_eq!(windows[1].segment_start_ns, 65 * MS);
    assert_eq!(windows[1].index, 0);
    assert_eq!(counts.rows, 10);
}

#[test]
fn a_short_gap_is_filled_by_holding() {
    let rows: Vec<Row> =
        [0, 10, 20, 30, 60, 70].map(|t| (t * MS, vec![t as f32])).into_iter().collect();
    let (windows, counts) = replay(&filled("hold", 2), &rows);
    assert_eq!(values(&windows), [[0.0, 10.0, 20.0, 30.0, 30.0, 30.0, 60.0, 70.0]]);
    assert_eq!((counts.rows, counts.filled), (6, 2));
}

#[test]
fn a_short_gap_is_filled_by_a_straight_line() {
    let rows: Vec<Row> =
        [0, 10, 20, 30, 60, 70].map(|t| (t * MS, vec![t as f32])).into_iter().collect();
    let (windows, counts) = replay(&filled("linear", 2), &rows);
    assert_eq!(values(&windows), [[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]]);
    assert_eq!((counts.rows, counts.filled), (6, 2));
}

#[test]
fn a_gap_longer_than_allowed_is_not_filled() {
    let times = [0, 10, 20, 30, 40, 50, 60, 90, 100];
    let (windows, counts) = replay(&filled("hold", 1), &numbered(times));
    assert_eq!((windows.len(), counts.filled), (0, 0));
}

#[test]
fn how_many_samples_are_missing_is_rounded() {
    for (gap_ms, missing) in [(23, 1), (26, 2), (34, 2)] {
        let times = (0..10).map(|n| n * 10).chain((0..10).map(|n| 90 + gap_ms + n * 10));
        let (_, counts) = replay(&filled("hold", 4), &numbered(times));
        assert_eq!(counts.filled, missing, "{gap_ms} ms");
    }
}

#[test]
fn a_row_with_a_missing_value_is_a_gap() {
    for broken in [NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut rows = numbered((0..9).map(|n| n * 10));
        rows[4].1[0] = broken;
        let (windows, counts) = replay(&pipeline(json!({})), &rows);
        assert_eq!(values(&windows), [[0.0, 1.0, 2.0, 3.0], [5.0, 6.0, 7.0, 8.0]]);
        assert_eq!(counts.drops.missing_value, 1);
        let (windows, counts) = replay(&filled("linear", 1), &rows);
        assert_eq!(values(&windows), [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]);
        assert_eq!((counts.drops.missing_value, counts.filled), (1, 1));
    }
}

#[test]
fn one_missing_channel_makes_the_whole_row_a_gap() {
    let two = json!({
        "channels": [{"name": "x"}, {"name": "y"}],
        "window": {"length_samples": 3, "stride_samples": 3},
        "gap": {"fill": "hold", "max_samples": 1},
    });
    let mut rows: Vec<Row> = (0..6).map(|n| (n * 10 * MS, vec![n as f32, n as f32])).collect();
    rows[1].1[1] = NAN;
    let (windows, counts) = replay(&pipeline(two), &rows);
    assert_eq!(windows[0].values, [0.0, 0.0, 0.0, 0.0, 2.0, 2.0]);
    assert_eq!(counts.drops.missing_value, 1);
}

#[test]
fn filling_tiny_and_huge_values_stays_finite() {
    let rows = [(0, vec![f32::MAX]), (10 * MS, vec![f32::MAX]), (30 * MS, vec![f32::MIN])];
    let window = json!({"length_samples": 4, "stride_samples": 4});
    let gap = json!({"fill": "linear", "max_samples": 1});
    let (windows, _) = replay(&pipeline(json!({"window": window, "gap": gap})), &rows);
    assert_eq!(values(&windows), [[f32::MAX, f32::MAX, 0.0, f32::MIN]]);
}
