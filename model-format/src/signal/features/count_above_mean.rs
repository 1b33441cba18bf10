//! `count_above_mean`: Number of samples above the mean.
//!
//! A sample counts as above the mean where it exceeds it by more than 1e-9 of the span. 0 where
//! all samples are equal.

use super::{Family, Feature, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "count_above_mean",
    version: 1,
    family: Family::Order,
    doc: "Number of samples above the mean.",
    source: "tsfresh, count_above_mean",
    unit: Unit::Samples,
    scale: Scale::Samples,
    window_min_samples: 1,
    needs_rate: false,
    kernel: |basis| {
        let margin = basis.margin();
        let count: u32 = basis.deviations().iter().map(|&c| u32::from(c > margin)).sum();
        f64::from(count)
    },
    emit: |body| {
        let above = body.above_mean();
        body.sum(&above)
    },
};
