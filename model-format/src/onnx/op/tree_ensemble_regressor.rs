//! `TreeEnsembleRegressor` (`ai.onnx.ml` 3): sums of leaf weights.

use super::tree_ensemble::Forest;
use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// The sums `[N]` of a forest over `features` `[N, width]`.
    pub fn tree_ensemble_regressor(&mut self, features: &Value, forest: &Forest) -> Value {
        unimplemented!()
    }
}
