//! `Exp`: e to the power x, element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// E to the power x, element by element.
    pub fn exp(&mut self, x: &Value) -> Value {
        self.node("", "Exp", &[x], vec![])
    }
}
