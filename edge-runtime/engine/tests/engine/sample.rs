//! Artifacts and windows for the tests, all from fixed seeds.

use std::collections::BTreeSet;

use model_format::artifact::{Batch, Draft, Head, HeadOutputs, build};
use model_format::id::Digest;
use model_format::manifest::{
    Baseline, ChannelBaseline, FORMAT_VERSION, FeatureBaseline, FeatureEntry, Lineage, Manifest,
    Target, Task, Threshold,
};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::{Forest, Node, Tree};
use model_format::onnx::tensor::Tensor;
use model_format::pipeline::Pipeline;
use model_format::signal::features::{CATALOGUE, FeaturePlan, Needs, feature_named};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The same numbers in every run.
pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A pipeline over channels `a` and `b` with every feature that windows of this length have, and
/// some that look back.
pub(crate) fn pipeline(length_samples: usize) -> Pipeline {
    let fits = CATALOGUE
        .iter()
        .filter(|f| f.window_min_samples as usize <= length_samples && f.needs != Needs::Partner);
    let back = BTreeSet::from([0, length_samples / 2, length_samples - 1]);
    let lags = back.iter().map(|steps| format!("lag_{steps}"));
    let differences = back.iter().filter(|steps| **steps > 0);
    let differences = differences.map(|steps| format!("difference_{steps}"));
    let back: Vec<String> = lags.chain(differences).collect();
    let names = fits.map(|feature| feature.name).chain(back.iter().map(String::as_str));
    let mut pipeline = pipeline_of(length_samples, &names.collect::<Vec<_>>());
    pipeline.features.push("b.correlation_a".to_owned());
    pipeline
}

/// A pipeline over channels `a` and `b` with these features of both.
pub(crate) fn pipeline_of(length_samples: usize, names: &[&str]) -> Pipeline {
    let of = |channel: &'static str| names.iter().map(move |name| format!("{channel}.{name}"));
    let features: Vec<String> = of("a").chain(of("b")).collect();
    // What is known of the machine, as far as a feature reads it.
    let reads = |field: &String| {
        let mut named = features.iter().filter_map(|name| feature_named(name));
        named.any(|feature| feature.needs.machine_fields().contains(&field.as_str()))
    };
    let band = |low: f64, high: f64| serde_json::json!({"low_hz": low, "high_hz": high});
    let mut machine = serde_json::json!({
        "bands": [band(0.0, 5.0), band(5.0, 12.3), band(10.0, 20.0), band(20.0, 33.0),
                  band(30.0, 40.0), band(40.0, 50.0), band(0.0, 50.0), band(7.0, 47.0)],
        "acceleration_unit": "m/s2",
        "velocity_band": band(3.0, 45.0),
        "envelope_band": band(10.0, 40.0),
        "envelope_spectrum": band(2.0, 30.0),
        // A channel that measures the speed: its bands depend on the window.
        "shaft": {"speed": {"channel_hz": "a"}},
        "orders": [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.1],
        "bearing": {"balls": 9, "ball_diameter_mm": 7.94, "pitch_diameter_mm": 39.04},
    });
    if let Some(fields) = machine.as_object_mut() {
        fields.retain(|field, _| reads(field));
    }
    serde_json::from_value(serde_json::json!({
        "machine": machine,
        "channels": [{"name": "a"}, {"name": "b", "unit": "m/s2"}],
        "rate": {"fixed": {"hz": 100.0}},
        "window": {"length_samples": length_samples, "stride_samples": length_samples},
        "features": features,
    }))
    .expect("the pipeline is written as its type says")
}

/// Windows of two channels of all the kinds that break features: noise, waves, constants, tiny
/// variance, a huge offset, single impulses, steps, ramps.
pub(crate) fn windows(length_samples: usize) -> Vec<(&'static str, Vec<f32>)> {
    type Shape = fn(f32, f32) -> f32;
    let shapes: [(&str, Shape); 16] = [
        ("noise", |_, noise| noise),
        ("large noise", |_, noise| noise * 1e4),
        ("small noise", |_, noise| noise * 1e-6),
        ("wave", |t, noise| ((t * 0.7).sin() + 0.1 * noise) * 9.81),
        ("zero", |_, _| 0.0),
        ("constant", |_, _| 101_325.0),
        ("small constant", |_, _| -0.001),
        ("tiny variance", |_, noise| 1.0 + noise * 3e-7),
        ("tiny variance on a level", |_, noise| 1000.0 + noise * 1e-4),
        ("huge offset", |_, noise| 1e6 + noise),
        ("huge negative offset", |t, noise| -3e7 + (t * 0.3).cos() * 100.0 + noise),
        ("impulse", |t, noise| if t == 5.0 { 1000.0 } else { noise * 0.01 }),
        ("impulse in silence", |t, _| if t == 7.0 { -3.0 } else { 0.0 }),
        ("step", |t, _| if t < 9.0 { 2.0 } else { 5.0 }),
        ("ramp", |t, _| 0.25 * t),
        ("alternating", |t, _| if t % 2.0 == 0.0 { 1.0 } else { -1.0 }),
    ];
    let mut random = random(length_samples as u64);
    let mut windows = Vec::new();
    for (kind, shape) in shapes {
        for round in 0..4_usize {
            let value = |i: usize| {
                let phase = ((i / 2 + 3 * round) % length_samples) as f32;
                shape(phase, random.random_range(-1.0_f32..1.0))
            };
            windows.push((kind, (0..2 * length_samples).map(value).collect()));
        }
    }
    windows
}

/// The windows without their kinds.
pub(crate) fn plain_windows(length_samples: usize) -> Vec<Vec<f32>> {
    windows(length_samples).into_iter().map(|(_, window)| window).collect()
}

/// The manifest of a model over this pipeline; a classifier has a class for each of `outputs`.
pub(crate) fn manifest(task: Task, pipeline: Pipeline, outputs: usize) -> Manifest {
    let entry = |name: &String| {
        let feature = feature_named(name).expect("the feature is known");
        FeatureEntry { name: name.clone(), version: feature.version }
    };
    let features: Vec<_> = pipeline.features.iter().map(entry).collect();
    let feature = FeatureBaseline { quantiles: [0.1; 9], histogram: [0.1; 10] };
    let classes = if task == Task::Classification { outputs } else { 0 };
    Manifest {
        format_version: FORMAT_VERSION,
        task,
        classes: (0..classes).map(|class| format!("class {class}")).collect(),
        target: (task == Task::Regression)
            .then(|| Target { name: "load".to_owned(), unit: Some("kW".to_owned()) }),
        threshold: (task == Task::Anomaly).then_some(Threshold {
            raw: 2.5,
            calibration_windows: 100,
            false_alarm_rate: 0.01,
        }),
        baseline: Baseline {
            channels: vec![ChannelBaseline { min: -3.0, max: 3.0 }; 2],
            features: vec![feature; features.len()],
        },
        features,
        adopted: None,
        lineage: Lineage {
            dataset_version: Digest::of(b"a dataset"),
            estimator: "sample".to_owned(),
            parameters: serde_json::Map::new(),
            split: serde_json::json!({"by": "recording"}),
            seed: 42,
            training_version: "1".to_owned(),
        },
        lineage_id: Digest::of(b""),
        pipeline,
    }
}

/// An artifact over all features of windows of this length.
pub(crate) fn artifact(
    length_samples: usize,
    head: &dyn Head,
    task: Task,
    batch: Batch,
) -> Vec<u8> {
    let pipeline = pipeline(length_samples);
    let outputs = if task == Task::Classification { 3 } else { 1 };
    artifact_of(manifest(task, pipeline, outputs), head, batch)
}

/// An artifact with this manifest.
pub(crate) fn artifact_of(manifest: Manifest, head: &dyn Head, batch: Batch) -> Vec<u8> {
    let golden_windows = plain_windows(manifest.pipeline.window.length_samples as usize);
    let draft = Draft { manifest, head, golden_windows, batch };
    build(draft).expect("the draft is valid")
}

/// A model whose `probabilities` are the features themselves.
pub(crate) fn features_only(length_samples: usize) -> Vec<u8> {
    let pipeline = pipeline(length_samples);
    let count = pipeline.features.len();
    artifact_of(manifest(Task::Classification, pipeline, count), &Identity, Batch::Symbolic)
}

/// Answers with the features: a product with 1 is exact.
struct Identity;

impl Head for Identity {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let one = graph.scalar_f32(1.0);
        HeadOutputs::Classification { probabilities: graph.mul(features, &one) }
    }
}

/// Trees over the features of [`pipeline`], with splits at values that windows have.
pub(crate) struct Trees(pub(crate) Forest);

impl Trees {
    /// A forest with three classes, or one sum.
    pub(crate) fn new(length_samples: usize, outputs: usize) -> Trees {
        let mut plan = FeaturePlan::new(&pipeline(length_samples)).expect("known features");
        let mut rows = Vec::new();
        for window in plain_windows(length_samples) {
            let mut row = vec![0.0; plan.names().len()];
            plan.compute(&window, &mut row);
            rows.push(row);
        }
        let mut random = random(5);
        let mut tree = || {
            let mut tree = Tree::default();
            grow(&mut random, &rows, &mut tree, 6, outputs);
            tree
        };
        let trees = (0..25).map(|_| tree()).collect();
        Trees(Forest { width: rows[0].len(), outputs, trees })
    }
}

fn grow(
    random: &mut ChaCha8Rng,
    rows: &[Vec<f32>],
    tree: &mut Tree,
    depth: usize,
    outputs: usize,
) -> u32 {
    let at = tree.nodes.len();
    let leaf = (tree.weights.len() / outputs) as u32;
    tree.nodes.push(Node::Leaf { leaf });
    if depth == 0 || random.random_range(0..9) == 0 {
        let weights: Vec<f32> = (0..outputs).map(|_| random.random_range(0.0..0.04)).collect();
        tree.weights.extend(weights);
        return at as u32;
    }
    let feature = random.random_range(0..rows[0].len());
    // Midway between the values of two windows, as learners place their splits.
    let mut value = || rows[random.random_range(0..rows.len())][feature];
    let threshold = (value() + value()) / 2.0 + 1e-3;
    let left = grow(random, rows, tree, depth - 1, outputs);
    let right = grow(random, rows, tree, depth - 1, outputs);
    tree.nodes[at] = Node::Split { feature: feature as u32, threshold, left, right };
    at as u32
}

impl Head for Trees {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        match self.0.outputs {
            1 => {
                HeadOutputs::Regression { value: graph.tree_ensemble_regressor(features, &self.0) }
            }
            classes => HeadOutputs::Classification {
                probabilities: graph.tree_ensemble_classifier(features, &self.0, classes),
            },
        }
    }
}

/// A linear model over the features, each divided by its size so that none drowns the others.
pub(crate) struct Linear(pub(crate) Task, pub(crate) usize);

impl Head for Linear {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let mut random = random(9);
        let width = self.1;
        let outputs = if self.0 == Task::Classification { 3 } else { 1 };
        let weights = (0..width * outputs).map(|_| random.random_range(-1.0..1.0)).collect();
        let weights = graph.constant(Tensor::f64([width, outputs], weights));
        let one = graph.scalar_f32(1.0);
        let size = graph.abs(features);
        let size = graph.add(&size, &one);
        let bounded = graph.div(features, &size);
        let bounded = graph.cast(&bounded, model_format::onnx::proto::DataType::Double);
        let sums = graph.mat_mul(&bounded, &weights);
        let sums = graph.cast(&sums, model_format::onnx::proto::DataType::Float);
        match self.0 {
            Task::Classification => {
                HeadOutputs::Classification { probabilities: graph.softmax(&sums, 1) }
            }
            Task::Regression => HeadOutputs::Regression { value: graph.squeeze(&sums, 1) },
            Task::Anomaly => {
                let value = graph.squeeze(&sums, 1);
                HeadOutputs::Anomaly { score: graph.abs(&value) }
            }
        }
    }
}

/// One artifact of every kind, with a name for messages.
pub(crate) fn every_kind(length_samples: usize) -> Vec<(&'static str, Vec<u8>)> {
    use Task::{Anomaly, Classification, Regression};
    let width = pipeline(length_samples).features.len();
    let trees = |outputs| Trees::new(length_samples, outputs);
    let make = |head: &dyn Head, task, batch| artifact(length_samples, head, task, batch);
    vec![
        ("forest classifier", make(&trees(3), Classification, Batch::Symbolic)),
        ("forest classifier, one window", make(&trees(3), Classification, Batch::One)),
        ("forest regressor", make(&trees(1), Regression, Batch::Symbolic)),
        (
            "linear classifier",
            make(&Linear(Classification, width), Classification, Batch::Symbolic),
        ),
        ("linear regressor", make(&Linear(Regression, width), Regression, Batch::Symbolic)),
        ("anomaly detector", make(&Linear(Anomaly, width), Anomaly, Batch::Symbolic)),
    ]
}
