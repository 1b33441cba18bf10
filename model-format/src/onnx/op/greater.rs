//! `Greater`: a > b, element by element, with broadcasting.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// A > b, element by element, with broadcasting.
    pub fn greater(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Greater", &[a, b], vec![])
    }
}
