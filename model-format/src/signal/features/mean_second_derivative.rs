//! `mean_second_derivative`: Mean curvature: Σ (x[t+2] - 2 x[t+1] + x[t]) / (n - 2), which is the
//! last step minus the first one over n - 2.
//!
//! Hangs on the first two and the last two samples alone.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "mean_second_derivative",
    version: 1,
    family: Family::Change,
    doc: "Mean curvature: Σ (x[t+2] - 2 x[t+1] + x[t]) / (n - 2), which is the last step minus \
          the first one over n - 2.",
    source: "tsfresh, mean_second_derivative_central (which halves it)",
    unit: Unit::ChannelPerSampleSquared,
    scale: Scale::Span,
    range: Range::Any,
    window_min_samples: 3,
    needs: Needs::Nothing,
    kernel: |basis| {
        let x = basis.samples();
        let n = x.len();
        ((x[n - 1] - x[n - 2]) - (x[1] - x[0])) / (basis.length() - 2.0)
    },
    emit: |body| {
        let n = body.window_samples();
        let changes = body.changes();
        let (last, first) = (body.at(&changes, n - 2), body.at(&changes, 0));
        let difference = body.graph.sub(&last, &first);
        body.over(&difference, n as f64 - 2.0)
    },
};
