//! `slope`: Slope of the least-squares line: Σ (t - t̄)(x[t] - mean) / Σ (t - t̄)², with t
//! counted in samples.
//!
//! Exactly 0 where all samples are equal.

use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::tensor::Tensor;

pub(super) static FEATURE: Feature = Feature {
    name: "slope",
    version: 1,
    family: Family::Change,
    doc: "Slope of the least-squares line: Σ (t - t̄)(x[t] - mean) / Σ (t - t̄)², with t counted \
          in samples.",
    source: "textbook definition",
    unit: Unit::ChannelPerSample,
    scale: Scale::Span,
    range: Range::Any,
    window_min_samples: 2,
    needs: Needs::Nothing,
    kernel: |basis| {
        let deviations = basis.deviations();
        let n = deviations.len();
        // Times are whole or half numbers: counting on is exact.
        let mut times = [0.0, 1.0, 2.0, 3.0].map(|t| t - (n as f64 - 1.0) / 2.0);
        let mut totals = [0.0; 4];
        let chunks = deviations.chunks_exact(4);
        let rest = chunks.remainder();
        for chunk in chunks {
            for lane in 0..4 {
                totals[lane] += times[lane] * chunk[lane];
                times[lane] += 4.0;
            }
        }
        for (lane, c) in rest.iter().enumerate() {
            totals[lane] += times[lane] * c;
        }
        totals.iter().sum::<f64>() / spread(n)
    },
    emit: |body| {
        let n = body.window_samples();
        let center = (n as f64 - 1.0) / 2.0;
        let times = (0..n).map(|t| t as f64 - center).collect();
        let times = body.graph.constant(Tensor::f64(vec![n], times));
        let deviations = body.deviations();
        let products = body.graph.mul(&deviations, &times);
        let sum = body.sum(&products);
        body.over(&sum, spread(n))
    },
};

/// Σ (t - t̄)² for t from 0 to n - 1.
fn spread(n: usize) -> f64 {
    let n = n as f64;
    n * (n * n - 1.0) / 12.0
}
