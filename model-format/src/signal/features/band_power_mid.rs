//! `band_power_mid`: Share of the power from a sixth up to below a third of the sampling rate.
//!
//! 0 where the window has no variance. Bins are told apart in whole numbers: bin k lies below a
//! sixth where 6 k < n.

use super::basis::Third;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "band_power_mid",
    version: 1,
    family: Family::Spectrum,
    doc: "Share of the power from a sixth up to below a third of the sampling rate.",
    source: "textbook definition",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Share,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| basis.band_power(Third::Mid),
    emit: |body| body.band_power(Third::Mid),
};
