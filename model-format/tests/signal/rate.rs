//! The rate: measured, judged, refused.

use serde_json::json;

use crate::replay::{Row, numbered, pipeline, push, replay, stream, values};

/// `count` rows at `hz`, from `start_ns` on.
fn at_rate(hz: f64, start_ns: i64, count: i64) -> Vec<Row> {
    (0..count).map(|n| (start_ns + (n as f64 * 1e9 / hz).round() as i64, vec![n as f32])).collect()
}

#[test]
fn a_rate_within_the_tolerance_is_kept_and_one_outside_is_refused() {
    let window = json!({"length_samples": 40, "stride_samples": 40});
    let pipeline = pipeline(json!({ "window": window }));
    for (hz, kept) in [(100.0, true), (95.1, true), (104.9, true), (94.9, false), (105.1, false)] {
        let mut stream = stream(&pipeline);
        let mut windows = Vec::new();
        for row in at_rate(hz, 0, 200) {
            push(&mut stream, &row, &mut windows);
        }
        assert_eq!(windows.len(), if kept { 5 } else { 0 }, "{hz}");
        let measured_hz = stream.measured_hz().unwrap();
        assert!((measured_hz - hz).abs() < 1e-3, "{measured_hz}");
        assert_eq!(stream.drops().rate, if kept { 0 } else { 198 });
    }
}

#[test]
fn tolerance_zero_accepts_what_only_rounding_to_nanoseconds_changed() {
    let rate = json!({"fixed": {"hz": 333.333, "tolerance": 0.0}});
    let window = json!({"length_samples": 40, "stride_samples": 40});
    let pipeline = pipeline(json!({ "rate": rate, "window": window }));
    let (windows, counts) = replay(&pipeline, &at_rate(333.333, 7, 4_000));
    assert_eq!((windows.len(), counts.drops.total()), (100, 0));
    let (windows, _) = replay(&pipeline, &at_rate(333.334, 7, 4_000));
    assert_eq!(windows.len(), 0);
}

#[test]
fn single_jittered_intervals_are_tolerated() {
    let jitter = [0, 2, -2, 2, -1, 2, 0, -2];
    let times = (0..400).map(|n| n * 10 + jitter[n as usize % 8]);
    let (windows, counts) = replay(&pipeline(json!({})), &numbered(times));
    assert_eq!((windows.len(), counts.drops.total()), (100, 0));
}

#[test]
fn a_change_of_the_rate_ends_the_segment() {
    let window = json!({"length_samples": 40, "stride_samples": 40});
    let pipeline = pipeline(json!({ "window": window }));
    let mut rows = at_rate(100.0, 0, 400);
    rows.extend(at_rate(200.0, rows.last().unwrap().0 + 5_000_000, 400));
    rows.extend(at_rate(100.0, rows.last().unwrap().0 + 10_000_000, 400));
    let (windows, counts) = replay(&pipeline, &rows);
    // 400 rows make 10 windows; the fast rows make none; the rate is found again within 66 rows.
    assert!(windows[..10].iter().all(|w| w.segment_start_ns == 0));
    assert!(windows.len() >= 18, "{}", windows.len());
    let back_ns = rows[799].0;
    assert!(windows[10..].iter().all(|w| w.segment_start_ns >= back_ns));
    assert!((350..=430).contains(&counts.drops.rate), "{counts:?}");
}

#[test]
fn a_stream_that_becomes_slower_is_refused_instead_of_filled_for_ever() {
    let gap = json!({"fill": "hold", "max_samples": 2});
    let mut rows = at_rate(100.0, 0, 100);
    rows.extend(at_rate(50.0, rows.last().unwrap().0 + 20_000_000, 200));
    let (_, counts) = replay(&pipeline(json!({ "gap": gap })), &rows);
    assert_eq!(counts.filled, 7);
    assert_eq!(counts.drops.rate, 193);
}

#[test]
fn a_short_recording_is_judged_by_the_intervals_it_has() {
    let (windows, counts) = replay(&pipeline(json!({})), &at_rate(100.0, 0, 4));
    assert_eq!((values(&windows).len(), counts.drops.total()), (1, 0));
    let (windows, counts) = replay(&pipeline(json!({})), &at_rate(50.0, 0, 4));
    assert_eq!((values(&windows).len(), counts.drops.rate), (0, 4));
    let one = json!({"length_samples": 1, "stride_samples": 1});
    let (windows, _) = replay(&pipeline(json!({ "window": one })), &at_rate(100.0, 0, 1));
    assert_eq!(windows.len(), 1);
}

#[test]
fn a_window_needs_no_more_rows_than_its_own_before_it_leaves() {
    for length in [9, 20, 33, 100] {
        let window = json!({"length_samples": length, "stride_samples": length});
        let pipeline = pipeline(json!({ "window": window }));
        let mut stream = stream(&pipeline);
        let mut windows = Vec::new();
        for row in at_rate(100.0, 0, length) {
            push(&mut stream, &row, &mut windows);
        }
        assert_eq!(windows.len(), 1, "{length}");
    }
}
