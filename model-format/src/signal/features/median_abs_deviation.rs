//! `median_abs_deviation`: Median distance from the median: median |x - median|; a few outliers
//! do not move it.
//!
//! Not scaled to the standard deviation of a normal distribution. Exactly 0 where more than half
//! of the samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "median_abs_deviation",
    version: 1,
    family: Family::Spread,
    doc: "Median distance from the median: median |x - median|; a few outliers do not move it.",
    source: "F. Hampel, The influence curve and its role in robust estimation, 1974",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.median_distance(),
    emit: |body| body.median_distance(),
};
