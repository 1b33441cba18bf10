//! A weighted sum of the scaled features plus a constant, as a graph.

use model_format::artifact::{Head, HeadOutputs};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use serde_json::{Map, json};

use crate::estimator::Fitted;
use crate::scaler::Scaler;

/// The fitted sum.
pub(super) struct FittedLinear {
    /// Name of the estimator, in the names of the graph's values.
    pub(super) scope: &'static str,
    /// What the features go through first.
    pub(super) scaler: Scaler,
    /// What each scaled feature counts.
    pub(super) weights: Vec<f64>,
    /// The constant.
    pub(super) intercept: f64,
    /// What the fit found besides these.
    pub(super) facts: Map<String, serde_json::Value>,
}

impl Head for FittedLinear {
    /// `[N, F]` scaled → `[N, F]`·`[F, 1]` + intercept in 64-bit floats → `[N]` float32.
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let scaled = self.scaler.emit(graph, features);
        let value = graph.scoped(self.scope, |graph| {
            let weights = Tensor::f64([self.weights.len(), 1], self.weights.clone());
            let weights = graph.constant(weights);
            let intercept = graph.scalar_f64(self.intercept);
            let scaled = graph.cast(&scaled, DataType::Double);
            let sum = graph.mat_mul(&scaled, &weights);
            let sum = graph.add(&sum, &intercept);
            let sum = graph.squeeze(&sum, 1);
            graph.cast(&sum, DataType::Float)
        });
        HeadOutputs::Regression { value }
    }
}

impl Fitted for FittedLinear {
    fn features(&self) -> usize {
        self.weights.len()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        let mut facts = Map::from_iter([
            ("weights".to_owned(), json!(self.weights)),
            ("intercept".to_owned(), json!(self.intercept)),
        ]);
        facts.extend(self.scaler.facts());
        facts.extend(self.facts.clone());
        facts
    }
}

/// Subtracts the weighted mean of each column and returns the means.
pub(super) fn centre(values: &mut [f64], width: usize, weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut means = vec![0.0; width];
    for (row, weight) in values.chunks_exact(width).zip(weights) {
        for (mean, value) in means.iter_mut().zip(row) {
            *mean += weight * value / total;
        }
    }
    for row in values.chunks_exact_mut(width) {
        for (value, mean) in row.iter_mut().zip(&means) {
            *value -= mean;
        }
    }
    means
}
