//! `longest_strike_above_mean`: Longest run of neighbouring samples above the mean.
//!
//! A sample counts as above the mean where it exceeds it by more than 1e-9 of the span. 0 where
//! all samples are equal.

use super::basis::BasisGraph;
use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::graph::Value;
use crate::onnx::tensor::Tensor;

pub(super) static FEATURE: Feature = Feature {
    name: "longest_strike_above_mean",
    version: 1,
    family: Family::Runs,
    doc: "Longest run of neighbouring samples above the mean.",
    source: "tsfresh, longest_strike_above_mean",
    unit: Unit::Samples,
    scale: Scale::Samples,
    range: Range::WindowLength,
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let margin = basis.margin();
        let (mut run, mut longest) = (0u32, 0);
        for &c in basis.deviations() {
            run = if c > margin { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        f64::from(longest)
    },
    emit,
};

/// A run lies between two neighbouring samples that are not above the mean. Their positions, in
/// order, with -1 before and n behind all; the samples above count as n too, where no distance is
/// left.
fn emit(body: &mut BasisGraph<'_>) -> Value {
    let n = body.window_samples();
    let above = body.above_mean();
    let places = (0..n).map(|t| t as f64).collect();
    let places = body.graph.constant(Tensor::f64(vec![n], places));
    let distances = (0..n).map(|t| (n - t) as f64).collect();
    let distances = body.graph.constant(Tensor::f64(vec![n], distances));
    let moved = body.graph.mul(&above, &distances);
    let places = body.graph.add(&places, &moved);
    let sorted = body.graph.sort_ascending(&places, 2, n);
    let first = body.at(&sorted, 0);
    let nothing = body.times(&first, 0.0);
    let one = body.graph.scalar_f64(1.0);
    let before = body.graph.sub(&nothing, &one);
    let end = body.graph.scalar_f64(n as f64);
    let behind = body.graph.add(&nothing, &end);
    let all = body.graph.concat(&[&before, &sorted, &behind], 2);
    let later = body.range(&all, 1, n + 2);
    let earlier = body.range(&all, 0, n + 1);
    let steps = body.graph.sub(&later, &earlier);
    let longest = body.graph.reduce_max(&steps, 2, true);
    // Neighbours are one step apart, and have nothing between them.
    body.graph.sub(&longest, &one)
}
