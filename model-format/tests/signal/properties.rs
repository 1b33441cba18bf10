//! Properties that hold for any input: broken, jittered, shuffled or perfect.

use std::collections::HashSet;

use model_format::id::{Digest, result_id};
use model_format::pipeline::{Mismatch, Pipeline, Rate, TimeSource};
use model_format::signal::stream::Sample;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;

use crate::replay::{Kept, MS, NAN, Row, finish, pipeline, push, replay, stream};

/// The same cases in every run, so that a failure is the change's and not the day's.
fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What one step of a sensor's life does to the stream.
#[derive(Clone, Debug)]
enum Step {
    /// Samples one after the other, each off by some of these microseconds.
    Run { samples: u8, jitter_us: i64 },
    /// The sensor is silent for so many intervals.
    Silence { intervals: u8 },
    /// A row with a missing value in this channel.
    Missing { channel: usize },
    /// The last sample again, with other values.
    Again,
    /// A sample from so many milliseconds ago.
    Old { ms: i64 },
    /// The clock jumps.
    Jump { ms: i64 },
    /// From here on, the interval is this.
    Interval { us: i64 },
    /// A value of the last channel alone.
    Part,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u8..60, prop_oneof![Just(0), Just(1_500), Just(6_000)])
            .prop_map(|(samples, jitter_us)| Step::Run { samples, jitter_us }),
        2 => (1u8..8).prop_map(|intervals| Step::Silence { intervals }),
        2 => (0usize..3).prop_map(|channel| Step::Missing { channel }),
        1 => Just(Step::Again),
        1 => (1i64..200).prop_map(|ms| Step::Old { ms }),
        1 => (-200_000i64..200_000).prop_map(|ms| Step::Jump { ms }),
        1 => prop_oneof![Just(10_000), Just(10_300), Just(4_000), Just(25_000)]
            .prop_map(|us| Step::Interval { us }),
        1 => Just(Step::Part),
    ]
}

/// The rows that these steps make, in the order in which they arrive.
fn live(steps: &[Step], channels: usize) -> Vec<Row> {
    let (mut now_us, mut interval_us, mut number) = (1_000_000_i64, 10_000, 0_i64);
    let mut rows = Vec::new();
    let row = |time_us: i64, number: i64| {
        let values = (0..channels).map(|channel| (number * 10 + channel as i64) as f32);
        (time_us * 1_000, values.collect::<Vec<f32>>())
    };
    for step in steps {
        number += 1;
        match step {
            Step::Run { samples, jitter_us } => {
                for n in 0..i64::from(*samples) {
                    let off_us = (n * 7_919 + number * 31) % (jitter_us + 1) - jitter_us / 2;
                    rows.push(row(now_us + off_us, number));
                    number += 1;
                    now_us += interval_us;
                }
            }
            Step::Silence { intervals } => now_us += interval_us * i64::from(*intervals),
            Step::Missing { channel } => {
                let mut broken = row(now_us, number);
                broken.1[channel % channels] = NAN;
                rows.push(broken);
                now_us += interval_us;
            }
            Step::Again => rows.push(row(now_us - interval_us, number)),
            Step::Old { ms } => rows.push(row(now_us - ms * 1_000, number)),
            Step::Jump { ms } => now_us += ms * 1_000,
            Step::Interval { us } => interval_us = *us,
            Step::Part => {
                let mut part = row(now_us - interval_us / 2, number);
                part.1[..channels - 1].fill(NAN);
                rows.push(part);
            }
        }
    }
    rows
}

/// Any kind of pipeline: rate kept, refused or resampled, gaps filled or not, late samples waited
/// for or not, a slow channel or none.
fn any_pipeline() -> impl Strategy<Value = Pipeline> {
    let rate = prop_oneof![
        Just(json!({"fixed": {"hz": 100.0}})),
        Just(json!({"fixed": {"hz": 100.0, "mismatch": "resample"}})),
        Just(json!({"fixed": {"hz": 70.0, "tolerance": 0.01, "mismatch": "resample"}})),
        Just(json!("none")),
    ];
    let gap = prop_oneof![
        Just(json!({})),
        Just(json!({"fill": "hold", "max_samples": 3})),
        Just(json!({"fill": "linear", "max_samples": 2})),
    ];
    let slow = prop_oneof![
        Just(json!({"name": "slow"})),
        Just(json!({"name": "slow", "align": {"method": "hold", "age_max_ms": 60}})),
        Just(json!({"name": "slow", "align": {"method": "linear", "age_max_ms": 60}})),
    ];
    let window = (3u32..40, 1u32..48);
    let time = prop_oneof![Just(("event", 0)), Just(("event", 25)), Just(("event", 150))];
    (rate, gap, slow, window, time).prop_map(|(rate, gap, slow, (length, stride), (time, late))| {
        let slow = if rate == "none" { json!({"name": "slow"}) } else { slow };
        pipeline(json!({
            "channels": [{"name": "x"}, slow],
            "rate": rate,
            "gap": gap,
            "time": time,
            "lateness_ms": late,
            "window": {"length_samples": length, "stride_samples": stride},
        }))
    })
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(step(), 0..24).prop_map(|steps| live(&steps, 2))
}

proptest! {
    #![proptest_config(seeded(400))]

    #[test]
    fn every_sample_lies_in_a_segment_or_is_counted_as_a_drop_once(
        pipeline in any_pipeline(),
        rows in any_rows(),
    ) {
        let (_, counts) = replay(&pipeline, &rows);
        prop_assert_eq!(counts.pushed, rows.len() as u64);
        prop_assert_eq!(counts.pushed, counts.rows + counts.joined + counts.drops.total());
    }

    #[test]
    fn what_comes_later_never_changes_a_window(
        pipeline in any_pipeline(),
        rows in any_rows(),
        cut in 0.0f64..1.0,
    ) {
        let (whole, _) = replay(&pipeline, &rows);
        let (mut stream, mut windows) = (stream(&pipeline), Vec::new());
        let cut = (rows.len() as f64 * cut) as usize;
        for row in &rows[..cut] {
            push(&mut stream, row, &mut windows);
        }
        prop_assert!(windows.len() <= whole.len());
        prop_assert_eq!(&windows[..], &whole[..windows.len()]);
        for row in &rows[cut..] {
            push(&mut stream, row, &mut windows);
        }
        finish(&mut stream, &mut windows);
        prop_assert_eq!(windows, whole);
    }

    #[test]
    fn every_window_is_whole_finite_and_in_its_place(
        pipeline in any_pipeline(),
        rows in any_rows(),
    ) {
        let (windows, _) = replay(&pipeline, &rows);
        let length = pipeline.window.length_samples as usize;
        for window in &windows {
            prop_assert_eq!(window.values.len(), length * 2);
            prop_assert!(window.values.iter().all(|value| value.is_finite()));
            prop_assert!(window.segment_start_ns <= window.start_ns);
            prop_assert!(window.start_ns < window.end_ns);
        }
        for pair in windows.windows(2) {
            if pair[1].index > 0 {
                prop_assert_eq!(pair[1].index, pair[0].index + 1);
                prop_assert_eq!(pair[1].segment_start_ns, pair[0].segment_start_ns);
                prop_assert!(pair[1].start_ns > pair[0].start_ns);
            }
        }
    }

    #[test]
    fn a_replay_gives_the_same_ids_and_no_id_twice(
        pipeline in any_pipeline(),
        mut rows in any_rows(),
    ) {
        // Only the times of a clock that was set back may come again, and then mean the same.
        rows.sort_by_key(|(time_ns, _)| *time_ns);
        let ids = || {
            let (windows, _) = replay(&pipeline, &rows);
            let artifact = Digest::of(b"artifact");
            let id = |w: &Kept| result_id("device", &artifact, "stream", w.segment_start_ns, w.index);
            windows.iter().map(id).collect::<Vec<_>>()
        };
        let first = ids();
        prop_assert_eq!(first.iter().collect::<HashSet<_>>().len(), first.len());
        prop_assert_eq!(first, ids());
    }

    #[test]
    fn order_within_the_lateness_does_not_matter(
        mut pipeline in any_pipeline(),
        rows in any_rows(),
        delays_ms in prop::collection::vec(0i64..=60, 64),
    ) {
        pipeline.lateness_ms = 60;
        let mut ordered = rows;
        ordered.sort_by_key(|(time_ns, _)| *time_ns);
        ordered.dedup_by_key(|(time_ns, _)| *time_ns);
        let mut arriving: Vec<_> = ordered.iter().cloned().enumerate().collect();
        arriving.sort_by_key(|(n, (time_ns, _))| time_ns + delays_ms[n % 64] * MS);
        let arriving: Vec<Row> = arriving.into_iter().map(|(_, row)| row).collect();
        let (expected, expected_counts) = replay(&pipeline, &ordered);
        let (windows, counts) = replay(&pipeline, &arriving);
        prop_assert_eq!(windows, expected);
        prop_assert_eq!(counts, expected_counts);
    }

    #[test]
    fn channels_given_one_by_one_make_the_same_windows_as_rows(
        mut pipeline in any_pipeline(),
        rows in any_rows(),
        lateness_ms in prop_oneof![Just(0u32), Just(40)],
    ) {
        pipeline.lateness_ms = lateness_ms;
        let mut rows = rows;
        rows.sort_by_key(|(time_ns, _)| *time_ns);
        rows.dedup_by_key(|(time_ns, _)| *time_ns);
        let (expected, _) = replay(&pipeline, &rows);
        let (mut stream, mut windows) = (stream(&pipeline), Vec::<Kept>::new());
        for (n, (time_ns, values)) in rows.iter().enumerate() {
            for turn in 0..2 {
                let channel = (n + turn) % 2;
                let keep = &mut |window: model_format::signal::stream::WindowRef<'_>| {
                    windows.push(window.into());
                };
                stream.push_value(channel, Some(*time_ns), 0, values[channel], keep);
            }
        }
        finish(&mut stream, &mut windows);
        prop_assert_eq!(windows, expected);
    }

    #[test]
    fn windows_are_those_that_an_offline_cut_makes(
        runs in prop::collection::vec((8usize..60, 1usize..7), 1..12),
        max_samples in 0u32..5,
        length in 5u32..30,
        stride in 1u32..40,
    ) {
        let gap = match max_samples {
            0 => json!({}),
            _ => json!({"fill": "hold", "max_samples": max_samples}),
        };
        let window = json!({"length_samples": length, "stride_samples": stride});
        let pipeline = pipeline(json!({"gap": gap, "window": window}));
        // Runs of samples and the missing ones between; the first 40 show the rate.
        let mut present = vec![true; 40];
        for (samples, missing) in &runs {
            present.extend(std::iter::repeat_n(true, *samples));
            present.extend(std::iter::repeat_n(false, *missing));
        }
        let time_ns = |tick: usize| tick as i64 * 10 * MS;
        let ticks = present.iter().enumerate().filter(|(_, there)| **there);
        let rows: Vec<Row> = ticks.map(|(tick, _)| (time_ns(tick), vec![tick as f32])).collect();
        let (windows, _) = replay(&pipeline, &rows);
        prop_assert_eq!(windows, offline(&present, max_samples, length as usize, stride as usize));
    }

    #[test]
    fn a_resampled_stream_is_the_same_however_its_rows_arrive(
        hz in prop_oneof![20.0f64..90.0, 120.0f64..900.0],
        hours in 0i64..1_000,
        cut in 0usize..600,
    ) {
        let rate = json!({"fixed": {"hz": 100.0, "mismatch": "resample"}});
        let pipeline = pipeline(json!({ "rate": rate }));
        let start_ns = hours * 3_600_000 * MS;
        let rows: Vec<Row> = (0..600)
            .map(|n| (start_ns + (f64::from(n) * 1e9 / hz) as i64, vec![(n % 17) as f32]))
            .collect();
        let (whole, counts) = replay(&pipeline, &rows);
        prop_assert_eq!(counts.rows, 600);
        prop_assert!(!whole.is_empty());
        let (prefix, _) = replay(&pipeline, &rows[..cut]);
        prop_assert_eq!(&prefix[..], &whole[..prefix.len()]);
    }

    #[test]
    fn a_sample_of_any_shape_and_time_does_no_harm(
        pipeline in any_pipeline(),
        samples in prop::collection::vec(
            (
                prop::option::of(prop_oneof![any::<i64>(), 0i64..1_000_000_000]),
                prop::collection::vec(any::<f32>(), 0..4),
                any::<bool>(),
            ),
            0..200,
        ),
        by_arrival in any::<bool>(),
    ) {
        let mut pipeline = pipeline;
        // Arrival times cannot be resampled.
        let resamples = matches!(pipeline.rate, Rate::Fixed { mismatch: Mismatch::Resample, .. });
        if by_arrival && !resamples {
            pipeline.time = TimeSource::Arrival;
        }
        let mut stream = stream(&pipeline);
        for (event_ns, values, by_value) in &samples {
            let arrival_ns = event_ns.unwrap_or(0);
            if *by_value {
                let value = values.first().copied().unwrap_or(NAN);
                stream.push_value(values.len(), *event_ns, arrival_ns, value, &mut |_| {});
            } else {
                let sample = Sample { event_ns: *event_ns, arrival_ns, values };
                stream.push(sample, &mut |_| {});
            }
        }
        stream.finish(&mut |_| {});
        let counts = stream.counts();
        prop_assert_eq!(counts.pushed, samples.len() as u64);
        prop_assert_eq!(counts.pushed, counts.rows + counts.joined + counts.drops.total());
    }
}

/// Segments and windows as a person would cut them who has all samples on the table.
fn offline(present: &[bool], max_samples: u32, length: usize, stride: usize) -> Vec<Kept> {
    let mut segments: Vec<Vec<(usize, f32)>> = Vec::new();
    let mut last = None;
    for tick in (0..present.len()).filter(|tick| present[*tick]) {
        match last {
            Some(last) if tick - last - 1 <= max_samples as usize => {
                let segment = segments.last_mut().unwrap();
                segment.extend((last + 1..tick).map(|filled| (filled, last as f32)));
                segment.push((tick, tick as f32));
            }
            _ => segments.push(vec![(tick, tick as f32)]),
        }
        last = Some(tick);
    }
    let time_ns = |tick: usize| tick as i64 * 10 * MS;
    let mut windows = Vec::new();
    for segment in &segments {
        for (k, start) in (0..segment.len()).step_by(stride).enumerate() {
            let Some(samples) = segment.get(start..start + length) else { break };
            windows.push(Kept {
                values: samples.iter().map(|(_, value)| *value).collect(),
                segment_start_ns: time_ns(segment[0].0),
                index: k as u64,
                start_ns: time_ns(samples[0].0),
                end_ns: time_ns(samples[length - 1].0),
            });
        }
    }
    windows
}
