//! Writing an artifact: a pure function of the draft.

use prost::Message as _;

use super::golden;
use super::head::{FEATURES, declare_outputs, opsets, value_info};
use super::read::{outputs, program};
use super::{Artifact, ArtifactError, Batch, Draft, FILE_BYTES_MAX, METADATA_BYTES_MAX};
use crate::manifest::{FORMAT_VERSION, Manifest};
use crate::onnx::graph::{GraphBuilder, Scope};
use crate::onnx::proto::{
    DataType, Dimension, GraphProto, ModelProto, StringStringEntryProto, ValueInfoProto,
};
use crate::signal::features::{FUNCTION_DOMAIN, FUNCTION_NAME, window_features_function};

/// Version of the file's intermediate representation: the first one with functions.
pub(super) const IR_VERSION: i64 = 8;
/// What every artifact says about its writer: the same at any time and on any machine.
pub(super) const PRODUCER: &str = "cirame";
/// Key of the manifest.
pub(super) const MANIFEST_KEY: &str = "cirame.manifest";
/// Key of the golden windows.
pub(super) const GOLDEN_KEY: &str = "cirame.golden";
/// Name of the input.
pub(super) const WINDOWS: &str = "windows";

/// Builds an artifact: equal drafts give equal bytes.
///
/// # Errors
/// Says which part of the draft cannot be written, with what was found.
pub fn build(draft: Draft<'_>) -> Result<Vec<u8>, ArtifactError> {
    let mut manifest = draft.manifest;
    manifest.format_version = FORMAT_VERSION;
    manifest.check()?;
    manifest.lineage_id = manifest.derived_lineage_id()?;
    let text = manifest.to_canonical_json()?;

    let graph = graph(&manifest, draft.head, draft.batch)?;
    let mut model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: opsets(),
        producer_name: PRODUCER.to_owned(),
        graph: Some(graph),
        functions: vec![window_features_function(&manifest.pipeline)?],
        ..ModelProto::default()
    };
    let golden = golden_text(&model, &manifest, &draft.golden_windows, text.len())?;
    for (key, value) in [(MANIFEST_KEY, text), (GOLDEN_KEY, golden)] {
        model.metadata_props.push(StringStringEntryProto { key: key.to_owned(), value });
    }
    let bytes = model.encode_to_vec();
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ArtifactError::FileSize(bytes.len()));
    }
    // Nothing leaves here that a device would refuse.
    Artifact::read(&bytes)?;
    Ok(bytes)
}

/// The same model with another first dimension of its input and outputs.
pub(super) fn with_batch(artifact: &Artifact, batch: Batch) -> Result<Vec<u8>, ArtifactError> {
    if artifact.batch() == batch {
        return Ok(artifact.to_bytes());
    }
    let Some(own) = artifact.own() else { return Err(ArtifactError::AdoptedBatch) };
    let mut model = own.model().clone();
    let graph = model.graph.as_mut().expect("an artifact that was read has a graph");
    graph.input = vec![declared_input(artifact.manifest(), batch)];
    graph.output = outputs(artifact.manifest(), batch);
    let bytes = model.encode_to_vec();
    Artifact::read(&bytes)?;
    Ok(bytes)
}

fn graph(
    manifest: &Manifest,
    head: &dyn super::Head,
    batch: Batch,
) -> Result<GraphProto, ArtifactError> {
    let mut graph = GraphBuilder::new(Scope::Graph);
    let windows = graph.input(WINDOWS);
    let features = graph.node(FUNCTION_DOMAIN, FUNCTION_NAME, &[&windows], vec![]);
    let features = graph.rename(&features, FEATURES);
    let outputs = head.emit(&mut graph, &features);
    if outputs.task() != manifest.task {
        let (manifest, head) = (manifest.task, outputs.task());
        return Err(ArtifactError::Task { manifest, head });
    }
    let rows = rows(batch);
    let classes = Some(manifest.classes.len());
    let declared = declare_outputs(&mut graph, &outputs, rows, classes);
    Ok(graph.into_graph(PRODUCER, vec![declared_input(manifest, batch)], declared))
}

/// The first dimension of inputs and outputs.
pub(super) fn rows(batch: Batch) -> Dimension {
    match batch {
        Batch::Symbolic => Dimension::Param("N".to_owned()),
        Batch::One => Dimension::Value(1),
    }
}

/// The declaration of the input.
pub(super) fn declared_input(manifest: &Manifest, batch: Batch) -> ValueInfoProto {
    let samples = Dimension::Value(manifest.pipeline.window.length_samples.into());
    let channels = Dimension::Value(manifest.pipeline.channels.len() as i64);
    let dims = [rows(batch), samples, channels].map(Some).to_vec();
    value_info(WINDOWS, DataType::Float, dims)
}

fn golden_text(
    model: &ModelProto,
    manifest: &Manifest,
    windows: &[Vec<f32>],
    manifest_bytes: usize,
) -> Result<String, ArtifactError> {
    let used = manifest_bytes + MANIFEST_KEY.len() + GOLDEN_KEY.len();
    let left = METADATA_BYTES_MAX.checked_sub(used);
    let left = left.ok_or(ArtifactError::MetadataSize(used))?;
    let values =
        manifest.pipeline.window.length_samples as usize * manifest.pipeline.channels.len();
    // More windows than this cannot fit: the rest need not be evaluated.
    let fitting_max = left / (values * 16 / 3).max(1) + 1;
    let mut program = program(model, manifest, true)?;
    let mut golden = Vec::new();
    for (at, window) in windows.iter().take(fitting_max).enumerate() {
        if window.len() != values || window.iter().any(|x| !x.is_finite()) {
            let problem = format!("has not {values} finite values");
            return Err(ArtifactError::Golden { at, problem });
        }
        let one = golden::evaluate(&mut program, manifest, window)?;
        if one.floats.iter().any(|x| !x.is_finite()) {
            let problem = format!("gives {:?}; outputs must be finite", one.floats);
            return Err(ArtifactError::Golden { at, problem });
        }
        golden.push(one);
    }
    golden::write(&golden, manifest.task, left)
}
