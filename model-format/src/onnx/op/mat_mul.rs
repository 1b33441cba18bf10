//! `MatMul` (opset 13): matrix product.

use super::shape::{Shape, broadcast, rows};
use super::{Inputs, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::{Element, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("MatMul", (13, 17), (2, 2), |_| Ok(kernel()));

fn kernel() -> Kernel {
    let mut wide = Vec::new();
    Box::new(move |inputs, outputs| match inputs.get(0)?.element() {
        // 32-bit products are exact in 64 bits: sums are formed there and rounded once.
        Element::F32 => run::<f32>(inputs, &mut wide, &mut outputs[0], |sum| sum as f32),
        Element::F64 => run::<f64>(inputs, &mut wide, &mut outputs[0], |sum| sum),
        found => Err(OpError::ElementType { input: 0, found, accepted: "float32 or float64" }),
    })
}

fn run<T: Scalar + Into<f64>>(
    inputs: Inputs<'_>,
    wide: &mut Vec<f64>,
    output: &mut Tensor,
    narrow: impl Fn(f64) -> T,
) -> Result<(), OpError> {
    let (a, b) = (inputs.elements::<T>(0)?, inputs.elements::<T>(1)?);
    let (a_shape, b_shape) = (inputs.get(0)?.shape(), inputs.get(1)?.shape());
    // A vector on the left is a row, one on the right a column; that axis is dropped again.
    let (row, column) = (a_shape.len() == 1, b_shape.len() == 1);
    let a_full = if row { Shape::of(&[1, a_shape[0]])? } else { Shape::of(a_shape)? };
    let b_full = if column { Shape::of(&[b_shape[0], 1])? } else { Shape::of(b_shape)? };
    let unfit =
        || OpError::Shape(format!("the matrices {a_shape:?} and {b_shape:?} cannot be multiplied"));
    let (Some((&[m, inner], a_outer)), Some((&[b_inner, n], b_outer))) = (
        a_full.split_last_chunk().map(|(x, y)| (y, x)),
        b_full.split_last_chunk().map(|(x, y)| (y, x)),
    ) else {
        return Err(unfit());
    };
    if inner != b_inner {
        return Err(unfit());
    }
    let outer = broadcast(&[a_outer, b_outer])?;
    let ends = [(!row).then_some(m), (!column).then_some(n)];
    let result = Shape::collect(outer.iter().copied().chain(ends.into_iter().flatten()))?;
    let out = output.reset::<T>(&result)?;
    if out.is_empty() {
        return Ok(());
    }
    wide.clear();
    wide.resize(n, 0.0);
    rows(&outer, [a_outer, b_outer], |batch| {
        for at in 0..batch.len {
            let a_start = (batch.start[0] + at * batch.step[0]) * m * inner;
            let b_start = (batch.start[1] + at * batch.step[1]) * inner * n;
            let (a, b) = (&a[a_start..a_start + m * inner], &b[b_start..b_start + inner * n]);
            let out_start = (batch.out + at) * m * n;
            for (i, out) in out[out_start..out_start + m * n].chunks_exact_mut(n).enumerate() {
                product_row(&a[i * inner..(i + 1) * inner], b, wide);
                out.iter_mut().zip(&*wide).for_each(|(out, &sum)| *out = narrow(sum));
            }
        }
    });
    Ok(())
}

/// One row of the product: `sums[j] = Σ row[k] · b[k, j]`.
fn product_row<T: Scalar + Into<f64>>(row: &[T], b: &[T], sums: &mut [f64]) {
    sums.fill(0.0);
    for (&x, b) in row.iter().zip(b.chunks_exact(sums.len())) {
        let x: f64 = x.into();
        sums.iter_mut().zip(b).for_each(|(sum, &y)| *sum += x * y.into());
    }
}

impl GraphBuilder {
    /// The product of the matrices `a` and `b`.
    pub fn mat_mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("", "MatMul", &[a, b], vec![])
    }
}
