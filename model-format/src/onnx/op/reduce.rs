//! Operators that fold one or several axes of a tensor into one value each.

use super::shape::{Shape, axis_position, rows};
use super::{Attributes, Kernel, OpError};
use crate::onnx::tensor::{Data, RANK_MAX, Scalar, Tensor};

/// What a fold keeps: the shape with folded axes of length 1, and the shape of the result.
pub(super) struct Folded {
    kept: Shape,
    /// The shape of the result.
    pub(super) shape: Shape,
}

impl Folded {
    /// The shapes after folding `axes` of `shape`; no axes means all.
    pub(super) fn new(shape: &[usize], axes: &[i64], keep: bool) -> Result<Self, OpError> {
        let mut kept = Shape::of(shape)?;
        let mut fold = [axes.is_empty(); RANK_MAX];
        for &axis in axes {
            let position = axis_position(axis, shape.len())?;
            if std::mem::replace(&mut fold[position], true) {
                return Err(OpError::Shape(format!("axis {axis} is folded twice")));
            }
        }
        (kept.iter_mut().zip(&fold)).filter(|(_, fold)| **fold).for_each(|(dim, _)| *dim = 1);
        let left = kept.iter().zip(&fold).filter(|(_, fold)| keep || !**fold).map(|(&dim, _)| dim);
        let shape = Shape::collect(left)?;
        Ok(Folded { kept, shape })
    }

    /// Folds `x` into `out`, which holds the start values.
    pub(super) fn fold<T: Scalar, A: Copy>(
        &self,
        shape: &[usize],
        x: &[T],
        out: &mut [A],
        f: impl Fn(A, T) -> A,
    ) {
        rows(shape, [&self.kept], |row| {
            let x = &x[row.out..row.out + row.len];
            let start = row.start[0];
            if row.step[0] == 0 {
                out[start] = x.iter().fold(out[start], |sum, &x| f(sum, x));
            } else {
                let out = &mut out[start..start + row.len];
                out.iter_mut().zip(x).for_each(|(out, &x)| *out = f(*out, x));
            }
        });
    }
}

impl Folded {
    /// Folds `x` into `output`, starting from `start`.
    fn fold_from<T: Scalar>(
        &self,
        shape: &[usize],
        x: &[T],
        start: T,
        output: &mut Tensor,
        f: impl Fn(T, T) -> T,
    ) -> Result<(), OpError> {
        let out = output.reset::<T>(&self.shape)?;
        if x.is_empty() && !out.is_empty() {
            return Err(OpError::Shape("no elements have no extreme".to_owned()));
        }
        out.fill(start);
        self.fold(shape, x, out, f);
        Ok(())
    }
}

/// The larger one; NaN where one is NaN.
pub(super) fn larger<T: PartialOrd>(a: T, b: T) -> T {
    // A comparison with NaN is false: a NaN on the left must be kept, one on the right taken.
    #[expect(clippy::eq_op, reason = "only NaN differs from itself")]
    if a > b || a != a { a } else { b }
}

/// The smaller one; NaN where one is NaN.
pub(super) fn smaller<T: PartialOrd>(a: T, b: T) -> T {
    #[expect(clippy::eq_op, reason = "only NaN differs from itself")]
    if a < b || a != a { a } else { b }
}

/// The kernel of `ReduceMax` (`largest`) or `ReduceMin`.
pub(super) fn extreme(attributes: &mut Attributes<'_>, largest: bool) -> Result<Kernel, OpError> {
    let axes = attributes.ints("axes")?.unwrap_or_default().to_vec();
    let keep = attributes.flag("keepdims", true)?;
    Ok(Box::new(move |inputs, outputs| {
        let (x, output) = (inputs.get(0)?, &mut outputs[0]);
        let folded = Folded::new(x.shape(), &axes, keep)?;
        match x.data() {
            Data::F32(values) if largest => {
                folded.fold_from(x.shape(), values, f32::NEG_INFINITY, output, larger)
            }
            Data::F32(values) => {
                folded.fold_from(x.shape(), values, f32::INFINITY, output, smaller)
            }
            Data::F64(values) if largest => {
                folded.fold_from(x.shape(), values, f64::NEG_INFINITY, output, larger)
            }
            Data::F64(values) => {
                folded.fold_from(x.shape(), values, f64::INFINITY, output, smaller)
            }
            Data::I64(values) if largest => {
                folded.fold_from(x.shape(), values, i64::MIN, output, larger)
            }
            Data::I64(values) => folded.fold_from(x.shape(), values, i64::MAX, output, smaller),
            Data::Bool(_) => {
                let (found, accepted) = (x.element(), "float32, float64 or int64");
                Err(OpError::ElementType { input: 0, found, accepted })
            }
        }
    }))
}
