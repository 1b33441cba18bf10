//! `Cast`: change of element type.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::proto::DataType;

impl GraphBuilder {
    /// `x` with elements of type `to`.
    pub fn cast(&mut self, x: &Value, to: DataType) -> Value {
        self.node("", "Cast", &[x], vec![attribute_int("to", to as i64)])
    }
}
