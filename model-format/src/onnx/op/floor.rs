//! `Floor`: largest whole number not above x, element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("Floor", (13, 17), (1, 1), |_| Ok(unary::floats(f32::floor, f64::floor)));

impl GraphBuilder {
    /// Largest whole number not above x, element by element.
    pub fn floor(&mut self, x: &Value) -> Value {
        self.node("", "Floor", &[x], vec![])
    }
}
