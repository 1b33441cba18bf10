//! `peak_frequency`: Frequency of the strongest bin; of equal ones the lowest.
//!
//! 0 where the window has no variance. Powers within 1e-9 of the largest are equal to it.

use super::basis::TIE;
use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::proto::DataType;

pub(super) static FEATURE: Feature = Feature {
    name: "peak_frequency",
    version: 1,
    family: Family::Spectrum,
    doc: "Frequency of the strongest bin; of equal ones the lowest.",
    source: "textbook definition",
    unit: Unit::Hertz,
    scale: Scale::Nyquist,
    range: Range::Nyquist,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| {
        let bin_hz = basis.bin_hz();
        let Some(shares) = basis.shares() else { return 0.0 };
        let peak = shares.iter().fold(0.0, |most, &share| if share > most { share } else { most });
        let line = peak - peak * TIE;
        let index = shares.iter().position(|&share| share >= line).unwrap_or(0);
        (index + 1) as f64 * bin_hz
    },
    emit: |body| {
        let shares = body.shares();
        let peak = body.graph.reduce_max(&shares, 2, true);
        // Not the product with 1 - 1e-9: ONNX Runtime drops factors that are 1 in 32 bits.
        let margin = body.times(&peak, TIE);
        let line = body.graph.sub(&peak, &margin);
        let strong = body.graph.greater_or_equal(&shares, &line);
        let strong = body.indicator(&strong);
        let index = body.graph.arg_max(&strong, 2, true, false);
        let index = body.graph.cast(&index, DataType::Double);
        let one = body.graph.scalar_f64(1.0);
        let bins = body.graph.add(&index, &one);
        let frequency = body.times(&bins, body.bin_hz());
        body.where_power(&frequency)
    },
};
