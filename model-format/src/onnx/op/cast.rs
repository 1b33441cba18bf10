//! `Cast`: change of element type.

use super::unary::map;
use super::{Attributes, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::proto::DataType;
use crate::onnx::tensor::{Data, Element};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("Cast", (13, 17), (1, 1), prepare);

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let to = attributes.int("to", 0)?;
    let element = i32::try_from(to).ok().and_then(Element::of_data_type);
    let element = element.ok_or_else(|| OpError::Attribute {
        name: "to".to_owned(),
        problem: format!("is {to}; 1, 7, 9 and 11 are accepted"),
    })?;
    Ok(Box::new(move |inputs, outputs| {
        let output = &mut outputs[0];
        match (inputs.get(0)?.data(), element) {
            (Data::F32(x), Element::F32) => map(inputs, x, output, |x| x),
            (Data::F32(x), Element::F64) => map(inputs, x, output, f64::from),
            (Data::F32(x), Element::I64) => map(inputs, x, output, |x| x as i64),
            (Data::F32(x), Element::Bool) => map(inputs, x, output, |x| x != 0.0),
            (Data::F64(x), Element::F32) => map(inputs, x, output, |x| x as f32),
            (Data::F64(x), Element::F64) => map(inputs, x, output, |x| x),
            (Data::F64(x), Element::I64) => map(inputs, x, output, |x| x as i64),
            (Data::F64(x), Element::Bool) => map(inputs, x, output, |x| x != 0.0),
            (Data::I64(x), Element::F32) => map(inputs, x, output, |x| x as f32),
            (Data::I64(x), Element::F64) => map(inputs, x, output, |x| x as f64),
            (Data::I64(x), Element::I64) => map(inputs, x, output, |x| x),
            (Data::I64(x), Element::Bool) => map(inputs, x, output, |x| x != 0),
            (Data::Bool(x), Element::F32) => map(inputs, x, output, |x| f32::from(u8::from(x))),
            (Data::Bool(x), Element::F64) => map(inputs, x, output, |x| f64::from(u8::from(x))),
            (Data::Bool(x), Element::I64) => map(inputs, x, output, i64::from),
            (Data::Bool(x), Element::Bool) => map(inputs, x, output, |x| x),
        }
    }))
}

impl GraphBuilder {
    /// `x` with elements of type `to`.
    pub fn cast(&mut self, x: &Value, to: DataType) -> Value {
        self.node("", "Cast", &[x], vec![attribute_int("to", to as i64)])
    }
}
