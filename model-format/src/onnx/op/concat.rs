//! `Concat` (opset 13): tensors joined along one axis.

use super::shape::{Shape, around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator, with_type};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::{Scalar, Tensor};

/// The most tensors that are joined at once.
const INPUTS_MAX: usize = 4096;

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Concat", (13, 17), (1, INPUTS_MAX), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let axis = attributes.int("axis", 0)?;
    Ok(Box::new(
        move |inputs, outputs| with_type!(inputs.get(0)?.element(), T => join::<T>(inputs, axis, &mut outputs[0])),
    ))
}

fn join<T: Scalar>(inputs: Inputs<'_>, axis: i64, output: &mut Tensor) -> Result<(), OpError> {
    let first = inputs.get(0)?.shape();
    let axis = axis_position(axis, first.len())?;
    let mut shape = Shape::of(first)?;
    for at in 1..inputs.len() {
        let part = inputs.get(at)?.shape();
        let fits = part.len() == first.len()
            && (0..part.len()).all(|dim| dim == axis || part[dim] == first[dim]);
        if !fits {
            let problem = format!("the shapes {first:?} and {part:?} cannot be joined");
            return Err(OpError::Shape(problem));
        }
        shape[axis] += part[axis];
    }
    let out = output.reset::<T>(&shape)?;
    let (outer, _, inner) = around(&shape, axis);
    let stride = shape[axis] * inner;
    let mut offset = 0;
    for at in 0..inputs.len() {
        let len = inputs.get(at)?.shape()[axis] * inner;
        let part = inputs.elements::<T>(at)?;
        for row in 0..outer {
            let start = row * stride + offset;
            out[start..start + len].copy_from_slice(&part[row * len..(row + 1) * len]);
        }
        offset += len;
    }
    Ok(())
}

impl GraphBuilder {
    /// The tensors joined along `axis`.
    pub fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        self.node("", "Concat", parts, vec![attribute_int("axis", axis)])
    }
}
