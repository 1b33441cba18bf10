//! The position of an extreme element along one axis.

use super::shape::{Shape, around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError};
use crate::onnx::tensor::{Element, Scalar, Tensor};

#[derive(Clone, Copy)]
struct Extreme {
    axis: i64,
    keep: bool,
    last: bool,
    largest: bool,
}

/// The kernel of `ArgMax` (`largest`) or `ArgMin`.
pub(super) fn extreme(attributes: &mut Attributes<'_>, largest: bool) -> Result<Kernel, OpError> {
    let extreme = Extreme {
        axis: attributes.int("axis", 0)?,
        keep: attributes.flag("keepdims", true)?,
        last: attributes.flag("select_last_index", false)?,
        largest,
    };
    Ok(Box::new(move |inputs, outputs| match inputs.get(0)?.element() {
        Element::F32 => extreme.find::<f32>(inputs, &mut outputs[0]),
        Element::F64 => extreme.find::<f64>(inputs, &mut outputs[0]),
        Element::I64 => extreme.find::<i64>(inputs, &mut outputs[0]),
        found => {
            Err(OpError::ElementType { input: 0, found, accepted: "float32, float64 or int64" })
        }
    }))
}

impl Extreme {
    fn find<T: Scalar + PartialOrd>(
        self,
        inputs: Inputs<'_>,
        output: &mut Tensor,
    ) -> Result<(), OpError> {
        let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
        let axis = axis_position(self.axis, shape.len())?;
        let (_, length, inner) = around(shape, axis);
        if length == 0 {
            return Err(OpError::Shape("an axis of length 0 has no extreme element".to_owned()));
        }
        let mut result = Shape::of(shape)?;
        result[axis] = 1;
        let result = if self.keep {
            result
        } else {
            Shape::collect((0..shape.len()).filter(|&at| at != axis).map(|at| shape[at]))?
        };
        let out = output.reset::<i64>(&result)?;
        for (at, out) in out.iter_mut().enumerate() {
            let start = at / inner * inner * length + at % inner;
            *out = self.along(|i| x[start + i * inner], length) as i64;
        }
        Ok(())
    }

    fn along<T: Scalar + PartialOrd>(self, x: impl Fn(usize) -> T, length: usize) -> usize {
        let mut best = 0;
        for at in 1..length {
            let (new, old) = (x(at), x(best));
            let better = if self.largest { new > old } else { new < old };
            if better || (self.last && new == old) {
                best = at;
            }
        }
        best
    }
}
