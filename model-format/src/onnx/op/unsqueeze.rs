//! `Unsqueeze` (opset 13): the tensor with a new axis of length 1 at position.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// `x` with a new axis of length 1 at position `axis`.
    pub fn unsqueeze(&mut self, x: &Value, axis: i64) -> Value {
        let axes = self.integers(&[axis]);
        self.node("", "Unsqueeze", &[x, &axes], vec![])
    }
}
