//! Fitted estimators as graphs, and as artifacts in the engines.

use engine::{EngineKind, load};
use learn::catalogue::Entry;
use learn::estimator::Fitted;
use model_format::artifact::{Batch, Draft, Head, build};
use model_format::id::Digest;
use model_format::manifest::{
    Baseline, ChannelBaseline, FORMAT_VERSION, FeatureEntry, Lineage, Manifest, Target, Task,
};
use model_format::onnx::graph::{GraphBuilder, Scope};
use model_format::pipeline::Pipeline;
use prost::Message;
use serde_json::json;

use super::data::{Given, make, width};

/// The emitted graph as bytes.
pub(crate) fn head_bytes(fitted: &dyn Fitted) -> Vec<u8> {
    let mut graph = GraphBuilder::new(Scope::Graph);
    let features = graph.input("features");
    let head: &dyn Head = fitted;
    head.emit(&mut graph, &features);
    graph.into_graph("head", vec![], vec![]).encode_to_vec()
}

/// The float outputs of every engine for the test rows. The artifact's windows are single rows and
/// its features their means, which are the values themselves.
pub(crate) fn engine_answers(
    entry: &Entry,
    given: &Given,
    fitted: &dyn Fitted,
) -> Vec<(EngineKind, Vec<f32>)> {
    assert!(
        std::env::var_os("ORT_DYLIB_PATH").is_some(),
        "ORT_DYLIB_PATH names no library of ONNX Runtime: run `make setup`, then `make test`"
    );
    let golden_windows = (0..3).map(|row| given.test.row(row).to_vec()).collect();
    let head: &dyn Head = fitted;
    let manifest = manifest(entry, given, fitted);
    let draft = Draft { manifest, head, golden_windows, batch: Batch::Symbolic };
    let bytes = build(draft).unwrap();
    let answers = |kind| {
        let mut engine = load(kind, &bytes).unwrap();
        (kind, engine.run(&given.test.values, given.test.rows).unwrap().floats)
    };
    [EngineKind::Native, EngineKind::Tract, EngineKind::Ort].map(answers).to_vec()
}

fn manifest(entry: &Entry, given: &Given, fitted: &dyn Fitted) -> Manifest {
    let channels: Vec<_> = given.train.columns.iter().map(|name| json!({"name": name})).collect();
    let features: Vec<String> =
        given.train.columns.iter().map(|name| format!("{name}.mean")).collect();
    let pipeline: Pipeline = serde_json::from_value(json!({
        "channels": channels,
        "rate": "none",
        "window": {"length_samples": 1, "stride_samples": 1},
        "features": features,
    }))
    .unwrap();
    let classes = match &given.train.target {
        learn::table::Target::Classes { names, .. } => names.clone(),
        _ => Vec::new(),
    };
    let target = Target { name: "y".to_owned(), unit: None };
    Manifest {
        format_version: FORMAT_VERSION,
        task: entry.task,
        pipeline,
        features: features.into_iter().map(|name| FeatureEntry { name, version: 1 }).collect(),
        classes,
        target: (entry.task == Task::Regression).then_some(target),
        threshold: fitted.threshold(),
        baseline: Baseline {
            channels: vec![ChannelBaseline { min: -10.0, max: 10.0 }; width(given)],
            features: learn::baseline::features(&given.train),
        },
        adopted: None,
        lineage: Lineage {
            dataset_version: Digest::of(b"conformance"),
            estimator: entry.name.to_owned(),
            parameters: make(entry, &serde_json::Map::new()).parameters().clone(),
            split: json!({"by": "lists", "train": [], "test": []}),
            seed: 1,
            training_version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        lineage_id: Digest::of(b"filled in by build"),
    }
}
