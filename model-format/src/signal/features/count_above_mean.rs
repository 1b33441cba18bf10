//! `count_above_mean`: Number of samples above the mean.
//!
//! A sample counts as above the mean where it exceeds it by more than 1e-9 of the span. 0 where
//! all samples are equal.

use super::basis::sums;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "count_above_mean",
    version: 1,
    family: Family::Order,
    doc: "Number of samples above the mean.",
    source: "tsfresh, count_above_mean",
    unit: Unit::Samples,
    scale: Scale::Samples,
    range: Range::WindowLength,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let margin = basis.margin();
        let [count] = sums(basis.deviations(), |c| [if c > margin { 1.0 } else { 0.0 }]);
        count
    },
    emit: |body| {
        let above = body.above_mean();
        body.sum(&above)
    },
};
