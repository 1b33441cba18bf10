//! `lag_K`: the sample that came K samples before the newest one: x[n-1-K]; `lag_0` is the newest one
//! itself.
//!
//! What pandas calls `shift(K)`, seen from the last row of a window. A window is a stretch without a
//! gap, so a lag never reaches over one, nor into another recording.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "lag_K",
    version: 1,
    family: Family::Rows,
    doc: "The sample K samples before the newest one: x[n-1-K]. lag_0 is the newest sample itself.",
    source: "pandas, shift",
    unit: Unit::Channel,
    scale: Scale::Magnitude,
    range: Range::Any,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let x = basis.samples();
        x[x.len() - 1 - basis.steps()]
    },
    emit: |body| body.at(&body.samples(), body.window_samples() - 1 - body.steps()),
};
