//! `CumSum` (opset 14): running sum along one axis.

use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::Tensor;

impl GraphBuilder {
    /// The running sum along `axis`, each element included.
    pub fn cum_sum(&mut self, x: &Value, axis: i64) -> Value {
        let axis = self.constant(Tensor::i64(vec![], vec![axis]));
        self.node("", "CumSum", &[x, &axis], vec![])
    }
}
