//! `Softmax` (opset 13): exponentials along one axis, divided by their sum.

use super::shape::{around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::{Data, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Softmax", (13, 17), (1, 1), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let axis = attributes.int("axis", -1)?;
    let mut wide = Vec::new();
    Ok(Box::new(move |inputs, outputs| match inputs.get(0)?.data() {
        Data::F32(x) => run(inputs, x, axis, &mut wide, &mut outputs[0], |y| y as f32),
        Data::F64(x) => run(inputs, x, axis, &mut wide, &mut outputs[0], |y| y),
        other => {
            let (found, accepted) = (other.element(), "float32 or float64");
            Err(OpError::ElementType { input: 0, found, accepted })
        }
    }))
}

fn run<T: Scalar + Into<f64>>(
    inputs: Inputs<'_>,
    x: &[T],
    axis: i64,
    wide: &mut Vec<f64>,
    output: &mut Tensor,
    narrow: impl Fn(f64) -> T,
) -> Result<(), OpError> {
    let shape = inputs.get(0)?.shape();
    let (outer, length, inner) = around(shape, axis_position(axis, shape.len())?);
    let out = output.reset::<T>(shape)?;
    for start in (0..outer).flat_map(|o| (0..inner).map(move |i| o * length * inner + i)) {
        let at = |i: usize| start + i * inner;
        wide.clear();
        wide.extend((0..length).map(|i| -> f64 { x[at(i)].into() }));
        // The largest exponent becomes 0, so that nothing overflows.
        let largest = wide.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        wide.iter_mut().for_each(|y| *y = libm::exp(*y - largest));
        let sum: f64 = wide.iter().sum();
        wide.iter().enumerate().for_each(|(i, y)| out[at(i)] = narrow(y / sum));
    }
    Ok(())
}

impl GraphBuilder {
    /// Exponentials along `axis`, divided by their sum.
    pub fn softmax(&mut self, x: &Value, axis: i64) -> Value {
        self.node("", "Softmax", &[x], vec![attribute_int("axis", axis)])
    }
}
