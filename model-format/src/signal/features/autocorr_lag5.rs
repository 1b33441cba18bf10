//! `autocorr_lag5`: Autocorrelation at a distance of 5 samples: Σ c[t] c[t+5] / Σ c², with c = x
//! - mean.
//!
//! 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "autocorr_lag5",
    version: 1,
    family: Family::Change,
    doc: "Autocorrelation at a distance of 5 samples: Σ c[t] c[t+5] / Σ c², with c = x - mean.",
    source: "G. Box and G. Jenkins, Time Series Analysis, 1970 (biased estimator)",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::SignedShare,
    window_min_samples: 6,
    needs: Needs::Nothing,
    kernel: |basis| basis.autocorrelation(5),
    emit: |body| body.autocorrelation(5),
};
