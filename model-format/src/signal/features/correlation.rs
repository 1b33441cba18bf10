//! `correlation_OTHER`: Pearson's correlation of the channel with another one in the window.
//!
//! 0 where either of them has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "correlation",
    version: 1,
    family: Family::Pairs,
    doc: "Pearson's correlation with another channel, named behind it (accX.correlation_accY): \
          Σ c d / √(Σ c² Σ d²) over the deviations c and d from the means.",
    source: "textbook definition",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::SignedShare,
    window_min_samples: 2,
    needs: Needs::Partner,
    kernel: |basis| basis.correlation(),
    emit: |body| body.correlation(),
};
