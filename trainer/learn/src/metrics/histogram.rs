//! Histograms of residuals.

use serde::{Deserialize, Serialize};

/// The fewest and the most bins.
const BINS: std::ops::RangeInclusive<usize> = 5..=100;

/// How often values lie where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Histogram {
    /// Of equal width, from the smallest value to the largest.
    pub bins: Vec<Bin>,
}

/// One bin of a [`Histogram`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bin {
    /// The smallest value in it.
    pub from: f64,
    /// The first value beyond it; the last bin holds this one too.
    pub to: f64,
    /// How many values lie in it.
    pub count: u64,
}

/// The histogram of `values`, with as many bins as Freedman and Diaconis advise: of the width
/// 2 · (interquartile range) · n^(−1/3), but 5 to 100 of them. Equal quartiles give 100 bins; equal
/// values lie in the middle of a range of width 1. None where there are no values, or one of them is
/// not finite, or they lie further apart than a number can say.
///
/// Source: D. Freedman, P. Diaconis, "On the histogram as a density estimator: L2 theory", 1981;
/// quartiles are linear between neighbours, as in NumPy.
pub fn histogram(mut values: Vec<f64>) -> Option<Histogram> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let (mut low, mut high) = (values[0], values[values.len() - 1]);
    if !(high - low).is_finite() {
        return None;
    }
    let count = bins(&values);
    if low == high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let edge = |at: usize| {
        if at == count { high } else { low + (high - low) * (at as f64 / count as f64) }
    };
    let below = |at: usize| match at == count {
        true => values.len(),
        false => values.partition_point(|&value| value < edge(at)),
    };
    let bins = (0..count).map(|at| Bin {
        from: edge(at),
        to: edge(at + 1),
        count: (below(at + 1) - below(at)) as u64,
    });
    Some(Histogram { bins: bins.collect() })
}

/// How many bins; `sorted` has at least one value.
fn bins(sorted: &[f64]) -> usize {
    let range = sorted[sorted.len() - 1] - sorted[0];
    let spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    let width = 2.0 * spread / libm::cbrt(sorted.len() as f64);
    if range == 0.0 {
        return *BINS.start();
    }
    if width <= 0.0 {
        return *BINS.end();
    }
    // A number too large for an integer becomes the largest one.
    ((range / width).ceil() as usize).clamp(*BINS.start(), *BINS.end())
}

/// The value that `share` of the sorted values lie below, in proportion between neighbours; as NumPy.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * share;
    let low = at.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}
