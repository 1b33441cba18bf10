//! `shape_factor`: Root mean square over mean magnitude: √(Σ x² / n) / (Σ |x| / n); 1.11 for a
//! sine.
//!
//! 0 where all samples are 0; 1 where all are equal.

use super::basis::ratio;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "shape_factor",
    version: 1,
    family: Family::Shape,
    doc: "Root mean square over mean magnitude: √(Σ x² / n) / (Σ |x| / n); 1.11 for a sine.",
    source: "Y. Lei, Intelligent Fault Diagnosis and Remaining Useful Life Prediction of Rotating \
          Machinery, 2016",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let rms = (basis.levels().sum_squares / basis.length()).sqrt();
        let mean_magnitude = basis.levels().sum_magnitudes / basis.length();
        ratio(rms, mean_magnitude)
    },
    emit: |body| {
        let (rms, mean_magnitude) = (body.rms(), body.mean_magnitude());
        body.ratio(&rms, &mean_magnitude)
    },
};
