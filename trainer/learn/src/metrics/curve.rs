//! Curves over all thresholds of a score: receiver operating characteristic and precision-recall.
//!
//! A row counts as positive from a threshold on (`score >= threshold`); rows of equal scores change
//! sides together. Areas come from all rows; the points are thinned afterwards.

use serde::{Deserialize, Serialize};

use super::ratio;

/// The most points that a curve keeps.
pub const POINTS_MAX: usize = 256;

/// True positives against false alarms, over all thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RocCurve {
    /// What counts as positive.
    pub class: String,
    /// Area under the curve of all rows, by trapezoids: 0.5 is chance, 1 is perfect.
    pub area: f64,
    /// From the highest threshold to the lowest.
    pub points: Vec<RocPoint>,
}

/// One threshold of a [`RocCurve`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RocPoint {
    /// Share of the negative rows at or above the threshold.
    pub false_positive_rate: f64,
    /// Share of the positive rows at or above the threshold.
    pub true_positive_rate: f64,
    /// The threshold; absent above all scores.
    pub threshold: Option<f32>,
}

/// Precision against recall, over all thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrecisionRecallCurve {
    /// What counts as positive.
    pub class: String,
    /// Mean of the precisions of all rows, weighted by the recall that each threshold adds.
    pub average_precision: f64,
    /// From the highest threshold to the lowest.
    pub points: Vec<PrecisionRecallPoint>,
}

/// One threshold of a [`PrecisionRecallCurve`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrecisionRecallPoint {
    /// Share of the positive rows at or above the threshold.
    pub recall: f64,
    /// Share of the rows at or above the threshold that are positive; 1 where there are none.
    pub precision: f64,
    /// The threshold; absent above all scores.
    pub threshold: Option<f32>,
}

/// Why there is no curve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCurve {
    /// Nothing to find.
    #[error("none of the {rows} test windows is positive: test on data that has some")]
    NoPositive {
        /// Number of rows.
        rows: usize,
    },
    /// Nothing to tell it from.
    #[error("all of the {rows} test windows are positive: test on data that has others too")]
    NoNegative {
        /// Number of rows.
        rows: usize,
    },
    /// A score that cannot be ordered.
    #[error("the score of test window {row} is no number")]
    NotANumber {
        /// The row, from 0.
        row: usize,
    },
}

/// Rows at or above one threshold.
#[derive(Clone, Copy, Debug)]
struct Step {
    threshold: f32,
    true_positives: u64,
    false_positives: u64,
}

/// Both curves of `scores` against `positive`, with at most `points_max` points each.
///
/// # Errors
/// Where the rows are all positive or all negative, or a score is no number.
pub fn curves(
    class: &str,
    positive: &[bool],
    scores: &[f32],
    points_max: usize,
) -> Result<(RocCurve, PrecisionRecallCurve), NoCurve> {
    let steps = steps(positive, scores)?;
    let points_max = points_max.clamp(2, POINTS_MAX);
    Ok((roc(class, &steps, points_max), precision_recall(class, &steps, points_max)))
}

/// The distinct thresholds from the highest to the lowest. The last one takes in every row.
fn steps(positive: &[bool], scores: &[f32]) -> Result<Vec<Step>, NoCurve> {
    let rows = positive.len().min(scores.len());
    if let Some(row) = scores[..rows].iter().position(|score| score.is_nan()) {
        return Err(NoCurve::NotANumber { row });
    }
    // Adding 0 makes the negative zero equal to the positive one, as they are thresholds alike.
    let mut ranked: Vec<(f32, bool)> =
        scores.iter().zip(positive).map(|(&score, &positive)| (score + 0.0, positive)).collect();
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let (mut true_positives, mut false_positives) = (0, 0);
    let mut steps = Vec::new();
    for (row, &(threshold, positive)) in ranked.iter().enumerate() {
        if positive {
            true_positives += 1;
        } else {
            false_positives += 1;
        }
        if ranked.get(row + 1).is_none_or(|next| next.0 != threshold) {
            steps.push(Step { threshold, true_positives, false_positives });
        }
    }
    match (true_positives, false_positives) {
        (0, _) => Err(NoCurve::NoPositive { rows }),
        (_, 0) => Err(NoCurve::NoNegative { rows }),
        _ => Ok(steps),
    }
}

fn totals(steps: &[Step]) -> (u64, u64) {
    steps.last().map_or((0, 0), |last| (last.true_positives, last.false_positives))
}

/// The area is the share of pairs of a positive and a negative row in which the positive one has the
/// higher score, equal scores counting half: whole numbers, so that the order of rows changes nothing.
fn roc(class: &str, steps: &[Step], points_max: usize) -> RocCurve {
    let (positives, negatives) = totals(steps);
    let mut doubled: u128 = 0;
    let mut before = (0, 0);
    for step in steps {
        let width = u128::from(step.false_positives - before.1);
        doubled += width * u128::from(step.true_positives + before.0);
        before = (step.true_positives, step.false_positives);
    }
    let pairs = 2 * u128::from(positives) * u128::from(negatives);
    let above = RocPoint { false_positive_rate: 0.0, true_positive_rate: 0.0, threshold: None };
    let points = steps.iter().map(|step| RocPoint {
        false_positive_rate: ratio(step.false_positives as f64, negatives as f64),
        true_positive_rate: ratio(step.true_positives as f64, positives as f64),
        threshold: Some(step.threshold),
    });
    let points: Vec<RocPoint> = std::iter::once(above).chain(points).collect();
    let place = |point: &RocPoint| (point.false_positive_rate, point.true_positive_rate);
    RocCurve {
        class: class.to_owned(),
        area: doubled as f64 / pairs as f64,
        points: thinned(points, points_max, place),
    }
}

fn precision_recall(class: &str, steps: &[Step], points_max: usize) -> PrecisionRecallCurve {
    let (positives, _) = totals(steps);
    let above = PrecisionRecallPoint { recall: 0.0, precision: 1.0, threshold: None };
    let mut points = vec![above];
    let mut average_precision = 0.0;
    let mut before = 0;
    for step in steps {
        let taken = step.true_positives + step.false_positives;
        let precision = step.true_positives as f64 / taken as f64;
        average_precision += (step.true_positives - before) as f64 * precision;
        before = step.true_positives;
        points.push(PrecisionRecallPoint {
            recall: ratio(step.true_positives as f64, positives as f64),
            precision,
            threshold: Some(step.threshold),
        });
    }
    let place = |point: &PrecisionRecallPoint| (point.recall, point.precision);
    PrecisionRecallCurve {
        class: class.to_owned(),
        average_precision: (average_precision / positives as f64).min(1.0),
        points: thinned(points, points_max, place),
    }
}

/// At most `count` of the points, the first and the last among them, at even distances along the
/// curve (steps to the side and up taken together).
fn thinned<T: Copy>(points: Vec<T>, count: usize, place: impl Fn(&T) -> (f64, f64)) -> Vec<T> {
    if points.len() <= count {
        return points;
    }
    let mut travelled = Vec::with_capacity(points.len());
    let mut sum = 0.0;
    let mut before = place(&points[0]);
    for point in &points {
        let here = place(point);
        sum += (here.0 - before.0).abs() + (here.1 - before.1).abs();
        travelled.push(sum);
        before = here;
    }
    let last = points.len() - 1;
    let mut kept = Vec::with_capacity(count);
    let mut next = 0;
    for part in 0..count - 1 {
        let distance = sum * part as f64 / (count - 1) as f64;
        let at = travelled.partition_point(|&travelled| travelled < distance).max(next);
        if at >= last {
            break;
        }
        kept.push(points[at]);
        next = at + 1;
    }
    kept.push(points[last]);
    kept
}
