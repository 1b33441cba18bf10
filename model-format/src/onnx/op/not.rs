//! `Not`: logical negation, element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Not", (1, 17), (1, 1), |_| {
    Ok(Box::new(|inputs, outputs| {
        let x = inputs.elements(0)?;
        unary::map(inputs, x, &mut outputs[0], |x: bool| !x)
    }))
});

impl GraphBuilder {
    /// Logical negation, element by element.
    pub fn logical_not(&mut self, x: &Value) -> Value {
        self.node("", "Not", &[x], vec![])
    }
}
