//! Resampling: amplitudes kept, aliases suppressed, the same values as SciPy's.

use model_format::pipeline::Pipeline;
use serde::Deserialize;
use serde_json::json;

use crate::replay::{Kept, Row, pipeline, replay, stream};

fn resampling(hz: f64, length: u32) -> Pipeline {
    let rate = json!({"fixed": {"hz": hz, "mismatch": "resample"}});
    let window = json!({"length_samples": length, "stride_samples": length});
    pipeline(json!({ "rate": rate, "window": window }))
}

fn rows(hz: f64, values: impl IntoIterator<Item = f64>) -> Vec<Row> {
    let time = |n: usize| (n as f64 * 1e9 / hz).round() as i64;
    values.into_iter().enumerate().map(|(n, value)| (time(n), vec![value as f32])).collect()
}

fn sine(hz: f64, frequency_hz: f64, count: usize) -> Vec<Row> {
    let angle = |n: usize| std::f64::consts::TAU * frequency_hz * n as f64 / hz;
    rows(hz, (0..count).map(|n| angle(n).sin()))
}

/// Power relative to a sine of amplitude one, in decibels.
fn power_db(windows: &[Kept]) -> f64 {
    let values = windows.iter().flat_map(|window| &window.values);
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += f64::from(*value) * f64::from(*value);
        count += 1;
    }
    assert!(count > 500, "{count}");
    10.0 * (2.0 * sum / f64::from(count)).log10()
}

#[test]
fn a_sine_up_to_0_79_of_the_new_nyquist_frequency_keeps_its_amplitude_within_0_01_db() {
    for share in [0.05, 0.3, 0.6, 0.79] {
        let (windows, _) = replay(&resampling(100.0, 500), &sine(1_000.0, 50.0 * share, 30_000));
        let db = power_db(&windows);
        assert!(db.abs() <= 0.01, "{share}: {db} dB");
    }
}

#[test]
fn a_sine_above_the_new_nyquist_frequency_is_down_by_80_db() {
    for frequency_hz in [50.0, 51.7, 60.0, 99.0, 130.0, 250.0, 499.0] {
        let (windows, _) = replay(&resampling(100.0, 500), &sine(1_000.0, frequency_hz, 30_000));
        let db = power_db(&windows);
        assert!(db <= -80.0, "{frequency_hz} Hz: {db} dB");
    }
}

#[test]
fn a_constant_stays_the_same_at_any_ratio() {
    for hz in [3.0, 33.3, 80.0, 120.0, 777.7, 6_000.0] {
        let count = (hz * 12.0) as usize + 200;
        let (windows, counts) =
            replay(&resampling(100.0, 100), &rows(hz, std::iter::repeat_n(-7.25, count)));
        assert!(windows.len() > 3, "{hz}: {counts:?}");
        assert!(windows.iter().flat_map(|w| &w.values).all(|v| *v == -7.25), "{hz}");
    }
}

#[test]
fn rates_more_than_64_times_apart_are_refused() {
    for hz in [1.5, 6_500.0] {
        let (windows, counts) =
            replay(&resampling(100.0, 10), &rows(hz, std::iter::repeat_n(1.0, 400)));
        assert_eq!((windows.len(), counts.drops.rate), (0, 400));
    }
}

#[test]
fn the_first_output_lies_one_filter_delay_after_the_segments_start() {
    let pipeline = resampling(100.0, 10);
    let mut stream = stream(&pipeline);
    let mut windows = Vec::new();
    for row in sine(1_000.0, 5.0, 2_000) {
        crate::replay::push(&mut stream, &row, &mut windows);
    }
    assert_eq!(stream.filter_delay_ns(), 240_000_000);
    assert_eq!(windows[0].segment_start_ns, 240_000_000);
    assert_eq!(windows[1].start_ns, 340_000_000);
    // The newest row is at 1.999 s: outputs up to 1.759 s are certain.
    assert_eq!(windows.last().unwrap().end_ns, 1_730_000_000);
}

#[test]
fn filled_gaps_count_in_samples_of_the_pipeline() {
    let mut pipeline = resampling(100.0, 10);
    pipeline.gap = serde_json::from_value(json!({"fill": "linear", "max_samples": 2})).unwrap();
    let ramp = |from: usize, to: usize| {
        let all = rows(1_000.0, (0..6_000).map(|n| n as f64));
        all[..2_000].iter().chain(&all[2_000 + to - from..]).cloned().collect::<Vec<_>>()
    };
    let (windows, counts) = replay(&pipeline, &ramp(0, 20));
    assert_eq!(counts.filled, 20);
    assert!(windows.iter().all(|window| window.segment_start_ns == 240_000_000));
    let (windows, counts) = replay(&pipeline, &ramp(0, 30));
    assert_eq!(counts.filled, 0);
    assert_eq!(windows.last().unwrap().segment_start_ns, 2_030_000_000 + 240_000_000);
}

#[derive(Deserialize)]
struct Reference {
    in_hz: f64,
    out_hz: f64,
    input: Vec<f64>,
    first: usize,
    /// On the grid `n / out_hz` from the first input on, beginning with `n = first`.
    output: Vec<f64>,
}

#[test]
fn the_values_are_scipys_within_a_thousandth_of_the_amplitude() {
    let text = include_str!("../reference/resample.json");
    let references: Vec<Reference> = serde_json::from_str(text).unwrap();
    for reference in references {
        let rows = rows(reference.in_hz, reference.input.iter().copied());
        let (windows, _) = replay(&resampling(reference.out_hz, 10), &rows);
        let delay_s = 24.0 / reference.in_hz.min(reference.out_hz);
        let ours_from = (delay_s * reference.out_hz).round() as usize;
        let ours: Vec<f32> = windows.iter().flat_map(|w| w.values.iter().copied()).collect();
        let mut compared = 0;
        for (n, expected) in (reference.first..).zip(reference.output) {
            let Some(value) = n.checked_sub(ours_from).and_then(|n| ours.get(n)) else { continue };
            let error = (f64::from(*value) - expected).abs();
            assert!(error <= 1e-3, "{} Hz, {n}: {value} instead of {expected}", reference.out_hz);
            compared += 1;
        }
        assert!(compared >= 150, "{compared}");
    }
}
