//! `Sigmoid`: 1 / (1 + exp(-x)), element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// 1 / (1 + exp(-x)), element by element.
    pub fn sigmoid(&mut self, x: &Value) -> Value {
        self.node("", "Sigmoid", &[x], vec![])
    }
}
