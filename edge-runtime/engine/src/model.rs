//! What the bytes of a model are: one of our artifacts, or any other ONNX model.

use model_format::artifact::{Artifact, Batch};
use model_format::onnx::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use prost::Message;

use crate::{EngineError, Layout};

/// The largest model that is not one of our artifacts, in bytes.
const FOREIGN_BYTES_MAX: usize = 512 << 20;

/// A decoded model.
pub(crate) enum Model {
    /// An artifact that has passed every check.
    Ours(Box<Artifact>),
    /// Another model, of which nothing is known but that it decodes.
    #[cfg_attr(not(any(feature = "tract", feature = "ort")), allow(dead_code))]
    Foreign(Box<ModelProto>),
}

/// Decodes the bytes. Whatever carries our metadata must pass as an artifact.
pub(crate) fn read(bytes: &[u8]) -> Result<Model, EngineError> {
    if bytes.len() > FOREIGN_BYTES_MAX {
        let text = format!("{} bytes; at most {FOREIGN_BYTES_MAX} are accepted", bytes.len());
        return Err(EngineError::Model(text));
    }
    let model = ModelProto::decode(bytes)
        .map_err(|error| EngineError::Model(format!("this is no ONNX file: {error}")))?;
    if model.metadata_props.iter().any(|entry| entry.key.starts_with("cirame.")) {
        drop(model);
        let artifact =
            Artifact::read(bytes).map_err(|error| EngineError::Model(error.to_string()))?;
        return Ok(Model::Ours(Box::new(artifact)));
    }
    let graph = model.graph.as_ref();
    let nodes = model.functions.iter().flat_map(|function| &function.node);
    if let Some(name) = graph.and_then(external_constant).or_else(|| external_in_nodes(nodes)) {
        let text = format!("the constant {name:.80} lies in another file; export into one file");
        return Err(EngineError::Model(text));
    }
    Ok(Model::Foreign(Box::new(model)))
}

/// Name of a constant whose values lie in another file, which no engine may open.
fn external_constant(graph: &GraphProto) -> Option<String> {
    let tensors = graph.initializer.iter();
    external_tensor(tensors).or_else(|| external_in_nodes(graph.node.iter()))
}

fn external_in_nodes<'a>(nodes: impl Iterator<Item = &'a NodeProto>) -> Option<String> {
    nodes.flat_map(|node| &node.attribute).find_map(|attribute| {
        let inner = attribute.g.as_ref().and_then(external_constant);
        inner.or_else(|| external_tensor(attribute.t.iter()))
    })
}

fn external_tensor<'a>(mut tensors: impl Iterator<Item = &'a TensorProto>) -> Option<String> {
    tensors.find(|tensor| tensor.data_location != 0).map(|tensor| tensor.name.clone())
}

/// What an artifact takes.
pub(crate) fn layout(artifact: &Artifact) -> Layout {
    let pipeline = &artifact.manifest().pipeline;
    let samples = pipeline.window.length_samples as usize;
    Layout {
        window_shape: vec![samples, pipeline.channels.len()],
        channels: pipeline.channels.iter().map(|channel| channel.name.clone()).collect(),
        one_at_a_time: artifact.batch() == Batch::One,
    }
}
