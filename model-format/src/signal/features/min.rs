//! `min`: Smallest sample.
//!
//! Defined for every window.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "min",
    version: 1,
    family: Family::Level,
    doc: "Smallest sample.",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    range: Range::Any,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.levels().min,
    emit: |body| body.min(),
};
