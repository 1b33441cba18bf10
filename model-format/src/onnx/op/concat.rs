//! `Concat` (opset 13): tensors joined along one axis.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// The tensors joined along `axis`.
    pub fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        self.node("", "Concat", parts, vec![attribute_int("axis", axis)])
    }
}
