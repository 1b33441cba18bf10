//! `Sqrt`: square root, element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// Square root, element by element.
    pub fn sqrt(&mut self, x: &Value) -> Value {
        self.node("", "Sqrt", &[x], vec![])
    }
}
