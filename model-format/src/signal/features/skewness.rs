//! `skewness`: Asymmetry: third central moment over the cube of the standard deviation; 0 for
//! symmetric values, positive for a tail upwards.
//!
//! 0 where the window has no variance.

use super::basis::ratio;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "skewness",
    version: 1,
    family: Family::Shape,
    doc: "Asymmetry: third central moment over the cube of the standard deviation; 0 for \
          symmetric values, positive for a tail upwards.",
    source: "D. Joanes and C. Gill, Comparing measures of sample skewness and kurtosis, 1998, g1 \
          (biased)",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Any,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let variance = basis.variance();
        let third = basis.moments().sum_cubes / basis.length();
        ratio(third, variance * variance.sqrt())
    },
    emit: |body| {
        let (variance, squares, deviations) =
            (body.variance(), body.squared_deviations(), body.deviations());
        let cubes = body.graph.mul(&squares, &deviations);
        let sum = body.sum(&cubes);
        let third = body.over_length(&sum);
        let std = body.graph.sqrt(&variance);
        let cube = body.graph.mul(&variance, &std);
        body.ratio(&third, &cube)
    },
};
