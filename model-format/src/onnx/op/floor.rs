//! `Floor`: largest whole number not above x, element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// Largest whole number not above x, element by element.
    pub fn floor(&mut self, x: &Value) -> Value {
        self.node("", "Floor", &[x], vec![])
    }
}
