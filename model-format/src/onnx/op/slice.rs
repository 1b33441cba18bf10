//! `Slice` (opset 13): a range along one axis.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// Elements `start..end` along `axis`.
    pub fn slice(&mut self, x: &Value, axis: i64, start: usize, end: usize) -> Value {
        let start = self.integers(&[start as i64]);
        let end = self.integers(&[end as i64]);
        let axes = self.integers(&[axis]);
        self.node("", "Slice", &[x, &start, &end, &axes], vec![])
    }
}
