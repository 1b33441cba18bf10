//! `ReduceMin` (opset 13): smallest element along one axis.

use super::{Operator, reduce};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int, attribute_ints};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("ReduceMin", (13, 17), (1, 1), |attributes| reduce::extreme(attributes, false));

impl GraphBuilder {
    /// The smallest element along `axis`; the axis stays with length 1 where `keep` is set.
    pub fn reduce_min(&mut self, x: &Value, axis: i64, keep: bool) -> Value {
        let attributes =
            vec![attribute_ints("axes", vec![axis]), attribute_int("keepdims", i64::from(keep))];
        self.node("", "ReduceMin", &[x], attributes)
    }
}
