//! `Max`: the larger of a and b, element by element, with broadcasting.

use super::reduce::larger;
use super::{Operator, binary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Max", (13, 17), (2, 2), |_| {
    Ok(binary::numbers(larger::<f32>, larger::<f64>, larger::<i64>))
});

impl GraphBuilder {
    /// The larger of a and b, element by element, with broadcasting.
    pub fn max(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Max", &[a, b], vec![])
    }
}
