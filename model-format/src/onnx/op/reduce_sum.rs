//! `ReduceSum` (opset 13): sum along one axis.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// The sum along `axis`; the axis stays with length 1 where `keep` is set.
    pub fn reduce_sum(&mut self, x: &Value, axis: i64, keep: bool) -> Value {
        let axes = self.integers(&[axis]);
        self.node("", "ReduceSum", &[x, &axes], vec![attribute_int("keepdims", i64::from(keep))])
    }
}
