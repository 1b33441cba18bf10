//! `peak_to_peak`: Largest minus smallest sample: max - min.
//!
//! Exactly 0 where all samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "peak_to_peak",
    version: 1,
    family: Family::Spread,
    doc: "Largest minus smallest sample: max - min.",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.span(),
    emit: |body| body.span(),
};
