//! `Sqrt`: square root, element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("Sqrt", (13, 17), (1, 1), |_| Ok(unary::floats(f32::sqrt, f64::sqrt)));

impl GraphBuilder {
    /// Square root, element by element.
    pub fn sqrt(&mut self, x: &Value) -> Value {
        self.node("", "Sqrt", &[x], vec![])
    }
}
