//! `Where`: a where the condition holds, else b, with broadcasting.

use super::shape::{broadcast, rows};
use super::{Inputs, OpError, Operator, with_type};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::{Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Where", (9, 17), (3, 3), |_| {
    Ok(Box::new(
        |inputs, outputs| with_type!(inputs.get(1)?.element(), T => choose::<T>(inputs, &mut outputs[0])),
    ))
});

fn choose<T: Scalar>(inputs: Inputs<'_>, output: &mut Tensor) -> Result<(), OpError> {
    let condition = inputs.elements::<bool>(0)?;
    let (a, b) = (inputs.elements::<T>(1)?, inputs.elements::<T>(2)?);
    let shapes = [inputs.get(0)?.shape(), inputs.get(1)?.shape(), inputs.get(2)?.shape()];
    let shape = broadcast(&shapes)?;
    let out = output.reset::<T>(&shape)?;
    rows(&shape, shapes, |row| {
        let ([c, p, q], [c_step, p_step, q_step]) = (row.start, row.step);
        for (i, out) in out[row.out..row.out + row.len].iter_mut().enumerate() {
            *out = if condition[c + i * c_step] { a[p + i * p_step] } else { b[q + i * q_step] };
        }
    });
    Ok(())
}

impl GraphBuilder {
    /// `a` where `condition` holds, else `b`, with broadcasting.
    pub fn select(&mut self, condition: &Value, a: &Value, b: &Value) -> Value {
        self.node("", "Where", &[condition, a, b], vec![])
    }
}
