//! `Abs`: |x|, element by element.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// |x|, element by element.
    pub fn abs(&mut self, x: &Value) -> Value {
        self.node("", "Abs", &[x], vec![])
    }
}
