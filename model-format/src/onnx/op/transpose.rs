//! `Transpose` (opset 13): axes in another order.

use super::shape::Shape;
use super::{Attributes, Inputs, Kernel, OpError, Operator, with_type};
use crate::onnx::graph::{GraphBuilder, Value, attribute_ints};
use crate::onnx::tensor::{RANK_MAX, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Transpose", (13, 17), (1, 1), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let order = attributes.ints("perm")?.map(<[i64]>::to_vec);
    Ok(Box::new(move |inputs, outputs| {
        let (order, output) = (order.as_deref(), &mut outputs[0]);
        with_type!(inputs.get(0)?.element(), T => run::<T>(inputs, order, output))
    }))
}

fn run<T: Scalar>(
    inputs: Inputs<'_>,
    order: Option<&[i64]>,
    output: &mut Tensor,
) -> Result<(), OpError> {
    let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
    let rank = shape.len();
    let order = match order {
        None => Shape::collect((0..rank).rev())?,
        Some(order) => {
            let mut found = [false; RANK_MAX];
            for &axis in order {
                let known = usize::try_from(axis).ok().filter(|&axis| axis < rank);
                known.map(|axis| found[axis] = true).ok_or(OpError::Axis { axis, rank })?;
            }
            if order.len() != rank || found[..rank].contains(&false) {
                let problem = format!("the order {order:?} does not name {rank} axes once");
                return Err(OpError::Shape(problem));
            }
            Shape::collect(order.iter().map(|&axis| axis as usize))?
        }
    };
    let result = Shape::collect(order.iter().map(|&axis| shape[axis]))?;
    let mut strides = [0_usize; RANK_MAX];
    for (stride, &axis) in strides.iter_mut().zip(order.iter()) {
        *stride = shape[axis + 1..].iter().product();
    }
    let out = output.reset::<T>(&result)?;
    if out.is_empty() {
        return Ok(());
    }
    let inner = result.last().copied().unwrap_or(1);
    let inner_stride = if rank == 0 { 0 } else { strides[rank - 1] };
    for (at, row) in out.chunks_exact_mut(inner).enumerate() {
        let (mut rest, mut start) = (at, 0);
        for axis in (0..rank.saturating_sub(1)).rev() {
            start += rest % result[axis] * strides[axis];
            rest /= result[axis];
        }
        row.iter_mut().enumerate().for_each(|(i, out)| *out = x[start + i * inner_stride]);
    }
    Ok(())
}

impl GraphBuilder {
    /// Axis `i` of the result is axis `order[i]` of `x`.
    pub fn transpose(&mut self, x: &Value, order: &[i64]) -> Value {
        self.node("", "Transpose", &[x], vec![attribute_ints("perm", order.to_vec())])
    }
}
