//! Time and order: lateness, duplicates, clocks that jump.

use model_format::signal::stream::{Counts, Sample};
use serde_json::json;

use crate::replay::{Kept, MS, NAN, Row, finish, numbered, pipeline, push, replay, stream, values};

#[test]
fn samples_within_the_lateness_are_put_in_order() {
    let times = [0, 20, 10, 40, 30, 70, 60, 50];
    let rows: Vec<Row> = times.iter().map(|t| (t * MS, vec![*t as f32])).collect();
    let (windows, counts) = replay(&pipeline(json!({"lateness_ms": 20})), &rows);
    assert_eq!(values(&windows), [[0.0, 10.0, 20.0, 30.0], [40.0, 50.0, 60.0, 70.0]]);
    assert_eq!(counts.drops.total(), 0);
}

#[test]
fn samples_beyond_the_lateness_are_dropped_and_counted() {
    let rows = numbered([0, 10, 30, 9, 20, 40]);
    let (windows, counts) = replay(&pipeline(json!({"lateness_ms": 20})), &rows);
    assert_eq!(values(&windows), [[0.0, 1.0, 4.0, 2.0]]);
    assert_eq!((counts.drops.late, counts.rows), (1, 5));
    let (_, counts) = replay(&pipeline(json!({})), &rows);
    assert_eq!((counts.drops.late, counts.rows), (2, 4));
}

#[test]
fn a_second_sample_of_the_same_time_is_dropped_and_counted() {
    for lateness_ms in [0, 50] {
        let rows = numbered([0, 10, 10, 20, 30, 30]);
        let (windows, counts) = replay(&pipeline(json!({ "lateness_ms": lateness_ms })), &rows);
        assert_eq!(values(&windows), [[0.0, 1.0, 3.0, 4.0]]);
        assert_eq!(counts.drops.duplicate, 2);
    }
}

#[test]
fn a_sample_without_event_time_never_gets_its_arrival_time() {
    let pipeline = pipeline(json!({}));
    let mut stream = stream(&pipeline);
    let mut windows = Vec::<Kept>::new();
    for n in 0..8 {
        let event_ns = (n != 2).then_some(n * 10 * MS);
        let sample = Sample { event_ns, arrival_ns: n * 10 * MS, values: &[n as f32] };
        stream.push(sample, &mut |window| windows.push(window.into()));
    }
    finish(&mut stream, &mut windows);
    assert_eq!(values(&windows), [[3.0, 4.0, 5.0, 6.0]]);
    assert_eq!(stream.drops().no_event_time, 1);
}

#[test]
fn under_arrival_the_event_time_plays_no_part() {
    let pipeline = pipeline(json!({"time": "arrival"}));
    let mut stream = stream(&pipeline);
    let mut windows = Vec::<Kept>::new();
    for n in 0..4 {
        let event_ns = (n == 1).then_some(77);
        let sample = Sample { event_ns, arrival_ns: n * 10 * MS, values: &[n as f32] };
        stream.push(sample, &mut |window| windows.push(window.into()));
    }
    finish(&mut stream, &mut windows);
    assert_eq!(values(&windows), [[0.0, 1.0, 2.0, 3.0]]);
    assert_eq!(windows[0].end_ns, 30 * MS);
}

/// Windows and counts of samples that arrive at these times, in milliseconds.
fn arriving(lateness_ms: u32, times_ms: &[i64]) -> (Vec<Kept>, Counts) {
    let pipeline = pipeline(json!({"time": "arrival", "lateness_ms": lateness_ms}));
    let mut stream = stream(&pipeline);
    let mut windows = Vec::<Kept>::new();
    for (n, time_ms) in times_ms.iter().enumerate() {
        let sample = Sample { event_ns: None, arrival_ns: time_ms * MS, values: &[n as f32] };
        stream.push(sample, &mut |window| windows.push(window.into()));
    }
    finish(&mut stream, &mut windows);
    (windows, stream.counts().clone())
}

#[test]
fn samples_that_arrive_together_are_kept_in_their_order() {
    let times: Vec<i64> = (0..60).map(|n| n / 5 * 50).collect();
    let (windows, counts) = arriving(50, &times);
    assert_eq!((windows.len(), counts.rows, counts.drops.total()), (15, 60, 0));
    assert_eq!(windows[14].values, [56.0, 57.0, 58.0, 59.0]);
    assert_eq!(windows[0].segment_start_ns, 0);
}

#[test]
fn a_delivery_that_stalls_within_the_lateness_is_no_gap_and_beyond_it_is_one() {
    let stalled = |until_ms: i64| {
        (0..60).map(move |n| if (20..30).contains(&n) { until_ms.max(n * 10) } else { n * 10 })
    };
    let (windows, _) = arriving(80, &stalled(270).collect::<Vec<_>>());
    assert!(windows.iter().all(|window| window.segment_start_ns == 0));
    assert_eq!(windows.len(), 15);
    let (windows, _) = arriving(20, &stalled(290).collect::<Vec<_>>());
    assert!(windows.iter().any(|window| window.segment_start_ns > 0));
}

#[test]
fn a_wrong_number_of_values_is_dropped_and_counted() {
    let mut stream = stream(&pipeline(json!({})));
    for values in [&[][..], &[1.0, 2.0][..]] {
        let sample = Sample { event_ns: Some(0), arrival_ns: 0, values };
        stream.push(sample, &mut |_| panic!("no window"));
    }
    stream.push_value(1, Some(0), 0, 1.0, &mut |_| panic!("no window"));
    assert_eq!(stream.drops().wrong_width, 3);
}

#[test]
fn a_clock_that_jumps_forward_starts_a_segment() {
    let rows = numbered((0..4).map(|n| n * 10).chain((0..4).map(|n| 3_600_000 + n * 10)));
    let (windows, _) = replay(&pipeline(json!({})), &rows);
    assert_eq!(values(&windows), [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]);
    assert_eq!(windows[1].segment_start_ns, 3_600_000 * MS);
}

#[test]
fn a_clock_set_far_back_is_followed_after_32_samples() {
    let hour = 3_600_000;
    let rows = numbered((0..8).map(|n| hour + n * 10).chain((0..40).map(|n| n * 10)));
    let (windows, counts) = replay(&pipeline(json!({})), &rows);
    assert_eq!(counts.drops.late, 32);
    assert_eq!(windows.len(), 4);
    assert_eq!(windows[2].segment_start_ns, 320 * MS);
    assert_eq!(windows[2].values, [40.0, 41.0, 42.0, 43.0]);
}

#[test]
fn one_stray_time_in_the_future_costs_its_segment_and_32_samples() {
    let year = 365 * 86_400_000;
    let times = (0..8).map(|n| n * 10).chain([year]).chain((8..60).map(|n| n * 10));
    let (windows, counts) = replay(&pipeline(json!({})), &numbered(times));
    assert_eq!(counts.drops.late, 32);
    assert_eq!((counts.rows, windows.len()), (8 + 1 + 20, 2 + 5));
}

#[test]
fn a_repeated_delivery_does_not_look_like_a_clock_set_back() {
    let times = (0..200).map(|n| n * 10).chain((0..200).map(|n| n * 10));
    let (windows, counts) = replay(&pipeline(json!({})), &numbered(times));
    // The last sample is repeated at its own time, the others lie before it.
    assert_eq!((counts.drops.late, counts.drops.duplicate), (199, 1));
    assert_eq!(windows.len(), 50);
}

#[test]
fn times_at_the_ends_of_the_range_do_no_harm() {
    for lateness_ms in [0, 20] {
        let rows: Vec<Row> = [i64::MIN, -1, 0, i64::MAX, i64::MAX - 1, i64::MIN + 1, 5]
            .into_iter()
            .chain((0..40).map(|n| i64::MIN + n))
            .map(|t| (t, vec![1.0]))
            .collect();
        let gap = json!({"fill": "linear", "max_samples": 4});
        let pipeline = pipeline(json!({"lateness_ms": lateness_ms, "gap": gap}));
        let (_, counts) = replay(&pipeline, &rows);
        assert_eq!(counts.pushed, counts.rows + counts.joined + counts.drops.total());
    }
}

#[test]
fn parts_of_a_row_are_joined_by_their_time() {
    let two = json!({
        "channels": [{"name": "x"}, {"name": "y"}],
        "window": {"length_samples": 2, "stride_samples": 2},
    });
    let pipeline = pipeline(two);
    let rows = [(0, vec![1.0, NAN]), (0, vec![NAN, 2.0]), (10 * MS, vec![3.0, 4.0])];
    let (windows, counts) = replay(&pipeline, &rows);
    assert_eq!(values(&windows), [[1.0, 2.0, 3.0, 4.0]]);
    assert_eq!((counts.rows, counts.joined, counts.drops.total()), (2, 1, 0));

    let mut stream = stream(&pipeline);
    let mut windows = Vec::<Kept>::new();
    for (time, channel, value) in [(0, 1, 2.0), (0, 0, 1.0), (10 * MS, 0, 3.0), (10 * MS, 1, 4.0)] {
        stream.push_value(channel, Some(time), 0, value, &mut |w| windows.push(w.into()));
    }
    finish(&mut stream, &mut windows);
    assert_eq!(values(&windows), [[1.0, 2.0, 3.0, 4.0]]);
}

#[test]
fn a_row_that_stays_incomplete_is_a_gap_once_time_has_passed_it() {
    let two = json!({"channels": [{"name": "x"}, {"name": "y"}]});
    let mut stream = stream(&pipeline(two));
    let mut windows = Vec::new();
    push(&mut stream, &(0, vec![1.0, NAN]), &mut windows);
    assert_eq!(stream.drops().missing_value, 0);
    push(&mut stream, &(10 * MS, vec![1.0, 1.0]), &mut windows);
    assert_eq!(stream.drops().missing_value, 1);
}

#[test]
fn the_order_buffer_is_bounded_whatever_the_rate() {
    let pipeline = pipeline(json!({"lateness_ms": 100}));
    let mut stream = stream(&pipeline);
    let mut windows = Vec::new();
    // A thousand times the rate: the oldest rows leave early instead of filling the memory.
    for n in 0..5_000 {
        push(&mut stream, &(n * MS / 100, vec![0.0]), &mut windows);
    }
    assert!(stream.drops().rate > 4_000, "{:?}", stream.counts());
}
