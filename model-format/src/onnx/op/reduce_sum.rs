//! `ReduceSum` (opset 13): sum along one axis.

use super::reduce::Folded;
use super::{Attributes, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::Data;

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("ReduceSum", (13, 17), (1, 2), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let keep = attributes.flag("keepdims", true)?;
    let noop_without_axes = attributes.flag("noop_with_empty_axes", false)?;
    let mut wide = Vec::new();
    Ok(Box::new(move |inputs, outputs| {
        let (x, output) = (inputs.get(0)?, &mut outputs[0]);
        let axes = match inputs.optional(1) {
            Some(_) => inputs.elements::<i64>(1)?,
            None => &[],
        };
        if axes.is_empty() && noop_without_axes {
            output.clone_from(x);
            return Ok(());
        }
        let folded = Folded::new(x.shape(), axes, keep)?;
        match x.data() {
            Data::F32(values) => {
                // 32-bit sums are formed in 64 bits and rounded once.
                let out = output.reset::<f32>(&folded.shape)?;
                wide.clear();
                wide.resize(out.len(), 0.0);
                folded.fold(x.shape(), values, &mut wide, |sum, x| sum + f64::from(x));
                out.iter_mut().zip(&wide).for_each(|(out, &sum)| *out = sum as f32);
            }
            Data::F64(values) => {
                let out = output.reset::<f64>(&folded.shape)?;
                out.fill(0.0);
                folded.fold(x.shape(), values, out, |sum, x| sum + x);
            }
            Data::I64(values) => {
                let out = output.reset::<i64>(&folded.shape)?;
                out.fill(0);
                folded.fold(x.shape(), values, out, i64::wrapping_add);
            }
            Data::Bool(_) => {
                let (found, accepted) = (x.element(), "float32, float64 or int64");
                return Err(OpError::ElementType { input: 0, found, accepted });
            }
        }
        Ok(())
    }))
}

impl GraphBuilder {
    /// The sum along `axis`; the axis stays with length 1 where `keep` is set.
    pub fn reduce_sum(&mut self, x: &Value, axis: i64, keep: bool) -> Value {
        let axes = self.integers(&[axis]);
        self.node("", "ReduceSum", &[x, &axes], vec![attribute_int("keepdims", i64::from(keep))])
    }
}
