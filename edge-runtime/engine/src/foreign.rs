//! What a model of another program takes and answers, read from its declarations.

use model_format::artifact::Artifact;
use model_format::onnx::proto::{
    DataType, Dimension, GraphProto, ModelProto, TensorTypeProto, ValueInfoProto,
};

use crate::Layout;

/// The most values in one window.
const WINDOW_VALUES_MAX: usize = 1 << 24;

/// The outputs of a model that is not ours: the first of 32-bit floats, and the first of 64-bit
/// whole numbers, if there is one, as the label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// Name of the float output.
    pub(crate) floats: String,
    /// Name of the label output.
    pub(crate) label: Option<String>,
}

impl Answers {
    /// The outputs of one of our artifacts.
    pub(crate) fn of_artifact(artifact: &Artifact) -> Answers {
        let names = artifact.output_names();
        let label = names.get(1).map(|&name| name.to_owned());
        Answers { floats: names[0].to_owned(), label }
    }
}

/// Which outputs of a model are its answers. The text says what was found.
pub(crate) fn answers(model: &ModelProto) -> Result<Answers, String> {
    let graph = model.graph.as_ref().ok_or("the file holds no graph")?;
    let first = |element: DataType| {
        let of_type = |output: &&ValueInfoProto| {
            tensor_type(output).is_some_and(|tensor| tensor.elem_type == element as i32)
        };
        graph.output.iter().find(of_type).map(|output| output.name.clone())
    };
    let floats = first(DataType::Float).ok_or_else(|| {
        format!("none of its {} outputs is a tensor of 32-bit floats", graph.output.len())
    })?;
    Ok(Answers { floats, label: first(DataType::Int64) })
}

/// What a model that is not ours takes. The text says what was found and what to change.
pub(crate) fn layout(model: &ModelProto) -> Result<Layout, String> {
    let graph = model.graph.as_ref().ok_or("the file holds no graph")?;
    let input = only_input(graph)?;
    let name = input.name.chars().take(80).collect::<String>();
    let tensor = tensor_type(input).filter(|tensor| tensor.elem_type == DataType::Float as i32);
    let tensor = tensor.ok_or(format!("its input {name} is no tensor of 32-bit floats"))?;
    let shape = tensor.shape.as_ref().filter(|shape| !shape.dim.is_empty());
    let shape = shape.ok_or(format!("its input {name} has no declared shape"))?;
    let mut window_shape = Vec::new();
    for (axis, dim) in shape.dim.iter().enumerate().skip(1) {
        match dim.value {
            Some(Dimension::Value(size @ 1..)) => window_shape.push(size as usize),
            _ => {
                return Err(format!(
                    "dimension {axis} of its input {name} is not a fixed size; only the first, the \
                     number of windows, may be open"
                ));
            }
        }
    }
    let values = window_shape.iter().try_fold(1_usize, |values, &dim| values.checked_mul(dim));
    if values.is_none_or(|values| values > WINDOW_VALUES_MAX) {
        return Err(format!(
            "its input {name} has {window_shape:?} values; at most {WINDOW_VALUES_MAX} are \
             accepted"
        ));
    }
    let one_at_a_time = match shape.dim[0].value {
        Some(Dimension::Value(1)) => true,
        Some(Dimension::Value(size)) => {
            return Err(format!(
                "the first dimension of its input {name} is fixed at {size}; export with 1 or \
                 with an open batch dimension"
            ));
        }
        _ => false,
    };
    Ok(Layout { window_shape, channels: Vec::new(), one_at_a_time })
}

/// Old files list constants among the inputs: those are none.
fn only_input(graph: &GraphProto) -> Result<&ValueInfoProto, String> {
    let is_constant = |name: &str| graph.initializer.iter().any(|known| known.name == name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !is_constant(&input.name)).collect();
    match inputs[..] {
        [input] => Ok(input),
        _ => Err(format!("it has {} inputs; one is accepted", inputs.len())),
    }
}

fn tensor_type(value: &ValueInfoProto) -> Option<&TensorTypeProto> {
    value.r#type.as_ref()?.tensor_type.as_ref()
}
