//! `hjorth_mobility`: Mean frequency in radians per sample, roughly: √(variance of the steps /
//! variance of the samples).
//!
//! 0 where the window has no variance.

use super::basis::ratio;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "hjorth_mobility",
    version: 1,
    family: Family::Change,
    doc: "Mean frequency in radians per sample, roughly: √(variance of the steps / variance of \
          the samples).",
    source: "B. Hjorth, EEG analysis based on time domain properties, 1970",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 3,
    needs: Needs::Nothing,
    kernel: |basis| ratio(basis.changes().variance, basis.variance()).sqrt(),
    emit: |body| {
        let (changes, samples) = (body.change_variance(), body.variance());
        let quotient = body.ratio(&changes, &samples);
        body.graph.sqrt(&quotient)
    },
};
