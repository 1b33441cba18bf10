//! `interquartile_range`: Width of the middle half of the samples: 75 % quantile - 25 % quantile.
//!
//! Exactly 0 where the middle half of the samples is equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "interquartile_range",
    version: 1,
    family: Family::Spread,
    doc: "Width of the middle half of the samples: 75 % quantile - 25 % quantile.",
    source: "R. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996, type 7",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| basis.quantile(75) - basis.quantile(25),
    emit: |body| {
        let (high, low) = (body.quantile(75), body.quantile(25));
        body.graph.sub(&high, &low)
    },
};
