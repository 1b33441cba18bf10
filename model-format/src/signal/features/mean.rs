//! `mean`: Arithmetic mean: Σ x / n.
//!
//! Defined for every window.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "mean",
    version: 1,
    family: Family::Level,
    doc: "Arithmetic mean: Σ x / n.",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    range: Range::Any,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.levels().sum / basis.length(),
    emit: |body| {
        let sum = body.sum(&body.samples());
        body.over_length(&sum)
    },
};
