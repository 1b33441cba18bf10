//! Small, telling drafts: one per task, made from a fixed seed.

use model_format::artifact::{Batch, Draft, Head, HeadOutputs};
use model_format::id::Digest;
use model_format::manifest::{
    Baseline, ChannelBaseline, FORMAT_VERSION, FeatureBaseline, FeatureEntry, Lineage, Manifest,
    Target, Task, Threshold,
};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::{Forest, Node, Tree};
use model_format::onnx::tensor::Tensor;
use model_format::pipeline::Pipeline;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The same numbers in every run.
pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A pipeline of two channels at 100 Hz, windows of 32 samples.
pub(crate) fn pipeline() -> Pipeline {
    serde_json::from_value(serde_json::json!({
        "channels": [{"name": "accX", "unit": "m/s2"}, {"name": "accY", "unit": "m/s2"}],
        "rate": {"fixed": {"hz": 100.0}},
        "window": {"length_samples": 32, "stride_samples": 16},
        "features": ["accX.mean", "accX.rms", "accY.std", "accY.median", "accX.spectral_centroid"],
    }))
    .expect("the pipeline is written as its type says")
}

/// The manifest of a model over [`pipeline`].
pub(crate) fn manifest(task: Task) -> Manifest {
    let pipeline = pipeline();
    let features = pipeline.features.iter();
    let features = features.map(|name| FeatureEntry { name: name.clone(), version: 1 }).collect();
    let feature = FeatureBaseline { quantiles: [0.1; 9], histogram: [0.1; 10] };
    let classifies = task == Task::Classification;
    let classes: &[&str] = if classifies { &["idle", "running", "fault"] } else { &[] };
    Manifest {
        format_version: FORMAT_VERSION,
        task,
        features,
        classes: classes.iter().map(|name| (*name).to_owned()).collect(),
        target: (task == Task::Regression)
            .then(|| Target { name: "load".to_owned(), unit: Some("kW".to_owned()) }),
        threshold: (task == Task::Anomaly).then_some(Threshold {
            raw: 2.5,
            calibration_windows: 100,
            false_alarm_rate: 0.01,
        }),
        baseline: Baseline {
            channels: vec![ChannelBaseline { min: -3.0, max: 3.0 }; 2],
            features: vec![feature; 5],
        },
        adopted: None,
        lineage: Lineage {
            dataset_version: Digest::of(b"a dataset"),
            estimator: "sample".to_owned(),
            parameters: serde_json::from_str(r#"{"trees": 7, "rate": 1.0}"#).expect("valid JSON"),
            split: serde_json::json!({"by": "recording", "test_share": 0.25}),
            seed: 42,
            training_version: "1".to_owned(),
        },
        lineage_id: Digest::of(b""),
        pipeline,
    }
}

/// Windows of 32 samples and two channels: waves of several lengths with noise.
pub(crate) fn windows(count: usize) -> Vec<Vec<f32>> {
    let mut random = random(7);
    (0..count)
        .map(|at| {
            let cycle = 4 + at % 9;
            let sample = |t: usize, channel: usize, noise: f32| {
                let up = (t * (channel + 1)) % cycle < cycle / 2;
                (if up { 1.0 } else { -1.0 }) * (1.0 + at as f32 * 0.1) + noise
            };
            (0..64).map(|i| sample(i / 2, i % 2, random.random_range(-0.5..0.5))).collect()
        })
        .collect()
}

/// A forest with random splits and `outputs` sums; depth at most `depth`.
pub(crate) fn forest(
    seed: u64,
    trees: usize,
    depth: usize,
    width: usize,
    outputs: usize,
) -> Forest {
    let mut random = random(seed);
    let tree = |random: &mut ChaCha8Rng| {
        let mut tree = Tree::default();
        grow(random, &mut tree, depth, width, (outputs, trees));
        tree
    };
    Forest { width, outputs, trees: (0..trees).map(|_| tree(&mut random)).collect() }
}

fn grow(
    random: &mut ChaCha8Rng,
    tree: &mut Tree,
    depth: usize,
    width: usize,
    (outputs, trees): (usize, usize),
) -> u32 {
    let at = tree.nodes.len();
    if depth == 0 || random.random_range(0..10) == 0 {
        tree.nodes.push(Node::Leaf { leaf: (tree.weights.len() / outputs) as u32 });
        let raw: Vec<f32> = (0..outputs).map(|_| random.random_range(0.0..1.0)).collect();
        let sum: f32 = raw.iter().sum();
        let scale = if outputs == 1 { 1.0 } else { sum * trees as f32 };
        tree.weights.extend(raw.iter().map(|weight| weight / scale));
        return at as u32;
    }
    tree.nodes.push(Node::Leaf { leaf: 0 });
    let feature = random.random_range(0..width as u32);
    // Few different thresholds, so that rows can hit them exactly.
    let threshold = random.random_range(-8_i32..8) as f32 * 0.25;
    let left = grow(random, tree, depth - 1, width, (outputs, trees));
    let right = grow(random, tree, depth - 1, width, (outputs, trees));
    tree.nodes[at] = Node::Split { feature, threshold, left, right };
    at as u32
}

/// A forest that classifies.
pub(crate) struct Trees(pub(crate) Forest);

impl Head for Trees {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let probabilities = graph.scoped("forest", |graph| {
            graph.tree_ensemble_classifier(features, &self.0, self.0.outputs)
        });
        HeadOutputs::Classification { probabilities }
    }
}

/// A scaled linear model, with or without a score line.
pub(crate) struct Linear(pub(crate) Task);

impl Head for Linear {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let offset = graph.constant(Tensor::f32([5], vec![0.1, 1.0, 0.5, -0.2, 12.0]));
        let scale = graph.constant(Tensor::f32([5], vec![1.0, 2.0, 0.5, 1.5, 0.1]));
        let weights = graph.constant(Tensor::f32([5, 1], vec![0.3, -0.2, 0.7, 0.05, 0.11]));
        let centred = graph.sub(features, &offset);
        let scaled = graph.mul(&centred, &scale);
        let scaled = graph.rename(&scaled, "scaled");
        let column = graph.mat_mul(&scaled, &weights);
        let value = graph.squeeze(&column, 1);
        match self.0 {
            Task::Anomaly => HeadOutputs::Anomaly { score: graph.abs(&value) },
            _ => HeadOutputs::Regression { value },
        }
    }
}

/// The head of a sample model.
pub(crate) fn head(task: Task) -> Box<dyn Head> {
    match task {
        Task::Classification => Box::new(Trees(forest(3, 9, 5, 5, 3))),
        Task::Regression | Task::Anomaly => Box::new(Linear(task)),
    }
}

/// A sample artifact.
pub(crate) fn artifact(task: Task, batch: Batch) -> Vec<u8> {
    let head = head(task);
    let draft = Draft { manifest: manifest(task), head: &*head, golden_windows: windows(4), batch };
    model_format::artifact::build(draft).expect("the draft is valid")
}
