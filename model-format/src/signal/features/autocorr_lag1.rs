//! `autocorr_lag1`: Autocorrelation at a distance of 1 sample: Σ c[t] c[t+1] / Σ c², with c = x -
//! mean.
//!
//! 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "autocorr_lag1",
    version: 1,
    family: Family::Change,
    doc: "Autocorrelation at a distance of 1 sample: Σ c[t] c[t+1] / Σ c², with c = x - mean.",
    source: "G. Box and G. Jenkins, Time Series Analysis, 1970 (biased estimator)",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::SignedShare,
    window_min_samples: 2,
    needs: Needs::Nothing,
    kernel: |basis| basis.autocorrelation(1),
    emit: |body| body.autocorrelation(1),
};
