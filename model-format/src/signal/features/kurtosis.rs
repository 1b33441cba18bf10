//! `kurtosis`: Excess kurtosis: fourth central moment over the squared variance, minus 3; 0 for
//! normal values, large for impulses.
//!
//! 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "kurtosis",
    version: 1,
    family: Family::Shape,
    doc: "Excess kurtosis: fourth central moment over the squared variance, minus 3; 0 for \
          normal values, large for impulses.",
    source: "D. Joanes and C. Gill, Comparing measures of sample skewness and kurtosis, 1998, g2 \
          (biased)",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(-2.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let variance = basis.variance();
        if variance == 0.0 {
            return 0.0;
        }
        basis.moments().sum_fourths / basis.length() / (variance * variance) - 3.0
    },
    emit: |body| {
        let (variance, squares) = (body.variance(), body.squared_deviations());
        let fourths = body.square(&squares);
        let sum = body.sum(&fourths);
        let fourth = body.over_length(&sum);
        let square = body.square(&variance);
        // Where there is no variance the excess 0 - 3 · 0 / 1 stays 0.
        let three = body.times(&square, 3.0);
        let excess = body.graph.sub(&fourth, &three);
        body.ratio(&excess, &square)
    },
};
