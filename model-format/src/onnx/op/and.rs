//! `And`: a and b, element by element, with broadcasting.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// A and b, element by element, with broadcasting.
    pub fn logical_and(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "And", &[a, b], vec![])
    }
}
