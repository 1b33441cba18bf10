//! `mean_abs_deviation`: Mean distance from the mean: Σ |x - mean| / n.
//!
//! Exactly 0 where all samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "mean_abs_deviation",
    version: 1,
    family: Family::Spread,
    doc: "Mean distance from the mean: Σ |x - mean| / n.",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.moments().sum_magnitudes / basis.length(),
    emit: |body| {
        let deviations = body.deviations();
        let distances = body.graph.abs(&deviations);
        let sum = body.sum(&distances);
        body.over_length(&sum)
    },
};
