//! `Log`: natural logarithm, element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("Log", (13, 17), (1, 1), |_| Ok(unary::floats(libm::logf, libm::log)));

impl GraphBuilder {
    /// Natural logarithm, element by element.
    pub fn log(&mut self, x: &Value) -> Value {
        self.node("", "Log", &[x], vec![])
    }
}
