//! `Max`: the larger of a and b, element by element, with broadcasting.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// The larger of a and b, element by element, with broadcasting.
    pub fn max(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Max", &[a, b], vec![])
    }
}
