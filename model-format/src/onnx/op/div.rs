//! `Div`: a / b, element by element, with broadcasting.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// A / b, element by element, with broadcasting.
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Div", &[a, b], vec![])
    }
}
