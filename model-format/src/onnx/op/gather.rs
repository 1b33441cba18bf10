//! `Gather` (opset 13): chosen positions along one axis.

use super::shape::{Shape, around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator, with_type};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::{Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Gather", (13, 17), (2, 2), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let axis = attributes.int("axis", 0)?;
    Ok(Box::new(
        move |inputs, outputs| with_type!(inputs.get(0)?.element(), T => pick::<T>(inputs, axis, &mut outputs[0])),
    ))
}

fn pick<T: Scalar>(inputs: Inputs<'_>, axis: i64, output: &mut Tensor) -> Result<(), OpError> {
    let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
    let (indices, chosen) = (inputs.elements::<i64>(1)?, inputs.get(1)?.shape());
    let axis = axis_position(axis, shape.len())?;
    let (outer, length, inner) = around(shape, axis);
    let dims = shape[..axis].iter().chain(chosen).chain(&shape[axis + 1..]).copied();
    let result = Shape::collect(dims)?;
    for &index in indices {
        if index < -(length as i64) || index >= length as i64 {
            let problem = format!("index {index} on an axis of length {length}");
            return Err(OpError::Shape(problem));
        }
    }
    let out = output.reset::<T>(&result)?;
    if out.is_empty() {
        return Ok(());
    }
    let mut slots = out.chunks_exact_mut(inner);
    for row in 0..outer {
        for (&index, slot) in indices.iter().zip(&mut slots) {
            let index = if index < 0 { index + length as i64 } else { index } as usize;
            let start = (row * length + index) * inner;
            slot.copy_from_slice(&x[start..start + inner]);
        }
    }
    Ok(())
}

impl GraphBuilder {
    /// The elements at `indices` along `axis`.
    pub fn gather(&mut self, x: &Value, indices: &[i64], axis: i64) -> Value {
        let indices = self.integers(indices);
        self.gather_at(x, &indices, axis)
    }

    /// The elements at computed positions (int64) along `axis`.
    pub fn gather_at(&mut self, x: &Value, positions: &Value, axis: i64) -> Value {
        self.node("", "Gather", &[x, positions], vec![attribute_int("axis", axis)])
    }
}
