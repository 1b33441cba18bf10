//! `Constant` (opset 13): a tensor inside a function body; `GraphBuilder::constant` emits it.

use super::{Attributes, Kernel, OpError, Operator};
use crate::onnx::tensor::Tensor;

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Constant", (13, 17), (0, 0), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let proto = attributes.tensor("value")?.ok_or_else(|| OpError::Attribute {
        name: "value".to_owned(),
        problem: "is missing; other forms of a constant are not accepted".to_owned(),
    })?;
    let tensor = Tensor::from_proto(proto)?;
    Ok(Box::new(move |_, outputs| {
        outputs[0].clone_from(&tensor);
        Ok(())
    }))
}
