//! `std`: Standard deviation of the population: √(Σ (x - mean)² / n).
//!
//! Exactly 0 where all samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "std",
    version: 1,
    family: Family::Spread,
    doc: "Standard deviation of the population: √(Σ (x - mean)² / n).",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.variance().sqrt(),
    emit: |body| {
        let variance = body.variance();
        body.graph.sqrt(&variance)
    },
};
