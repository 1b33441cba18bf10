//! `Not`: logical negation, element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// Logical negation, element by element.
    pub fn logical_not(&mut self, x: &Value) -> Value {
        self.node("", "Not", &[x], vec![])
    }
}
