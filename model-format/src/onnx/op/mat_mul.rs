//! `MatMul` (opset 13): matrix product.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// The product of the matrices `a` and `b`.
    pub fn mat_mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "MatMul", &[a, b], vec![])
    }
}
