//! `Squeeze` (opset 13): the tensor without the axis of length 1 at position.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// `x` without the axis of length 1 at position `axis`.
    pub fn squeeze(&mut self, x: &Value, axis: i64) -> Value {
        let axes = self.integers(&[axis]);
        self.node("", "Squeeze", &[x, &axes], vec![])
    }
}
