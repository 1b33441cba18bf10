//! `Gather` (opset 13): chosen positions along one axis.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// The elements at `indices` along `axis`.
    pub fn gather(&mut self, x: &Value, indices: &[i64], axis: i64) -> Value {
        let indices = self.integers(indices);
        self.node("", "Gather", &[x, &indices], vec![attribute_int("axis", axis)])
    }
}
