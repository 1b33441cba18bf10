//! `min`: Smallest sample.
//!
//! Defined for every window.

use super::{Family, Feature, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "min",
    version: 1,
    family: Family::Level,
    doc: "Smallest sample.",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    window_min_samples: 1,
    needs_rate: false,
    kernel: |basis| basis.levels().min,
    emit: |body| body.min(),
};
