//! Operators that combine two tensors element by element, with broadcasting.

use super::shape::{broadcast, rows};
use super::{Inputs, Kernel, OpError};
use crate::onnx::tensor::{Element, Scalar, Tensor};

/// Two tensors of one float type.
pub(super) fn floats<R: Scalar, S: Scalar>(
    single: impl Fn(f32, f32) -> R + Copy + Send + 'static,
    double: impl Fn(f64, f64) -> S + Copy + Send + 'static,
) -> Kernel {
    Box::new(move |inputs, outputs| match inputs.get(0)?.element() {
        Element::F32 => combine(inputs, &mut outputs[0], single),
        Element::F64 => combine(inputs, &mut outputs[0], double),
        found => Err(OpError::ElementType { input: 0, found, accepted: "float32 or float64" }),
    })
}

/// Two tensors of one type of numbers.
pub(super) fn numbers<R: Scalar, S: Scalar, U: Scalar>(
    single: impl Fn(f32, f32) -> R + Copy + Send + 'static,
    double: impl Fn(f64, f64) -> S + Copy + Send + 'static,
    whole: impl Fn(i64, i64) -> U + Copy + Send + 'static,
) -> Kernel {
    Box::new(move |inputs, outputs| match inputs.get(0)?.element() {
        Element::F32 => combine(inputs, &mut outputs[0], single),
        Element::F64 => combine(inputs, &mut outputs[0], double),
        Element::I64 => combine(inputs, &mut outputs[0], whole),
        Element::Bool => {
            let (found, accepted) = (Element::Bool, "float32, float64 or int64");
            Err(OpError::ElementType { input: 0, found, accepted })
        }
    })
}

/// Inputs 0 and 1, both of type `T`, combined by `f`.
pub(super) fn combine<T: Scalar, R: Scalar>(
    inputs: Inputs<'_>,
    output: &mut Tensor,
    f: impl Fn(T, T) -> R,
) -> Result<(), OpError> {
    let (a, b) = (inputs.elements::<T>(0)?, inputs.elements::<T>(1)?);
    let (a_shape, b_shape) = (inputs.get(0)?.shape(), inputs.get(1)?.shape());
    let shape = broadcast(&[a_shape, b_shape])?;
    let out = output.reset::<R>(&shape)?;
    rows(&shape, [a_shape, b_shape], |row| {
        let out = &mut out[row.out..row.out + row.len];
        let ([a_start, b_start], [a_step, b_step]) = (row.start, row.step);
        match (a_step, b_step) {
            (1, 1) => {
                let (a, b) = (&a[a_start..a_start + row.len], &b[b_start..b_start + row.len]);
                out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (&a, &b))| *out = f(a, b));
            }
            (1, 0) => {
                let (a, b) = (&a[a_start..a_start + row.len], b[b_start]);
                out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a, b));
            }
            (0, 1) => {
                let (a, b) = (a[a_start], &b[b_start..b_start + row.len]);
                out.iter_mut().zip(b).for_each(|(out, &b)| *out = f(a, b));
            }
            _ => out.iter_mut().enumerate().for_each(|(i, out)| {
                *out = f(a[a_start + i * a_step], b[b_start + i * b_step]);
            }),
        }
    });
    Ok(())
}
