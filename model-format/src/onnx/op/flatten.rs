//! `Flatten` (opset 13): two axes, the first ones joined and the rest joined.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// `x` as a matrix: axes before `axis` joined, axes from `axis` on joined.
    pub fn flatten(&mut self, x: &Value, axis: i64) -> Value {
        self.node("", "Flatten", &[x], vec![attribute_int("axis", axis)])
    }
}
