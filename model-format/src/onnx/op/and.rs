//! `And`: a and b, element by element, with broadcasting.

use super::{Operator, binary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("And", (7, 17), (2, 2), |_| {
    Ok(Box::new(|inputs, outputs| {
        binary::combine(inputs, &mut outputs[0], |a: bool, b: bool| a & b)
    }))
});

impl GraphBuilder {
    /// A and b, element by element, with broadcasting.
    pub fn logical_and(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "And", &[a, b], vec![])
    }
}
