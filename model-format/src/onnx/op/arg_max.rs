//! `ArgMax` (opset 13): position of the largest element along one axis.

use super::{Operator, arg};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator::new("ArgMax", (13, 17), (1, 1), |attributes| arg::extreme(attributes, true));

impl GraphBuilder {
    /// The int64 position of the largest element along `axis`: of several equal ones the first, or
    /// the last where `last` is set. The axis stays with length 1 where `keep` is set.
    pub fn arg_max(&mut self, x: &Value, axis: i64, keep: bool, last: bool) -> Value {
        let attributes = vec![
            attribute_int("axis", axis),
            attribute_int("keepdims", i64::from(keep)),
            attribute_int("select_last_index", i64::from(last)),
        ];
        self.node("", "ArgMax", &[x], attributes)
    }
}
