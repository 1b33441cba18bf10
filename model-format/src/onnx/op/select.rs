//! `Where`: a where the condition holds, else b, with broadcasting.

use crate::onnx::graph::{GraphBuilder, Value};

impl GraphBuilder {
    /// `a` where `condition` holds, else `b`, with broadcasting.
    pub fn select(&mut self, condition: &Value, a: &Value, b: &Value) -> Value {
        self.node("", "Where", &[condition, a, b], vec![])
    }
}
