//! `impulse_factor`: Peak over mean magnitude: max |x| / (Σ |x| / n); 1.57 for a sine, high for
//! impacts.
//!
//! 0 where all samples are 0; 1 where all are equal.

use super::basis::ratio;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "impulse_factor",
    version: 1,
    family: Family::Shape,
    doc: "Peak over mean magnitude: max |x| / (Σ |x| / n); 1.57 for a sine, high for impacts.",
    source: "Y. Lei, Intelligent Fault Diagnosis and Remaining Useful Life Prediction of Rotating \
          Machinery, 2016",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let mean_magnitude = basis.levels().sum_magnitudes / basis.length();
        ratio(basis.magnitude(), mean_magnitude)
    },
    emit: |body| {
        let (peak, mean_magnitude) = (body.magnitude(), body.mean_magnitude());
        body.ratio(&peak, &mean_magnitude)
    },
};
