//! `Slice` (opset 13): a range along one axis.

use super::shape::{Shape, axis_position};
use super::{Inputs, OpError, Operator, with_type};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::{RANK_MAX, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Slice", (13, 17), (3, 5), |_| {
    Ok(Box::new(
        |inputs, outputs| with_type!(inputs.get(0)?.element(), T => cut::<T>(inputs, &mut outputs[0])),
    ))
});

/// Where a range starts, how far apart its elements lie, and how many there are.
struct Range {
    start: i64,
    step: i64,
    len: usize,
}

fn cut<T: Scalar>(inputs: Inputs<'_>, output: &mut Tensor) -> Result<(), OpError> {
    let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
    let mut result = Shape::of(shape)?;
    let ranges = ranges(inputs, shape)?;
    (result.iter_mut().zip(&ranges)).for_each(|(dim, range)| *dim = range.len);
    let out = output.reset::<T>(&result)?;
    if out.is_empty() {
        return Ok(());
    }
    let rank = shape.len();
    // What lies inside the last shortened axis is copied in one piece.
    let whole = |axis: usize| ranges[axis].len == shape[axis] && ranges[axis].step == 1;
    let split = (0..rank).rev().find(|&axis| !whole(axis)).map_or(0, |axis| axis + 1);
    let piece: usize = shape[split..].iter().product();
    for (at, piece_out) in out.chunks_exact_mut(piece).enumerate() {
        let (mut rest, mut start, mut stride) = (at, 0_i64, piece as i64);
        for axis in (0..split).rev() {
            let range = &ranges[axis];
            start += (range.start + (rest % range.len) as i64 * range.step) * stride;
            rest /= range.len;
            stride *= shape[axis] as i64;
        }
        piece_out.copy_from_slice(&x[start as usize..start as usize + piece]);
    }
    Ok(())
}

fn ranges(inputs: Inputs<'_>, shape: &[usize]) -> Result<Vec<Range>, OpError> {
    let (starts, ends) = (inputs.elements::<i64>(1)?, inputs.elements::<i64>(2)?);
    let axes = inputs.optional(3).map(|_| inputs.elements::<i64>(3)).transpose()?;
    let steps = inputs.optional(4).map(|_| inputs.elements::<i64>(4)).transpose()?;
    let same = |other: Option<&[i64]>| other.is_none_or(|other| other.len() == starts.len());
    if ends.len() != starts.len() || !same(axes) || !same(steps) {
        return Err(OpError::Shape("starts, ends, axes and steps differ in number".to_owned()));
    }
    let all = |&dim: &usize| Range { start: 0, step: 1, len: dim };
    let mut ranges: Vec<Range> = shape.iter().map(all).collect();
    let mut cut = [false; RANK_MAX];
    for at in 0..starts.len() {
        let axis = axis_position(axes.map_or(at as i64, |axes| axes[at]), shape.len())?;
        if std::mem::replace(&mut cut[axis], true) {
            return Err(OpError::Shape(format!("axis {axis} is cut twice")));
        }
        let step = steps.map_or(1, |steps| steps[at]);
        ranges[axis] = range(shape[axis] as i64, starts[at], ends[at], step)?;
    }
    Ok(ranges)
}

fn range(length: i64, start: i64, end: i64, step: i64) -> Result<Range, OpError> {
    let from_end =
        |position: i64| if position < 0 { position.saturating_add(length) } else { position };
    let (start, end) = (from_end(start), from_end(end));
    let (start, len) = match step {
        0 => return Err(OpError::Shape("a step of 0".to_owned())),
        1.. => {
            let (start, end) = (start.clamp(0, length), end.clamp(0, length));
            (start, (end - start).max(0).checked_add(step - 1).map_or(1, |n| n / step))
        }
        _ => {
            let (start, end) = (start.clamp(0, length - 1), end.clamp(-1, length - 1));
            let back = step.unsigned_abs().min(1 << 40) as i64;
            (start, ((start - end).max(0) + back - 1) / back)
        }
    };
    Ok(Range { start, step, len: len as usize })
}

impl GraphBuilder {
    /// Elements `start..end` along `axis`.
    pub fn slice(&mut self, x: &Value, axis: i64, start: usize, end: usize) -> Value {
        let start = self.integers(&[start as i64]);
        let end = self.integers(&[end as i64]);
        let axes = self.integers(&[axis]);
        self.node("", "Slice", &[x, &start, &end, &axes], vec![])
    }
}
