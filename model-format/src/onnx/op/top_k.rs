//! `TopK` (opset 11), used as a full sort along one axis.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// The elements along `axis`, which has length `length`, in ascending order.
    pub fn sort_ascending(&mut self, x: &Value, axis: i64, length: usize) -> Value {
        let k = self.integers(&[length as i64]);
        let attributes = vec![
            attribute_int("axis", axis),
            attribute_int("largest", 0),
            attribute_int("sorted", 1),
        ];
        self.node_with_outputs("", "TopK", &[x, &k], attributes, 2).remove(0)
    }
}
