//! Shapes: axes, broadcasting, and walks over rows of several tensors at once.

use std::ops::{Deref, DerefMut};

use super::{Inputs, OpError, with_type};
use crate::onnx::tensor::{RANK_MAX, Tensor, TensorError};

/// A shape without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    dims: [usize; RANK_MAX],
    rank: usize,
}

impl Shape {
    /// A copy of these dimensions.
    pub(super) fn of(dims: &[usize]) -> Result<Self, OpError> {
        let mut shape = Shape { dims: [0; RANK_MAX], rank: dims.len() };
        let room = shape.dims.get_mut(..dims.len()).ok_or(TensorError::Rank(dims.len()))?;
        room.copy_from_slice(dims);
        Ok(shape)
    }

    /// Dimensions taken from an iterator.
    pub(super) fn collect(dims: impl IntoIterator<Item = usize>) -> Result<Self, OpError> {
        let mut shape = Shape { dims: [0; RANK_MAX], rank: 0 };
        for dim in dims {
            *shape.dims.get_mut(shape.rank).ok_or(TensorError::Rank(RANK_MAX + 1))? = dim;
            shape.rank += 1;
        }
        Ok(shape)
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.dims[..self.rank]
    }
}

impl DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.dims[..self.rank]
    }
}

/// The position that `axis` means in a tensor of `rank` dimensions; negative ones count from the
/// end.
pub(super) fn axis_position(axis: i64, rank: usize) -> Result<usize, OpError> {
    let signed = rank as i64;
    if axis < -signed || axis >= signed {
        return Err(OpError::Axis { axis, rank });
    }
    Ok(if axis < 0 { axis + signed } else { axis } as usize)
}

/// The shape as (product before `axis`, length of `axis`, product after it).
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// The shape to which all `shapes` are stretched.
pub(super) fn broadcast(shapes: &[&[usize]]) -> Result<Shape, OpError> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = Shape::collect((0..rank).map(|_| 1))?;
    for shape in shapes {
        let offset = rank - shape.len();
        for (at, &dim) in shape.iter().enumerate() {
            let known = &mut result[offset + at];
            if dim == *known || dim == 1 {
                continue;
            }
            if *known != 1 {
                return Err(OpError::Broadcast(shapes[0].to_vec(), shape.to_vec()));
            }
            *known = dim;
        }
    }
    Ok(result)
}

/// A stretch of the result with where it starts in each tensor and how far apart its elements
/// lie there (0 or 1 in almost all cases).
pub(super) struct Row<const K: usize> {
    pub(super) out: usize,
    pub(super) len: usize,
    pub(super) start: [usize; K],
    pub(super) step: [usize; K],
}

/// Calls `visit` for rows that together cover a result of shape `out` once, in order, with the
/// positions of the elements in tensors of shapes `inputs` that are stretched to `out`.
pub(super) fn rows<const K: usize>(
    out: &[usize],
    inputs: [&[usize]; K],
    mut visit: impl FnMut(Row<K>),
) {
    if out.contains(&0) {
        return;
    }
    let strides = inputs.map(|shape| stretched_strides(out, shape));
    // Neighbouring axes that every tensor walks without a jump become one.
    let mut dims = [(1_usize, [0_usize; K]); RANK_MAX];
    let mut count = 0;
    for axis in 0..out.len() {
        if out[axis] == 1 {
            continue;
        }
        let step: [usize; K] = std::array::from_fn(|k| strides[k][axis]);
        if count > 0 {
            let (len, outer): &mut (usize, [usize; K]) = &mut dims[count - 1];
            if (0..K).all(|k| outer[k] == step[k] * out[axis]) {
                *len *= out[axis];
                *outer = step;
                continue;
            }
        }
        dims[count] = (out[axis], step);
        count += 1;
    }
    if count == 0 {
        visit(Row { out: 0, len: 1, start: [0; K], step: [1; K] });
        return;
    }
    let (len, step) = dims[count - 1];
    walk(&dims[..count - 1], |index, start| visit(Row { out: index * len, len, start, step }));
}

/// Counts through `dims`, the last one fastest.
fn walk<const K: usize>(dims: &[(usize, [usize; K])], mut visit: impl FnMut(usize, [usize; K])) {
    let mut counter = [0_usize; RANK_MAX];
    let mut start = [0_usize; K];
    let mut index = 0;
    loop {
        visit(index, start);
        index += 1;
        let mut axis = dims.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            let (len, step) = dims[axis];
            counter[axis] += 1;
            if counter[axis] < len {
                (0..K).for_each(|k| start[k] += step[k]);
                break;
            }
            counter[axis] = 0;
            (0..K).for_each(|k| start[k] -= step[k] * (len - 1));
        }
    }
}

fn stretched_strides(out: &[usize], shape: &[usize]) -> [usize; RANK_MAX] {
    let mut strides = [0; RANK_MAX];
    let offset = out.len() - shape.len();
    let mut stride = 1;
    for at in (0..shape.len()).rev() {
        if shape[at] != 1 {
            strides[offset + at] = stride;
        }
        stride *= shape[at];
    }
    strides
}

/// Input 0 with the same elements under another shape.
pub(super) fn reshaped(
    inputs: Inputs<'_>,
    shape: &[usize],
    output: &mut Tensor,
) -> Result<(), OpError> {
    let x = inputs.get(0)?;
    with_type!(x.element(), T => output.copy_from::<T>(shape, inputs.elements(0)?))?;
    Ok(())
}
