//! Reading an artifact: every byte is hostile until checked.

use prost::Message as _;
use serde::de::DeserializeOwned;

use super::head::{FEATURES, opsets};
use super::scan::scan;
use super::write::{GOLDEN_KEY, IR_VERSION, MANIFEST_KEY, PRODUCER, declared_input, rows};
use super::{
    Artifact, ArtifactError, Batch, Body, FILE_BYTES_MAX, METADATA_BYTES_MAX, OwnGraph, adopted,
    golden,
};
use crate::id::Digest;
use crate::manifest::check::canonical;
use crate::manifest::{ADOPTED_FORMAT_VERSION, Manifest, ManifestError, Task};
use crate::onnx::op::tree_ensemble::{self, Forest};
use crate::onnx::op::{Kernel, OpError};
use crate::onnx::program::{Native, Program};
use crate::onnx::proto::{DataType, Dimension, GraphProto, ModelProto, ValueInfoProto};
use crate::signal::features::{
    FUNCTION_DOMAIN, FUNCTION_NAME, FeaturePlan, window_features_function,
};

/// Reads and checks an artifact.
pub(super) fn read(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ArtifactError::FileSize(bytes.len()));
    }
    if adopted::is_adopted(bytes) {
        return adopted::read(bytes);
    }
    scan(bytes)?;
    let model = ModelProto::decode(bytes)?;
    let (manifest_text, golden_text) = metadata(&model)?;
    let manifest = read_manifest(manifest_text)?;
    // Only now, so that a later format is named as such.
    if model.encode_to_vec() != bytes {
        return Err(ArtifactError::Form);
    }
    check_header(&model)?;
    let graph = model.graph.as_ref().ok_or(ArtifactError::Broken)?;
    let batch = check_declarations(graph, &manifest)?;
    let kernel = check_function(&model, &manifest)?;
    forests(&model, &manifest)?;
    let golden = golden::read(golden_text, &manifest)?;
    // One run shows that types and shapes inside the graph fit.
    let mut program = program(&model, &manifest, kernel)?;
    golden::evaluate(&mut program, &manifest, &golden[0].window)?;
    let sha256 = Digest::of(bytes);
    let body = Body::Own(Box::new(OwnGraph { model, kernel }));
    Ok(Artifact { manifest, golden, sha256, batch, body })
}

/// The program of a model that has passed the checks; `kernel` runs features as kernels.
pub(super) fn program(
    model: &ModelProto,
    manifest: &Manifest,
    kernel: bool,
) -> Result<Program, ArtifactError> {
    let graph = model.graph.as_ref().ok_or(ArtifactError::Broken)?;
    let mut natives = Vec::new();
    if kernel {
        natives.push(Native {
            domain: FUNCTION_DOMAIN.to_owned(),
            name: FUNCTION_NAME.to_owned(),
            kernel: feature_kernel(manifest)?,
        });
    }
    Ok(Program::compile(graph, &model.functions, &model.opset_import, natives)?)
}

/// The fused kernel of `WindowFeatures`.
fn feature_kernel(manifest: &Manifest) -> Result<Kernel, ArtifactError> {
    let mut plan = FeaturePlan::new(&manifest.pipeline)?;
    let samples = manifest.pipeline.window.length_samples as usize;
    let channels = manifest.pipeline.channels.len();
    let features = plan.names().len();
    Ok(Box::new(move |inputs, outputs| {
        let (x, shape) = (inputs.elements::<f32>(0)?, inputs.get(0)?.shape());
        let &[rows, found_samples, found_channels] = shape else {
            return Err(OpError::Shape(format!("windows of shape {shape:?}")));
        };
        if (found_samples, found_channels) != (samples, channels) {
            let problem = format!("windows of shape {shape:?}, not [N, {samples}, {channels}]");
            return Err(OpError::Shape(problem));
        }
        let out = outputs[0].reset::<f32>(&[rows, features])?;
        let windows = x.chunks_exact(samples * channels);
        windows.zip(out.chunks_exact_mut(features)).for_each(|(x, out)| plan.compute(x, out));
        Ok(())
    }))
}

/// The texts of manifest and golden windows.
pub(super) fn metadata(model: &ModelProto) -> Result<(&str, &str), ArtifactError> {
    let bytes: usize =
        model.metadata_props.iter().map(|entry| entry.key.len() + entry.value.len()).sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(ArtifactError::MetadataSize(bytes));
    }
    let (mut manifest, mut golden) = (None, None);
    for entry in &model.metadata_props {
        let refuse = |problem| ArtifactError::Metadata { key: entry.key.clone(), problem };
        let place = match entry.key.as_str() {
            MANIFEST_KEY => &mut manifest,
            GOLDEN_KEY => &mut golden,
            _ => return Err(refuse("is unknown; a later version of the format may have it")),
        };
        if place.replace(entry.value.as_str()).is_some() {
            return Err(refuse("stands there twice"));
        }
    }
    let missing = |key: &str| ArtifactError::Metadata {
        key: key.to_owned(),
        problem: "is missing: this is an ONNX file, but no artifact",
    };
    Ok((manifest.ok_or_else(|| missing(MANIFEST_KEY))?, golden.ok_or_else(|| missing(GOLDEN_KEY))?))
}

/// The manifest, with every field checked.
pub(super) fn read_manifest(text: &str) -> Result<Manifest, ArtifactError> {
    let problem = |error: serde_json::Error| json_error(MANIFEST_KEY, error.to_string());
    // A later version may have other fields: its number is looked at before them.
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u64,
    }
    let Version { format_version: found } = serde_json::from_str(text).map_err(problem)?;
    if found > u64::from(ADOPTED_FORMAT_VERSION) {
        return Err(ManifestError::Newer { found }.into());
    }
    let manifest: Manifest = canonical_json(MANIFEST_KEY, text)?;
    manifest.check()?;
    let derived = manifest.derived_lineage_id()?;
    if manifest.lineage_id != derived {
        return Err(ArtifactError::LineageId { found: manifest.lineage_id, derived });
    }
    Ok(manifest)
}

/// Reads JSON that must be in canonical form.
pub(super) fn canonical_json<T: DeserializeOwned>(
    key: &'static str,
    text: &str,
) -> Result<T, ArtifactError> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| json_error(key, error.to_string()))?;
    if canonical(key, &value)? != text {
        return Err(json_error(key, "it is not canonical (RFC 8785)".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| json_error(key, error.to_string()))
}

fn json_error(key: &'static str, problem: String) -> ArtifactError {
    // The reader's messages quote the text, whose length is the file's choice.
    ArtifactError::Json { key, problem: problem.chars().take(300).collect() }
}

fn check_header(model: &ModelProto) -> Result<(), ArtifactError> {
    let sets = |sets: &[crate::onnx::proto::OperatorSetIdProto]| {
        let names = sets.iter().take(8).map(|set| format!("{:.40}={}", set.domain, set.version));
        names.collect::<Vec<_>>().join(", ")
    };
    let number = |value: i64| value.to_string();
    for (what, found, expected) in [
        ("the IR version", number(model.ir_version), number(IR_VERSION)),
        ("the operator sets", sets(&model.opset_import), sets(&opsets())),
        ("the producer", model.producer_name.clone(), PRODUCER.to_owned()),
        ("the producer version", model.producer_version.clone(), String::new()),
        ("the domain", model.domain.clone(), String::new()),
        ("the model version", number(model.model_version), number(0)),
        ("the doc string", model.doc_string.clone(), String::new()),
    ] {
        if found != expected {
            return Err(ArtifactError::Model { what, found, expected });
        }
    }
    if model.opset_import != opsets() {
        return Err(ArtifactError::Count { what: "operator sets", max: opsets().len() });
    }
    Ok(())
}

/// Compares the declared input and outputs with what the manifest implies.
pub(super) fn check_declarations(
    graph: &GraphProto,
    manifest: &Manifest,
) -> Result<Batch, ArtifactError> {
    let expected = |batch| (vec![declared_input(manifest, batch)], outputs(manifest, batch));
    for batch in [Batch::Symbolic, Batch::One] {
        let (input, output) = expected(batch);
        if graph.input == input && graph.output == output && graph.value_info.is_empty() {
            return Ok(batch);
        }
    }
    let (input, output) = expected(Batch::Symbolic);
    Err(ArtifactError::Model {
        what: "the inputs and outputs",
        found: describe(graph.input.iter().chain(&graph.output).chain(&graph.value_info)),
        expected: describe(input.iter().chain(&output)),
    })
}

/// The declarations of the outputs.
pub(super) fn outputs(manifest: &Manifest, batch: Batch) -> Vec<ValueInfoProto> {
    use super::head::value_info;
    let label = || value_info("label", DataType::Int64, vec![Some(rows(batch))]);
    let one = |name| value_info(name, DataType::Float, vec![Some(rows(batch))]);
    match manifest.task {
        Task::Classification => {
            let classes = Dimension::Value(manifest.classes.len() as i64);
            let dims = vec![Some(rows(batch)), Some(classes)];
            vec![value_info("probabilities", DataType::Float, dims), label()]
        }
        Task::Regression => vec![one("value")],
        Task::Anomaly => vec![one("score"), label()],
    }
}

fn describe<'a>(values: impl Iterator<Item = &'a ValueInfoProto>) -> String {
    let dim = |dim: &crate::onnx::proto::DimensionProto| match &dim.value {
        None => "?".to_owned(),
        Some(Dimension::Value(size)) => size.to_string(),
        Some(Dimension::Param(name)) => format!("{name:.20}"),
    };
    let one = |value: &ValueInfoProto| {
        let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
        let dims = shape.map(|shape| shape.dim.iter().take(8).map(dim).collect::<Vec<_>>());
        let element = tensor.map_or(0, |tensor| tensor.elem_type);
        format!("{:.40}: type {element} {:?}", value.name, dims.unwrap_or_default())
    };
    values.take(8).map(one).collect::<Vec<_>>().join("; ")
}

/// Checks that there is the one function, and says whether its body is the one that we write.
fn check_function(model: &ModelProto, manifest: &Manifest) -> Result<bool, ArtifactError> {
    let names = |functions: &[crate::onnx::proto::FunctionProto]| {
        let names = functions.iter().take(8).map(|f| format!("{:.40}.{:.40}", f.domain, f.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let emitted = window_features_function(&manifest.pipeline)?;
    let (found, expected) = (names(&model.functions), names(std::slice::from_ref(&emitted)));
    if found != expected || model.functions.len() != 1 {
        return Err(ArtifactError::Model { what: "the functions", found, expected });
    }
    Ok(model.functions[0] == emitted)
}

/// The forests that read the features.
pub(super) fn forests(
    model: &ModelProto,
    manifest: &Manifest,
) -> Result<Vec<Forest>, ArtifactError> {
    let features = manifest.features.len();
    let mut forests = Vec::new();
    for node in model.graph.iter().flat_map(|graph| &graph.node) {
        let forest = tree_ensemble::of_node(node)
            .map_err(|source| ArtifactError::Forest { node: node.name.clone(), source })?;
        let Some(forest) = forest.filter(|_| node.input.first().is_some_and(|x| x == FEATURES))
        else {
            continue;
        };
        if forest.width > features {
            return Err(ArtifactError::Model {
                what: "a forest that reads a feature at position",
                found: (forest.width - 1).to_string(),
                expected: format!("{features} features"),
            });
        }
        forests.push(Forest { width: features, ..forest });
    }
    Ok(forests)
}
