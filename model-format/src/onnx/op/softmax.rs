//! `Softmax` (opset 13): exponentials along one axis, divided by their sum.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// Exponentials along `axis`, divided by their sum.
    pub fn softmax(&mut self, x: &Value, axis: i64) -> Value {
        self.node("", "Softmax", &[x], vec![attribute_int("axis", axis)])
    }
}
