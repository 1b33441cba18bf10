//! `Exp`: e to the power x, element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("Exp", (13, 17), (1, 1), |_| Ok(unary::floats(libm::expf, libm::exp)));

impl GraphBuilder {
    /// E to the power x, element by element.
    pub fn exp(&mut self, x: &Value) -> Value {
        self.node("", "Exp", &[x], vec![])
    }
}
