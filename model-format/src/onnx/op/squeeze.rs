//! `Squeeze` (opset 13): the tensor without the axis of length 1 at position.

use super::shape::{Shape, axis_position, reshaped};
use super::{Inputs, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::{RANK_MAX, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Squeeze", (13, 17), (1, 2), |_| {
    Ok(Box::new(|inputs, outputs| run(inputs, &mut outputs[0])))
});

fn run(inputs: Inputs<'_>, output: &mut Tensor) -> Result<(), OpError> {
    let shape = inputs.get(0)?.shape();
    let mut drop = [false; RANK_MAX];
    match inputs.optional(1) {
        None => shape.iter().zip(&mut drop).for_each(|(&dim, drop)| *drop = dim == 1),
        Some(_) => {
            for &axis in inputs.elements::<i64>(1)? {
                let position = axis_position(axis, shape.len())?;
                if shape[position] != 1 {
                    let problem = format!("axis {axis} of the shape {shape:?} is not 1");
                    return Err(OpError::Shape(problem));
                }
                drop[position] = true;
            }
        }
    }
    let left = shape.iter().zip(&drop).filter(|(_, drop)| !**drop).map(|(&dim, _)| dim);
    reshaped(inputs, &Shape::collect(left)?, output)
}

impl GraphBuilder {
    /// `x` without the axis of length 1 at position `axis`.
    pub fn squeeze(&mut self, x: &Value, axis: i64) -> Value {
        let axes = self.integers(&[axis]);
        self.node("", "Squeeze", &[x, &axes], vec![])
    }
}
