//! `Min`: the smaller of a and b, element by element, with broadcasting.

use super::reduce::smaller;
use super::{Operator, binary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Min", (13, 17), (2, 2), |_| {
    Ok(binary::numbers(smaller::<f32>, smaller::<f64>, smaller::<i64>))
});

impl GraphBuilder {
    /// The smaller of a and b, element by element, with broadcasting.
    pub fn min(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "Min", &[a, b], vec![])
    }
}
