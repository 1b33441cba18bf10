//! Operators that work on each element of one tensor.

use super::{Inputs, Kernel, OpError};
use crate::onnx::tensor::{Data, Element, Scalar, Tensor};

/// Element by element, for both float types.
pub(super) fn floats(
    single: impl Fn(f32) -> f32 + Copy + Send + 'static,
    double: impl Fn(f64) -> f64 + Copy + Send + 'static,
) -> Kernel {
    Box::new(move |inputs, outputs| match inputs.get(0)?.data() {
        Data::F32(x) => map(inputs, x, &mut outputs[0], single),
        Data::F64(x) => map(inputs, x, &mut outputs[0], double),
        other => Err(refused(other.element(), "float32 or float64")),
    })
}

/// Element by element, for all types of numbers.
pub(super) fn numbers(
    single: impl Fn(f32) -> f32 + Copy + Send + 'static,
    double: impl Fn(f64) -> f64 + Copy + Send + 'static,
    whole: impl Fn(i64) -> i64 + Copy + Send + 'static,
) -> Kernel {
    Box::new(move |inputs, outputs| match inputs.get(0)?.data() {
        Data::F32(x) => map(inputs, x, &mut outputs[0], single),
        Data::F64(x) => map(inputs, x, &mut outputs[0], double),
        Data::I64(x) => map(inputs, x, &mut outputs[0], whole),
        Data::Bool(_) => Err(refused(Element::Bool, "float32, float64 or int64")),
    })
}

/// Element by element from `T` to `U`.
pub(super) fn map<T: Scalar, U: Scalar>(
    inputs: Inputs<'_>,
    x: &[T],
    output: &mut Tensor,
    f: impl Fn(T) -> U,
) -> Result<(), OpError> {
    let out = output.reset::<U>(inputs.get(0)?.shape())?;
    out.iter_mut().zip(x).for_each(|(out, &x)| *out = f(x));
    Ok(())
}

fn refused(found: Element, accepted: &'static str) -> OpError {
    OpError::ElementType { input: 0, found, accepted }
}
