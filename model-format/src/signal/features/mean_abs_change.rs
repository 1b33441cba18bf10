//! `mean_abs_change`: Mean step size: Σ |x[t+1] - x[t]| / (n - 1).
//!
//! Exactly 0 where all samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "mean_abs_change",
    version: 1,
    family: Family::Change,
    doc: "Mean step size: Σ |x[t+1] - x[t]| / (n - 1).",
    source: "tsfresh, mean_abs_change",
    unit: Unit::ChannelPerSample,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 2,
    needs: Needs::Nothing,
    kernel: |basis| basis.changes().sum_magnitudes / (basis.length() - 1.0),
    emit: |body| {
        let changes = body.changes();
        let sizes = body.graph.abs(&changes);
        let sum = body.sum(&sizes);
        body.over(&sum, body.window_samples() as f64 - 1.0)
    },
};
