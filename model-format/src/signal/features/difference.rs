//! `difference_K`: how far the newest sample lies above the one K samples before it: x[n-1] - x[n-1-K].
//!
//! What pandas calls `diff(K)`, seen from the last row of a window. A window is a stretch without a
//! gap, so a difference never reaches over one, nor into another recording.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "difference_K",
    version: 1,
    family: Family::Rows,
    doc: "The newest sample minus the one K samples before it: x[n-1] - x[n-1-K].",
    source: "pandas, diff",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::Any,
    window_min_samples: 2,
    needs: Needs::Nothing,
    kernel: |basis| {
        let (x, steps) = (basis.samples(), basis.steps());
        x[x.len() - 1] - x[x.len() - 1 - steps]
    },
    emit: |body| {
        let newest = body.window_samples() - 1;
        let (last, before) =
            (body.at(&body.samples(), newest), body.at(&body.samples(), newest - body.steps()));
        body.graph.sub(&last, &before)
    },
};
