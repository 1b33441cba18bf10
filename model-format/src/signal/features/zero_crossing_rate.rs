//! `zero_crossing_rate`: How often neighbours lie on different sides of the mean: changes of (x >
//! mean) / (n - 1).
//!
//! A sample counts as above the mean where it exceeds it by more than 1e-9 of the span. 0 where
//! all samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "zero_crossing_rate",
    version: 1,
    family: Family::Change,
    doc: "How often neighbours lie on different sides of the mean: changes of (x > mean) / (n - \
          1).",
    source: "textbook definition, around the mean",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Share,
    window_min_samples: 2,
    needs: Needs::Nothing,
    kernel: |basis| {
        let margin = basis.margin();
        let deviations = basis.deviations();
        let crossings: u32 = deviations
            .iter()
            .zip(&deviations[1..])
            .map(|(a, b)| u32::from((*a > margin) != (*b > margin)))
            .sum();
        f64::from(crossings) / (basis.length() - 1.0)
    },
    emit: |body| {
        let n = body.window_samples();
        let above = body.above_mean();
        let (later, earlier) = (body.range(&above, 1, n), body.range(&above, 0, n - 1));
        let change = body.graph.sub(&later, &earlier);
        let crossing = body.graph.abs(&change);
        let sum = body.sum(&crossing);
        body.over(&sum, n as f64 - 1.0)
    },
};
