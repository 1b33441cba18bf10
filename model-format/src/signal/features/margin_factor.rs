//! `margin_factor`: Peak over squared mean root (clearance factor): max |x| / (Σ √|x| / n)²;
//! reacts to early impacts.
//!
//! 0 where all samples are 0; 1 where all are equal.

use super::basis::{ratio, sums};
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "margin_factor",
    version: 1,
    family: Family::Shape,
    doc: "Peak over squared mean root (clearance factor): max |x| / (Σ √|x| / n)²; reacts to \
          early impacts.",
    source: "Y. Lei, Intelligent Fault Diagnosis and Remaining Useful Life Prediction of Rotating \
          Machinery, 2016",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let [roots] = sums(basis.samples(), |x| [x.abs().sqrt()]);
        let mean_root = roots / basis.length();
        ratio(basis.magnitude(), mean_root * mean_root)
    },
    emit: |body| {
        let (peak, magnitudes) = (body.magnitude(), body.magnitudes());
        let roots = body.graph.sqrt(&magnitudes);
        let sum = body.sum(&roots);
        let mean_root = body.over_length(&sum);
        let square = body.square(&mean_root);
        body.ratio(&peak, &square)
    },
};
