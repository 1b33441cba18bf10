//! `Log`: natural logarithm, element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// Natural logarithm, element by element.
    pub fn log(&mut self, x: &Value) -> Value {
        self.node("", "Log", &[x], vec![])
    }
}
