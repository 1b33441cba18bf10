//! `run` of a model without a rate: every row is a window, nested JSON names are channels.

use model_format::artifact::{Artifact, Batch, Draft, Head, HeadOutputs, build};
use model_format::manifest::{Baseline, FeatureEntry};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::tensor::Tensor;
use model_format::pipeline::Pipeline;

use super::{edge, model};

/// Adds the features, weighted.
struct Sum;

impl Head for Sum {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let weights = graph.constant(Tensor::f32([2, 1], vec![10.0, 1.0]));
        let column = graph.mat_mul(features, &weights);
        HeadOutputs::Regression { value: graph.squeeze(&column, 1) }
    }
}

/// Writes a model of ten times `acc.x` plus `temp` into `folder`.
fn row_model(folder: &std::path::Path) -> String {
    let released = std::fs::read(model("regression")).unwrap();
    let mut manifest = Artifact::read(&released).unwrap().manifest().clone();
    manifest.pipeline = serde_json::from_value::<Pipeline>(serde_json::json!({
        "channels": [{"name": "acc.x"}, {"name": "temp"}],
        "rate": "none",
        "window": {"length_samples": 1, "stride_samples": 1},
        "features": ["acc.x.mean", "temp.mean"],
    }))
    .unwrap();
    let names = manifest.pipeline.features.iter();
    manifest.features = names.map(|name| FeatureEntry { name: name.clone(), version: 1 }).collect();
    let Baseline { channels, features } = &mut manifest.baseline;
    channels.truncate(2);
    features.truncate(2);
    let golden_windows = vec![vec![1.0, 2.0]];
    let draft = Draft { manifest, head: &Sum, golden_windows, batch: Batch::Symbolic };
    let path = folder.join("rows.onnx");
    std::fs::write(&path, build(draft).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_row_has_an_answer_and_a_row_with_a_hole_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let model = row_model(folder.path());
    let input = concat!(
        "{\"acc\":{\"x\":1,\"y\":9},\"temp\":0.5}\n",
        "{\"temp\":0.25,\"acc\":{\"x\":2}}\n",
        "{\"temp\":null,\"acc\":{\"x\":2}}\n",
        "{\"acc\":{\"x\":-1}}\n",
        "{\"acc\":{\"x\":3},\"temp\":4}\n",
    );
    let done = edge(&["run", &model, "--input", "-", "--format", "jsonl"], input);
    let results = done.results();
    let values: Vec<_> = results.iter().map(|result| result["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [10.5, 20.25, 34.0]);
    assert!(done.errors.contains("2 missing_value"), "{}", done.errors);
    let times: Vec<_> = results.iter().map(|result| result["start_s"].as_f64().unwrap()).collect();
    assert_eq!(times, [0.0, 1.0, 4.0]);
    let table = "temp,acc.x\n0.5,1\n0.25,2\n,2\n,-1\n4,3\n";
    let same = edge(&["run", &model, "--input", "-", "--format", "csv"], table);
    assert_eq!(same.results(), results);
}

#[test]
fn a_row_model_needs_no_rate_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let model = row_model(folder.path());
    let done = edge(&["inspect", &model], "");
    assert!(done.output.contains("none: each row stands for itself"), "{}", done.output);
    assert!(done.output.contains("1 rows, a new one each 1 rows"), "{}", done.output);
}
