//! `binned_entropy`: Entropy of a histogram of 10 bins of equal width from min to max:
//! -Σ p ln p.
//!
//! 0 where all samples are equal. A sample's bin is the whole part of (x - min) · 10 / (max - min),
//! at most 9, rounded in this order in both renderings.

use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::tensor::Tensor;

/// Bins of the histogram.
const BINS: usize = 10;

pub(super) static FEATURE: Feature = Feature {
    name: "binned_entropy",
    version: 1,
    family: Family::Shape,
    doc: "Entropy of a histogram of 10 bins of equal width from min to max: -Σ p ln p; 0 where \
          all samples fall into one bin, 2.30 where they spread evenly.",
    source: "tsfresh, binned_entropy with max_bins = 10",
    unit: Unit::Nats,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let span = basis.span();
        if span == 0.0 {
            return 0.0;
        }
        let min = basis.levels().min;
        // Four histograms, so that a bin is not written again before the last write has landed.
        let mut counts = [[0u32; BINS]; 4];
        for chunk in basis.samples().chunks(4) {
            for (counts, x) in counts.iter_mut().zip(chunk) {
                let position = (x - min) * BINS as f64 / span;
                counts[(position as i32 as usize).min(BINS - 1)] += 1;
            }
        }
        let n = basis.length();
        let mut entropy = 0.0;
        for bin in 0..BINS {
            let count: u32 = counts.iter().map(|counts| counts[bin]).sum();
            if count > 0 {
                let share = f64::from(count) / n;
                entropy -= share * libm::log(share);
            }
        }
        entropy
    },
    emit: |body| {
        let n = body.window_samples() as f64;
        let (min, span) = (body.min(), body.span());
        let above_min = body.graph.sub(&body.samples(), &min);
        let scaled = body.times(&above_min, BINS as f64);
        let positions = body.ratio(&scaled, &span);
        // [N, C, 1, W] against edges [9, 1]: which edges each sample has reached.
        let positions = body.graph.unsqueeze(&positions, 2);
        let edges = (1..BINS).map(|bin| bin as f64).collect();
        let edges = body.graph.constant(Tensor::f64(vec![BINS - 1, 1], edges));
        let reached = body.graph.greater_or_equal(&positions, &edges);
        let reached = body.indicator(&reached);
        let reached = body.graph.reduce_sum(&reached, 3, false);
        // [N, C, 9] → [N, C, 10]: what reached an edge and not the next one; all reach the first.
        let mut steps = vec![0.0; (BINS - 1) * BINS];
        for edge in 0..BINS - 1 {
            steps[edge * BINS + edge] = -1.0;
            steps[edge * BINS + edge + 1] = 1.0;
        }
        let steps = body.graph.constant(Tensor::f64(vec![BINS - 1, BINS], steps));
        let moved = body.graph.mat_mul(&reached, &steps);
        let mut all = vec![0.0; BINS];
        all[0] = n;
        let all = body.graph.constant(Tensor::f64(vec![BINS], all));
        let counts = body.graph.add(&moved, &all);
        // An empty bin's share is 0, and so is its product with the logarithm of 1 / n.
        let shares = body.over_length(&counts);
        let least = body.graph.scalar_f64(1.0 / n);
        let raised = body.graph.max(&shares, &least);
        let logs = body.graph.log(&raised);
        let products = body.graph.mul(&shares, &logs);
        let sum = body.sum(&products);
        body.times(&sum, -1.0)
    },
};
