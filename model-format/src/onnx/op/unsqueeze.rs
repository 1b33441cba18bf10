//! `Unsqueeze` (opset 13): the tensor with a new axis of length 1 at position.

use super::shape::{Shape, axis_position, reshaped};
use super::{Inputs, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::{RANK_MAX, Tensor, TensorError};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Unsqueeze", (13, 17), (2, 2), |_| {
    Ok(Box::new(|inputs, outputs| run(inputs, &mut outputs[0])))
});

fn run(inputs: Inputs<'_>, output: &mut Tensor) -> Result<(), OpError> {
    let (shape, axes) = (inputs.get(0)?.shape(), inputs.elements::<i64>(1)?);
    let rank = shape.len() + axes.len();
    if rank > RANK_MAX {
        return Err(TensorError::Rank(rank).into());
    }
    let mut new = [false; RANK_MAX];
    for &axis in axes {
        if std::mem::replace(&mut new[axis_position(axis, rank)?], true) {
            return Err(OpError::Shape(format!("axis {axis} is added twice")));
        }
    }
    let mut old = shape.iter().copied();
    let dims = new[..rank].iter().map(|&new| if new { 1 } else { old.next().unwrap_or(1) });
    reshaped(inputs, &Shape::collect(dims)?, output)
}

impl GraphBuilder {
    /// `x` with a new axis of length 1 at position `axis`.
    pub fn unsqueeze(&mut self, x: &Value, axis: i64) -> Value {
        let axes = self.integers(&[axis]);
        self.node("", "Unsqueeze", &[x, &axes], vec![])
    }
}
