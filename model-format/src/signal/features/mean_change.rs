//! `mean_change`: Mean step: (x[n-1] - x[0]) / (n - 1), to which Σ (x[t+1] - x[t]) / (n - 1)
//! shrinks.
//!
//! Hangs on the first and the last sample alone.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "mean_change",
    version: 1,
    family: Family::Change,
    doc: "Mean step: (x[n-1] - x[0]) / (n - 1), to which Σ (x[t+1] - x[t]) / (n - 1) shrinks.",
    source: "tsfresh, mean_change",
    unit: Unit::ChannelPerSample,
    scale: Scale::Span,
    range: Range::Any,
    window_min_samples: 2,
    needs: Needs::Nothing,
    kernel: |basis| {
        let x = basis.samples();
        (x[x.len() - 1] - x[0]) / (basis.length() - 1.0)
    },
    emit: |body| {
        let n = body.window_samples();
        let (last, first) = (body.at(&body.samples(), n - 1), body.at(&body.samples(), 0));
        let rise = body.graph.sub(&last, &first);
        body.over(&rise, n as f64 - 1.0)
    },
};
