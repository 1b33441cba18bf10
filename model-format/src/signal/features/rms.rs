//! `rms`: Root mean square, offset included: √(Σ x² / n).
//!
//! Squares of 32-bit floats neither overflow nor vanish in 64 bits.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "rms",
    version: 1,
    family: Family::Level,
    doc: "Root mean square, offset included: √(Σ x² / n).",
    source: "textbook definition",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| (basis.levels().sum_squares / basis.length()).sqrt(),
    emit: |body| body.rms(),
};
