//! What a file of another program takes and answers, read before it is adopted.

use prost::Message as _;

use super::ForeignError;
use super::wire;
use crate::artifact::{ArtifactError, FILE_BYTES_MAX};
use crate::id::Digest;
use crate::manifest::Producer;
use crate::onnx::proto::{
    DataType, Dimension, GraphProto, ModelProto, NodeProto, TensorTypeProto, ValueInfoProto,
};

/// The first operator set whose operators broadcast as all later ones do.
const OPSET_MIN: i64 = 7;

/// A file of another program that can be adopted, as far as its declarations tell.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub(super) bytes: Vec<u8>,
    pub(super) opset: Option<i64>,
    sha256: Digest,
    producer: Producer,
    input: ForeignInput,
    outputs: Vec<ForeignOutput>,
    class_names: Option<Vec<String>>,
}

/// The one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignInput {
    /// Its name.
    pub name: String,
    /// True where it takes exactly one window at a time.
    pub one_at_a_time: bool,
    /// Its dimensions without the first, the number of windows; `None` is any size.
    pub shape: Vec<Option<usize>>,
}

/// One output that is a tensor of 32-bit floats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignOutput {
    /// Its name.
    pub name: String,
    /// Numbers that one window has, if that is declared.
    pub width: Option<usize>,
}

impl Foreign {
    /// Reads a file of another program; nothing in it is trusted.
    ///
    /// # Errors
    /// Says what was found and how to export it instead.
    pub fn read(bytes: &[u8]) -> Result<Foreign, ForeignError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(ForeignError::Size(bytes.len()));
        }
        wire::check(bytes)?;
        let model = ModelProto::decode(bytes).map_err(ArtifactError::from)?;
        if model.metadata_props.iter().any(|entry| entry.key.starts_with("cirame.")) {
            return Err(ForeignError::Ours);
        }
        let opset = default_opset(&model);
        if let Some(found) = opset.filter(|&version| version < OPSET_MIN) {
            return Err(ForeignError::Opset { found, needed: OPSET_MIN });
        }
        let graphs = wire::graphs(bytes)?;
        let graph = model.graph.as_ref().filter(|_| graphs == 1);
        let graph = graph.ok_or(ForeignError::Graphs(graphs))?;
        Ok(Foreign {
            opset,
            sha256: Digest::of(bytes),
            producer: Producer::of(&model.producer_name, &model.producer_version),
            input: input(graph)?,
            outputs: outputs(graph)?,
            class_names: class_names(graph),
            bytes: bytes.to_vec(),
        })
    }

    /// Digest of the file.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The program that wrote the file, as it says.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// What it takes.
    pub fn input(&self) -> &ForeignInput {
        &self.input
    }

    /// Its outputs of 32-bit floats; at least one.
    pub fn outputs(&self) -> &[ForeignOutput] {
        &self.outputs
    }

    /// The names of the classes in output order, where a classifier in the file carries them.
    pub fn class_names(&self) -> Option<&[String]> {
        self.class_names.as_deref()
    }
}

fn default_opset(model: &ModelProto) -> Option<i64> {
    let sets = model.opset_import.iter();
    sets.filter(|set| set.domain.is_empty() || set.domain == "ai.onnx").map(|set| set.version).max()
}

/// Old files list constants among the inputs: those are none.
fn input(graph: &GraphProto) -> Result<ForeignInput, ForeignError> {
    let is_constant = |name: &str| graph.initializer.iter().any(|known| known.name == name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !is_constant(&input.name)).collect();
    let [input] = inputs[..] else {
        let names: Vec<String> = inputs.iter().take(8).map(|input| short(&input.name)).collect();
        return Err(ForeignError::Inputs { count: inputs.len(), names: names.join(", ") });
    };
    let name = input.name.clone();
    let wrong = |found: &str, change: &'static str| ForeignError::Input {
        name: short(&name),
        found: found.to_owned(),
        change,
    };
    let tensor = tensor_type(input).ok_or_else(|| wrong("no tensor", "export with one tensor"))?;
    match DataType::try_from(tensor.elem_type) {
        Ok(DataType::Float) => {}
        Ok(DataType::Double) => {
            let change = "export with 32-bit floats (skl2onnx: FloatTensorType in initial_types; \
                          PyTorch: model.float(); Keras and JAX: dtype float32)";
            return Err(wrong("64-bit floats", change));
        }
        other => {
            let found = other.map_or(tensor.elem_type.to_string(), |kind| format!("{kind:?}"));
            let change = "a window has 32-bit floats: export the model with such an input";
            return Err(wrong(&format!("elements of type {found}"), change));
        }
    }
    let shape = tensor.shape.as_ref().filter(|shape| shape.dim.len() >= 2);
    let shape = shape.ok_or_else(|| {
        wrong("no shape of two or more dimensions", "export with [N, …], N windows of a fixed size")
    })?;
    let size = |dimension: &crate::onnx::proto::DimensionProto| match dimension.value {
        Some(Dimension::Value(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
        _ => None,
    };
    let one_at_a_time = match size(&shape.dim[0]) {
        None => false,
        Some(1) => true,
        Some(rows) => {
            let found = format!("a first dimension that is fixed at {rows}");
            return Err(wrong(&found, "export with an open batch dimension, or with 1"));
        }
    };
    Ok(ForeignInput { one_at_a_time, shape: shape.dim[1..].iter().map(size).collect(), name })
}

fn outputs(graph: &GraphProto) -> Result<Vec<ForeignOutput>, ForeignError> {
    let has_zip_map = graph.node.iter().any(|node| node.op_type == "ZipMap");
    let of_maps = |output: &ValueInfoProto| {
        has_zip_map
            && graph
                .node
                .iter()
                .any(|node| node.op_type == "ZipMap" && node.output.contains(&output.name))
    };
    if let Some(output) = graph.output.iter().find(|output| of_maps(output)) {
        return Err(ForeignError::ZipMap { name: short(&output.name) });
    }
    let mut floats = Vec::new();
    let mut found = Vec::new();
    for output in &graph.output {
        let element = tensor_type(output).map_or(0, |tensor| tensor.elem_type);
        if element == DataType::Float as i32 {
            let (name, width) = (output.name.clone(), width(output));
            floats.push(ForeignOutput { name, width });
        }
        let kind = DataType::try_from(element).unwrap_or(DataType::Undefined);
        found.push(format!("{}: {kind:?}", short(&output.name)));
    }
    if floats.is_empty() {
        found.truncate(8);
        return Err(ForeignError::NoFloats { found: found.join(", ") });
    }
    Ok(floats)
}

/// Numbers that a window has in an output, if its shape says so.
fn width(output: &ValueInfoProto) -> Option<usize> {
    let shape = tensor_type(output)?.shape.as_ref()?;
    let sizes = shape.dim.iter().skip(1).map(|dim| match dim.value {
        Some(Dimension::Value(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
        _ => None,
    });
    sizes.into_iter().try_fold(1_usize, |product, size| product.checked_mul(size?))
}

/// The names that a classifier of `ai.onnx.ml` carries, where there is one such list.
fn class_names(graph: &GraphProto) -> Option<Vec<String>> {
    let mut lists = graph.node.iter().filter_map(names_of).collect::<Vec<_>>();
    lists.dedup();
    match lists.len() {
        1 => lists.pop(),
        _ => None,
    }
}

fn names_of(node: &NodeProto) -> Option<Vec<String>> {
    if node.domain != "ai.onnx.ml" {
        return None;
    }
    let attribute = |wanted: &[&str]| {
        let found = node.attribute.iter().find(|known| wanted.contains(&known.name.as_str()));
        found.filter(|known| !known.strings.is_empty() || !known.ints.is_empty())
    };
    let texts = attribute(&["classlabels_strings"]);
    let numbers = attribute(&["classlabels_int64s", "classlabels_ints"]);
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    match (texts, numbers) {
        (Some(texts), _) => Some(texts.strings.iter().map(text).collect()),
        (None, Some(numbers)) => Some(numbers.ints.iter().map(i64::to_string).collect()),
        (None, None) => None,
    }
}

fn tensor_type(value: &ValueInfoProto) -> Option<&TensorTypeProto> {
    value.r#type.as_ref()?.tensor_type.as_ref()
}

fn short(name: &str) -> String {
    name.chars().take(80).collect()
}
