//! Scores by class that are sums over the scaled features and their squares, as probabilities.

use model_format::artifact::{Head, HeadOutputs};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::DataType;
use model_format::onnx::tensor::Tensor;
use serde_json::Map;

use crate::estimator::Fitted;
use crate::scaler::Scaler;

/// A fitted model whose scores are logarithms of what the probabilities are in proportion to.
pub(super) struct FittedScores {
    /// What the features go through first.
    pub(super) scaler: Scaler,
    /// `[F, K]`, row-major: what the squares of the scaled features count; none where they do not.
    pub(super) quadratic: Option<Vec<f64>>,
    /// `[F, K]`, row-major: what the scaled features count.
    pub(super) linear: Vec<f64>,
    /// By class.
    pub(super) constants: Vec<f64>,
}

impl Head for FittedScores {
    /// ```text
    /// z [N,F] scaled → scores [N,K] = z² · quadratic + z · linear + constants in 64-bit floats
    /// probabilities [N,K] = Softmax(scores)
    /// ```
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let scaled = self.scaler.emit(graph, features);
        let probabilities = graph.scoped("scores", |graph| {
            let (width, classes) = (self.scaler.width(), self.constants.len());
            let z = graph.cast(&scaled, DataType::Double);
            let linear = graph.constant(Tensor::f64([width, classes], self.linear.clone()));
            let constants = graph.constant(Tensor::f64([classes], self.constants.clone()));
            let mut scores = graph.mat_mul(&z, &linear);
            if let Some(quadratic) = &self.quadratic {
                let quadratic = graph.constant(Tensor::f64([width, classes], quadratic.clone()));
                let squares = graph.mul(&z, &z);
                let squares = graph.mat_mul(&squares, &quadratic);
                scores = graph.add(&scores, &squares);
            }
            let scores = graph.add(&scores, &constants);
            probabilities(graph, &scores)
        });
        HeadOutputs::Classification { probabilities }
    }
}

/// Softmax of float64 scores `[N, K]` as float32. The largest one of each row is taken off before
/// the scores are rounded: large scores would lose the differences that decide.
pub(super) fn probabilities(graph: &mut GraphBuilder, scores: &Value) -> Value {
    let largest = graph.reduce_max(scores, 1, true);
    let below = graph.sub(scores, &largest);
    let below = graph.cast(&below, DataType::Float);
    graph.softmax(&below, 1)
}

impl Fitted for FittedScores {
    fn features(&self) -> usize {
        self.scaler.width()
    }

    fn facts(&self) -> Map<String, serde_json::Value> {
        self.scaler.facts()
    }
}
