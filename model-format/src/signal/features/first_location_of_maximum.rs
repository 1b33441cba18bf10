//! `first_location_of_maximum`: Where the largest sample stands first, as a fraction of the
//! window: index / n.
//!
//! 0 where all samples are equal.

use super::basis::first_place;
use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::proto::DataType;

pub(super) static FEATURE: Feature = Feature {
    name: "first_location_of_maximum",
    version: 1,
    family: Family::Order,
    doc: "Where the largest sample stands first, as a fraction of the window: index / n.",
    source: "tsfresh, first_location_of_maximum",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Share,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let extreme = basis.levels().max;
        let index = first_place(basis.samples(), extreme);
        index.unwrap_or(0) as f64 / basis.length()
    },
    emit: |body| {
        let index = body.graph.arg_max(&body.samples(), 2, true, false);
        let index = body.graph.cast(&index, DataType::Double);
        body.over_length(&index)
    },
};
