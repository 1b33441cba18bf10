//! `CumSum` (opset 14): running sum along one axis.

use super::shape::{around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::tensor::{Element, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("CumSum", (14, 17), (2, 2), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let exclusive = attributes.flag("exclusive", false)?;
    let reverse = attributes.flag("reverse", false)?;
    Ok(Box::new(move |inputs, outputs| {
        let output = &mut outputs[0];
        match inputs.get(0)?.element() {
            Element::F32 => run::<f32>(inputs, exclusive, reverse, output, |a, b| a + b),
            Element::F64 => run::<f64>(inputs, exclusive, reverse, output, |a, b| a + b),
            Element::I64 => run(inputs, exclusive, reverse, output, i64::wrapping_add),
            found => {
                let accepted = "float32, float64 or int64";
                Err(OpError::ElementType { input: 0, found, accepted })
            }
        }
    }))
}

fn run<T: Scalar>(
    inputs: Inputs<'_>,
    exclusive: bool,
    reverse: bool,
    output: &mut Tensor,
    add: impl Fn(T, T) -> T,
) -> Result<(), OpError> {
    let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
    let &[axis] = inputs.elements::<i64>(1)? else {
        return Err(OpError::Shape("the axis must be one number".to_owned()));
    };
    let (outer, length, inner) = around(shape, axis_position(axis, shape.len())?);
    let out = output.reset::<T>(shape)?;
    for start in (0..outer).flat_map(|o| (0..inner).map(move |i| o * length * inner + i)) {
        let mut sum = T::default();
        for step in 0..length {
            let at = start + inner * if reverse { length - 1 - step } else { step };
            if exclusive {
                out[at] = sum;
                sum = add(sum, x[at]);
            } else {
                sum = add(sum, x[at]);
                out[at] = sum;
            }
        }
    }
    Ok(())
}

impl GraphBuilder {
    /// The running sum along `axis`, each element included.
    pub fn cum_sum(&mut self, x: &Value, axis: i64) -> Value {
        let axis = self.constant(Tensor::i64(vec![], vec![axis]));
        self.node("", "CumSum", &[x, &axis], vec![])
    }
}
