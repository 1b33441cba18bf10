//! Sums of products in a fixed order: the same bits on every processor.
//!
//! Library products choose instructions at run time (fused multiply-add where the processor has
//! it), which changes last bits between machines; these loops do not.

use nalgebra::DMatrix;

use crate::estimator::{FitContext, FitError};

/// Rows between two questions whether to go on.
const ROWS_PER_CHECK: usize = 256;

/// The matrix of sums Σ x_i x_j over all rows of `width` values.
pub(crate) fn gram(
    values: &[f64],
    width: usize,
    context: &FitContext<'_>,
) -> Result<DMatrix<f64>, FitError> {
    let mut sums = vec![0.0; width * width];
    for part in values.chunks(width * ROWS_PER_CHECK) {
        context.check_cancel()?;
        for row in part.chunks_exact(width) {
            for (i, &x) in row.iter().enumerate() {
                let target = &mut sums[i * width..=i * width + i];
                target.iter_mut().zip(row).for_each(|(sum, y)| *sum += x * y);
            }
        }
    }
    Ok(DMatrix::from_fn(width, width, |i, j| sums[i.max(j) * width + i.min(j)]))
}
