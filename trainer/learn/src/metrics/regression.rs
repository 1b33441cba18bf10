//! Figures of a regression: R², mean errors, quantiles of the residuals.

use serde::{Deserialize, Serialize};

use super::histogram::quantile;
use super::{MetricError, check_lengths};

/// Figures of a regression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegressionMetrics {
    /// Number of rows.
    pub rows: u64,
    /// 1 − squared errors / squared deviations from the mean of the truth. Absent for one row;
    /// where all true values are equal 1 for perfect answers, else 0, as in scikit-learn.
    pub r2: Option<f64>,
    /// Root of the mean squared error, in the target's unit.
    pub rmse: f64,
    /// Mean absolute error, in the target's unit.
    pub mae: f64,
    /// Mean of |error| / |truth|: 0.1 is 10 %. Where the truth is 0 it counts as 2⁻⁵², as in
    /// scikit-learn, so that the figure becomes huge. Absent in figures of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mape: Option<f64>,
    /// How the residuals lie. Absent in figures of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residuals: Option<ResidualQuantiles>,
}

/// Quantiles of answer − truth, in the target's unit, in proportion between neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResidualQuantiles {
    /// 5 % of the residuals are smaller.
    pub q05: f64,
    /// A quarter is smaller.
    pub q25: f64,
    /// The middle one.
    pub q50: f64,
    /// A quarter is larger.
    pub q75: f64,
    /// 5 % are larger.
    pub q95: f64,
}

impl ResidualQuantiles {
    fn of(truth: &[f32], predicted: &[f32]) -> Self {
        let pairs = predicted.iter().zip(truth);
        let mut sorted: Vec<f64> = pairs.map(|(&p, &t)| f64::from(p) - f64::from(t)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let [q05, q25, q50, q75, q95] =
            [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| quantile(&sorted, share));
        ResidualQuantiles { q05, q25, q50, q75, q95 }
    }
}

/// Figures for `predicted` against `truth`.
///
/// # Errors
/// On no rows or different lengths.
pub fn evaluate(truth: &[f32], predicted: &[f32]) -> Result<RegressionMetrics, MetricError> {
    check_lengths(predicted.len(), truth.len())?;
    let count = truth.len() as f64;
    let mean = truth.iter().map(|&t| f64::from(t)).sum::<f64>() / count;
    let (mut squared, mut absolute, mut share, mut spread) = (0.0, 0.0, 0.0, 0.0);
    for (&t, &p) in truth.iter().zip(predicted) {
        let (t, p) = (f64::from(t), f64::from(p));
        squared += (t - p) * (t - p);
        absolute += (t - p).abs();
        share += (t - p).abs() / t.abs().max(f64::EPSILON);
        spread += (t - mean) * (t - mean);
    }
    let r2 = match (truth.len(), spread == 0.0, squared == 0.0) {
        (1, _, _) => None,
        (_, true, true) => Some(1.0),
        (_, true, false) => Some(0.0),
        _ => Some(1.0 - squared / spread),
    };
    let rmse = (squared / count).sqrt();
    Ok(RegressionMetrics {
        rows: truth.len() as u64,
        r2,
        rmse,
        mae: absolute / count,
        mape: Some(share / count),
        residuals: Some(ResidualQuantiles::of(truth, predicted)),
    })
}

/// Figures of the answer "always the mean of the training rows".
///
/// # Errors
/// As [`evaluate`], and where there are no training rows.
pub fn naive(train: &[f32], truth: &[f32]) -> Result<RegressionMetrics, MetricError> {
    if train.is_empty() {
        return Err(MetricError::Empty);
    }
    let mean = train.iter().map(|&value| f64::from(value)).sum::<f64>() / train.len() as f64;
    evaluate(truth, &vec![mean as f32; truth.len()])
}
