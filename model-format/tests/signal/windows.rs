//! Windows: which samples of a segment they hold.

use serde_json::json;

use crate::replay::{Kept, MS, numbered, pipeline, replay, values};

#[test]
fn window_k_holds_the_samples_from_k_strides_on() {
    for (length, stride) in [(4, 4), (4, 1), (4, 3), (4, 9), (1, 1), (1, 3), (700, 1), (3, 48)] {
        let window = json!({"length_samples": length, "stride_samples": stride});
        let rows = numbered((0..2_000).map(|n| 50 + n * 10));
        let (windows, counts) = replay(&pipeline(json!({ "window": window })), &rows);
        let count = (2_000 - length) / stride + 1;
        assert_eq!(windows.len(), count, "{length} {stride}");
        for (k, window) in windows.iter().enumerate() {
            let samples = k * stride..k * stride + length;
            let expected = Kept {
                values: samples.clone().map(|n| n as f32).collect(),
                segment_start_ns: 50 * MS,
                index: k as u64,
                start_ns: (50 + 10 * samples.start as i64) * MS,
                end_ns: (50 + 10 * (samples.end as i64 - 1)) * MS,
            };
            assert_eq!(*window, expected);
        }
        assert_eq!(counts.rows, 2_000);
        assert_eq!(counts.drops.total(), 0);
    }
}

#[test]
fn values_lie_time_major() {
    let two = json!({
        "channels": [{"name": "x"}, {"name": "y"}],
        "window": {"length_samples": 2, "stride_samples": 2},
    });
    let rows = [(0, vec![1.0, 10.0]), (10 * MS, vec![2.0, 20.0])];
    let (windows, _) = replay(&pipeline(two), &rows);
    assert_eq!(values(&windows), [[1.0, 10.0, 2.0, 20.0]]);
}

#[test]
fn a_segment_shorter_than_a_window_gives_none() {
    let (windows, counts) = replay(&pipeline(json!({})), &numbered([0, 10, 20]));
    assert_eq!(windows, []);
    assert_eq!(counts.rows, 3);
}
