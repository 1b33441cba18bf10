//! `Abs`: |x|, element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Abs", (13, 17), (1, 1), |_| {
    Ok(unary::numbers(f32::abs, f64::abs, i64::wrapping_abs))
});

impl GraphBuilder {
    /// |x|, element by element.
    pub fn abs(&mut self, x: &Value) -> Value {
        self.node("", "Abs", &[x], vec![])
    }
}
