//! `Sigmoid`: 1 / (1 + exp(-x)), element by element.

use super::{Operator, unary};
use crate::onnx::graph::{GraphBuilder, Value};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("Sigmoid", (13, 17), (1, 1), |_| Ok(unary::floats(single, double)));

fn single(x: f32) -> f32 {
    double(f64::from(x)) as f32
}

fn double(x: f64) -> f64 {
    // The exponential of a negative number cannot overflow.
    let e = libm::exp(-x.abs());
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

impl GraphBuilder {
    /// 1 / (1 + exp(-x)), element by element.
    pub fn sigmoid(&mut self, x: &Value) -> Value {
        self.node("", "Sigmoid", &[x], vec![])
    }
}
