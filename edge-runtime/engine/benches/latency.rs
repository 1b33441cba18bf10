//! From one raw window to the class: 128 samples of 3 channels, 60 feature columns, 100 trees of
//! depth 10, 6 classes.
//!
//! `cargo bench -p engine --bench latency -- FILE` writes the artifact to FILE, so that
//! `benches/latency_peers.py FILE` can time the same one, and prints a JSON line for each engine.

use std::time::Instant;

use engine::{Engine, EngineKind};
use model_format::artifact::{Batch, Draft, Head, HeadOutputs, build};
use model_format::id::Digest;
use model_format::manifest::{
    Baseline, ChannelBaseline, FORMAT_VERSION, FeatureBaseline, FeatureEntry, Lineage, Manifest,
    Task,
};
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::op::tree_ensemble::{Forest, Node, Tree};
use model_format::pipeline::Pipeline;
use model_format::signal::features::FeaturePlan;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const SAMPLES: usize = 128;
const CHANNELS: [&str; 3] = ["x", "y", "z"];
const CLASSES: usize = 6;
const TREES: usize = 100;
const DEPTH: usize = 10;
const WINDOWS: usize = 256;
const TIMED: usize = 20_000;
const BATCHES: usize = 50;
const FEATURES: [&str; 20] = [
    "mean",
    "std",
    "min",
    "max",
    "median",
    "rms",
    "peak_to_peak",
    "skewness",
    "kurtosis",
    "crest_factor",
    "shape_factor",
    "impulse_factor",
    "mean_abs_change",
    "zero_crossing_rate",
    "slope",
    "hjorth_mobility",
    "hjorth_complexity",
    "spectral_centroid",
    "spectral_entropy",
    "peak_frequency",
];

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let windows = windows();
    let bytes = artifact(&windows);
    if let Some(file) = file {
        std::fs::write(file, &bytes).expect("the file can be written");
    }
    for kind in engine::available() {
        let mut engine = engine::load(kind, &bytes).expect("the artifact loads");
        let (p50_us, p99_us) = time(engine.as_mut(), &windows);
        let windows_per_s = throughput(engine.as_mut(), &windows);
        println!(
            r#"{{"name":"{kind}","p50_us":{p50_us:.2},"p99_us":{p99_us:.2},"windows_per_s":{windows_per_s:.0}}}"#
        );
    }
    if !engine::available().contains(&EngineKind::Ort) {
        eprintln!("ONNX Runtime is not timed: build with --features ort and set ORT_DYLIB_PATH");
    }
}

/// Median and 99th percentile of single windows, in microseconds.
fn time(engine: &mut dyn Engine, windows: &[Vec<f32>]) -> (f64, f64) {
    let mut times_us = Vec::with_capacity(TIMED);
    for at in 0..TIMED + 1000 {
        let window = &windows[at % windows.len()];
        let start = Instant::now();
        let outputs = engine.run(window, 1).expect("the window fits");
        let time = start.elapsed();
        assert_eq!(outputs.floats.len(), CLASSES);
        if at >= 1000 {
            times_us.push(time.as_secs_f64() * 1e6);
        }
    }
    times_us.sort_by(f64::total_cmp);
    (times_us[TIMED / 2], times_us[TIMED * 99 / 100])
}

/// Windows a second, all in each call.
fn throughput(engine: &mut dyn Engine, windows: &[Vec<f32>]) -> f64 {
    let batch = windows.concat();
    let mut times_s: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            engine.run(&batch, windows.len()).expect("the windows fit");
            start.elapsed().as_secs_f64()
        })
        .collect();
    times_s.sort_by(f64::total_cmp);
    windows.len() as f64 / times_s[BATCHES / 2]
}

fn windows() -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut value = move |at: usize, sample: usize| {
        let wave = ((sample * (1 + at % 7)) % 32) as f32 / 16.0 - 1.0;
        wave * (1.0 + at as f32 / 64.0) + random.random_range(-0.5_f32..0.5)
    };
    (0..WINDOWS)
        .map(|at| (0..SAMPLES * CHANNELS.len()).map(|i| value(at, i / CHANNELS.len())).collect())
        .collect()
}

fn pipeline() -> Pipeline {
    let features = CHANNELS.iter().flat_map(|c| FEATURES.map(|name| format!("{c}.{name}")));
    serde_json::from_value(serde_json::json!({
        "channels": CHANNELS.map(|name| serde_json::json!({"name": name})),
        "rate": {"fixed": {"hz": 100.0}},
        "window": {"length_samples": SAMPLES, "stride_samples": SAMPLES},
        "features": features.collect::<Vec<_>>(),
    }))
    .expect("the pipeline is written as its type says")
}

fn artifact(windows: &[Vec<f32>]) -> Vec<u8> {
    let pipeline = pipeline();
    let head = Trees(forest(&pipeline, windows));
    let features = pipeline.features.iter();
    let features: Vec<_> =
        features.map(|name| FeatureEntry { name: name.clone(), version: 1 }).collect();
    let feature = FeatureBaseline { quantiles: [0.0; 9], histogram: [0.1; 10] };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        task: Task::Classification,
        classes: (0..CLASSES).map(|class| format!("class {class}")).collect(),
        target: None,
        threshold: None,
        baseline: Baseline {
            channels: vec![ChannelBaseline { min: -8.0, max: 8.0 }; CHANNELS.len()],
            features: vec![feature; features.len()],
        },
        features,
        adopted: None,
        lineage: Lineage {
            dataset_version: Digest::of(b""),
            estimator: "random_forest".to_owned(),
            parameters: serde_json::Map::new(),
            split: serde_json::json!({}),
            seed: 1,
            training_version: "1".to_owned(),
        },
        lineage_id: Digest::of(b""),
        pipeline,
    };
    let golden_windows = windows[..4].to_vec();
    let draft = Draft { manifest, head: &head, golden_windows, batch: Batch::Symbolic };
    build(draft).expect("the draft is valid")
}

/// Trees with random splits at values that windows have, so that paths are as deep as in a fitted
/// forest.
fn forest(pipeline: &Pipeline, windows: &[Vec<f32>]) -> Forest {
    let mut plan = FeaturePlan::new(pipeline).expect("the features are known");
    let width = plan.names().len();
    let mut row = |window: &Vec<f32>| {
        let mut row = vec![0.0; width];
        plan.compute(window, &mut row);
        row
    };
    let rows: Vec<Vec<f32>> = windows.iter().map(&mut row).collect();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut tree = || {
        let mut tree = Tree::default();
        grow(&mut random, &rows, &mut tree, DEPTH);
        tree
    };
    let trees = (0..TREES).map(|_| tree()).collect();
    Forest { width, outputs: CLASSES, trees }
}

fn grow(random: &mut ChaCha8Rng, rows: &[Vec<f32>], tree: &mut Tree, depth: usize) -> u32 {
    let at = tree.nodes.len();
    let leaf = (tree.weights.len() / CLASSES) as u32;
    tree.nodes.push(Node::Leaf { leaf });
    // Some paths end early, as in fitted trees: about half of a full tree's nodes.
    if depth == 0 || (depth < 6 && random.random_range(0..8) == 0) {
        let class = random.random_range(0..CLASSES);
        let weight = |of: usize| if of == class { 1.0 / TREES as f32 } else { 0.0 };
        tree.weights.extend((0..CLASSES).map(weight));
        return at as u32;
    }
    let feature = random.random_range(0..rows[0].len());
    let threshold = rows[random.random_range(0..rows.len())][feature];
    let left = grow(random, rows, tree, depth - 1);
    let right = grow(random, rows, tree, depth - 1);
    tree.nodes[at] = Node::Split { feature: feature as u32, threshold, left, right };
    at as u32
}

/// The forest as a model's head.
struct Trees(Forest);

impl Head for Trees {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let probabilities = graph.tree_ensemble_classifier(features, &self.0, CLASSES);
        HeadOutputs::Classification { probabilities }
    }
}
