//! `Flatten` (opset 13): two axes, the first ones joined and the rest joined.

use super::shape::{axis_position, reshaped};
use super::{Attributes, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Flatten", (13, 17), (1, 1), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let axis = attributes.int("axis", 1)?;
    Ok(Box::new(move |inputs, outputs| {
        let shape = inputs.get(0)?.shape();
        // Unlike elsewhere the axis may be the rank itself: then everything is joined.
        let rank = shape.len();
        let axis = if axis == rank as i64 { rank } else { axis_position(axis, rank)? };
        let flat = [shape[..axis].iter().product(), shape[axis..].iter().product()];
        reshaped(inputs, &flat, &mut outputs[0])
    }))
}

impl GraphBuilder {
    /// `x` as a matrix: axes before `axis` joined, axes from `axis` on joined.
    pub fn flatten(&mut self, x: &Value, axis: i64) -> Value {
        self.node("", "Flatten", &[x], vec![attribute_int("axis", axis)])
    }
}
