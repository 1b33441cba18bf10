//! `crest_factor`: Peak over root mean square: max |x| / √(Σ x² / n); 1.41 for a sine, high for
//! impacts.
//!
//! 0 where all samples are 0; 1 where all are equal.

use super::basis::ratio;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "crest_factor",
    version: 1,
    family: Family::Shape,
    doc: "Peak over root mean square: max |x| / √(Σ x² / n); 1.41 for a sine, high for impacts.",
    source: "Y. Lei, Intelligent Fault Diagnosis and Remaining Useful Life Prediction of Rotating \
          Machinery, 2016",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let rms = (basis.levels().sum_squares / basis.length()).sqrt();
        ratio(basis.magnitude(), rms)
    },
    emit: |body| {
        let (peak, rms) = (body.magnitude(), body.rms());
        body.ratio(&peak, &rms)
    },
};
