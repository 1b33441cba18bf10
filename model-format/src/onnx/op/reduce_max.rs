//! `ReduceMax` (opset 13): largest element along one axis.

use super::{Operator, reduce};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int, attribute_ints};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("ReduceMax", (13, 17), (1, 1), |attributes| reduce::extreme(attributes, true));

impl GraphBuilder {
    /// The largest element along `axis`; the axis stays with length 1 where `keep` is set.
    pub fn reduce_max(&mut self, x: &Value, axis: i64, keep: bool) -> Value {
        let attributes =
            vec![attribute_ints("axes", vec![axis]), attribute_int("keepdims", i64::from(keep))];
        self.node("", "ReduceMax", &[x], attributes)
    }
}
