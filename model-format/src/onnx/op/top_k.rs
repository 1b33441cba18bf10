//! `TopK` (opset 11): the smallest or largest elements along one axis, in order.

use std::cmp::Ordering;

use super::shape::{Shape, around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::{Element, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator =
    Operator { outputs: 2, ..Operator::new("TopK", (11, 17), (2, 2), prepare) };

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let axis = attributes.int("axis", -1)?;
    let largest = attributes.flag("largest", true)?;
    // Unsorted results may come in any order: ours are always sorted.
    attributes.flag("sorted", true)?;
    Ok(Box::new(move |inputs, outputs| {
        let order = |a: Ordering| if largest { a.reverse() } else { a };
        match inputs.get(0)?.element() {
            Element::F32 => {
                run::<f32>(inputs, axis, outputs, |a, b| order(compare(a, b, f32::total_cmp)))
            }
            Element::F64 => {
                run::<f64>(inputs, axis, outputs, |a, b| order(compare(a, b, f64::total_cmp)))
            }
            Element::I64 => run::<i64>(inputs, axis, outputs, |a, b| order(a.cmp(&b))),
            found => {
                let accepted = "float32, float64 or int64";
                Err(OpError::ElementType { input: 0, found, accepted })
            }
        }
    }))
}

/// Zeros of both signs are equal; NaN goes to the ends.
fn compare<T: PartialOrd>(a: T, b: T, total: impl Fn(&T, &T) -> Ordering) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| total(&a, &b))
}

fn run<T: Scalar>(
    inputs: Inputs<'_>,
    axis: i64,
    outputs: &mut [Tensor],
    order: impl Fn(T, T) -> Ordering,
) -> Result<(), OpError> {
    let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
    let axis = axis_position(axis, shape.len())?;
    let (outer, length, inner) = around(shape, axis);
    let k = match inputs.elements::<i64>(1)? {
        &[k] if k >= 0 && k <= length as i64 => k as usize,
        other => {
            let problem = format!("k is {other:?} on an axis of length {length}");
            return Err(OpError::Shape(problem));
        }
    };
    let mut result = Shape::of(shape)?;
    result[axis] = k;
    let (values, positions) = outputs.split_at_mut(1);
    let values = values[0].reset::<T>(&result)?;
    let positions = positions[0].reset::<i64>(&result)?;
    let mut sorted: Vec<(T, usize)> = Vec::with_capacity(length);
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        sorted.clear();
        sorted.extend((0..length).map(|at| (x[(o * length + at) * inner + i], at)));
        // Of equal elements the first comes first.
        let order = |a: &(T, usize), b: &(T, usize)| order(a.0, b.0).then(a.1.cmp(&b.1));
        if k > 0 && k < length {
            sorted.select_nth_unstable_by(k - 1, order);
        }
        sorted[..k].sort_unstable_by(order);
        for (rank, &(value, position)) in sorted[..k].iter().enumerate() {
            let at = (o * k + rank) * inner + i;
            values[at] = value;
            positions[at] = position as i64;
        }
    }
    Ok(())
}

impl GraphBuilder {
    /// The `count` smallest elements along `axis` in ascending order, and their positions (int64);
    /// of equal elements the first comes first.
    pub fn smallest(&mut self, x: &Value, axis: i64, count: usize) -> (Value, Value) {
        let k = self.integers(&[count as i64]);
        let attributes = vec![
            attribute_int("axis", axis),
            attribute_int("largest", 0),
            attribute_int("sorted", 1),
        ];
        let mut outputs = self.node_with_outputs("", "TopK", &[x, &k], attributes, 2);
        let positions = outputs.remove(1);
        (outputs.remove(0), positions)
    }

    /// The elements along `axis`, which has length `length`, in ascending order.
    pub fn sort_ascending(&mut self, x: &Value, axis: i64, length: usize) -> Value {
        self.smallest(x, axis, length).0
    }
}
