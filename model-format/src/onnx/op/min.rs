//! `Min`: the smaller of a and b, element by element, with broadcasting.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// The smaller of a and b, element by element, with broadcasting.
    pub fn min(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Min", &[a, b], vec![])
    }
}
