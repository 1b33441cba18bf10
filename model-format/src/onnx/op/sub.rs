//! `Sub`: a - b, element by element, with broadcasting.

use super::{Operator, binary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Sub", (13, 17), (2, 2), |_| {
    Ok(binary::numbers(|a, b| a - b, |a, b| a - b, i64::wrapping_sub))
});

impl GraphBuilder {
    /// A - b, element by element, with broadcasting.
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Sub", &[a, b], vec![])
    }
}
