//! Lags and differences of rows against pandas, and that they never reach over a gap.

use model_format::pipeline::{Gap, Pipeline, Window};
use model_format::signal::features::FeaturePlan;
use model_format::signal::stream::{Sample, Stream};
use proptest::prelude::*;

use super::pipeline;

const MS: i64 = 1_000_000;

/// Rows with what pandas' shift and diff make of them, segment by segment.
#[derive(serde::Deserialize)]
struct Case {
    interval_max_ms: u64,
    time_ms: Vec<i64>,
    /// None where a value is missing.
    values: Vec<[Option<f32>; 2]>,
    features: Vec<String>,
    length_samples: u32,
    /// When each row came that has all its features.
    end_ms: Vec<i64>,
    rows: Vec<Vec<f32>>,
}

fn row_by_row(pipeline: Pipeline, length_samples: u32, interval_max_ms: Option<u64>) -> Pipeline {
    let window = Window { length_samples, stride_samples: 1 };
    Pipeline { window, gap: Gap { interval_max_ms, ..Gap::default() }, ..pipeline }
}

/// When each answered row came, and its features.
fn answered(
    pipeline: &Pipeline,
    rows: impl Iterator<Item = (i64, Vec<f32>)>,
) -> Vec<(i64, Vec<f32>)> {
    let mut plan = FeaturePlan::new(pipeline).unwrap();
    let mut stream = Stream::new(pipeline).unwrap();
    let mut found = Vec::new();
    let mut emit = |window: model_format::signal::stream::WindowRef<'_>| {
        let mut features = vec![0.0; pipeline.features.len()];
        plan.compute(window.values, &mut features);
        found.push((window.end_ns / MS, features));
    };
    for (time_ms, values) in rows {
        let sample = Sample { event_ns: Some(time_ms * MS), arrival_ns: 0, values: &values };
        stream.push(sample, &mut emit);
    }
    stream.finish(&mut emit);
    found
}

#[test]
fn lags_and_differences_are_those_of_pandas_within_segments() {
    let case: Case = serde_json::from_str(include_str!("../reference/rows.json")).unwrap();
    let pipeline = pipeline(2, 1, None, case.features.clone());
    let pipeline = row_by_row(pipeline, case.length_samples, Some(case.interval_max_ms));
    let values = case.values.iter().map(|row| row.map(|x| x.unwrap_or(f32::NAN)).to_vec());
    let found = answered(&pipeline, case.time_ms.iter().copied().zip(values));
    let expected: Vec<_> = case.end_ms.into_iter().zip(case.rows).collect();
    assert!(expected.len() > 150);
    assert_eq!(found, expected);
}

proptest! {
    /// A row whose channel holds its own number and that of its segment tells where each lag came from.
    #[test]
    fn a_lag_never_leaves_its_segment_and_nothing_is_answered_before_the_window_is_full(
        intervals in prop::collection::vec(1i64..20, 1..120),
        limit in 1u64..20,
        steps in 1u32..9,
    ) {
        let features = vec![format!("a.lag_{steps}"), format!("b.lag_{steps}"), "a.lag_0".to_owned()];
        let pipeline = row_by_row(pipeline(2, 1, None, features), steps + 1, Some(limit));
        let (mut time_ms, mut segment, mut rows) = (0, 0, Vec::new());
        for (number, interval) in intervals.into_iter().enumerate() {
            time_ms += interval;
            segment += i64::from(number > 0 && interval > limit as i64);
            rows.push((time_ms, vec![number as f32, segment as f32]));
        }
        let found = answered(&pipeline, rows.iter().cloned());
        let full: Vec<usize> = (steps as usize..rows.len())
            .filter(|&at| rows[at].1[1] == rows[at - steps as usize].1[1])
            .collect();
        prop_assert_eq!(found.len(), full.len());
        for ((end_ms, features), at) in found.into_iter().zip(full) {
            let before = &rows[at - steps as usize].1;
            prop_assert_eq!(end_ms, rows[at].0);
            prop_assert_eq!(features, vec![before[0], before[1], at as f32]);
        }
    }
}
