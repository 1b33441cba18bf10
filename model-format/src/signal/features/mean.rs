//! `mean`: Arithmetic mean: Σ x / n.
//!
//! Defined for every window.

use super::{Family, Feature, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "mean",
    version: 1,
    family: Family::Level,
    doc: "Arithmetic mean: Σ x / n.",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    window_min_samples: 1,
    needs_rate: false,
    kernel: |basis| basis.levels().sum / basis.length(),
    emit: |body| {
        let sum = body.sum(&body.samples());
        body.over_length(&sum)
    },
};
