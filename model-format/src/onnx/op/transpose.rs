//! `Transpose` (opset 13): axes in another order.

use crate::onnx::graph::{GraphBuilder, Value, attribute_ints};

impl GraphBuilder {
    /// Axis `i` of the result is axis `order[i]` of `x`.
    pub fn transpose(&mut self, x: &Value, order: &[i64]) -> Value {
        self.node("", "Transpose", &[x], vec![attribute_ints("perm", order.to_vec())])
    }
}
