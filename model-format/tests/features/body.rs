//! The kernels against the nodes of `WindowFeatures`, evaluated by `onnx::program`.

use std::collections::{BTreeMap, BTreeSet};

use model_format::onnx::graph::{GraphBuilder, Scope};
use model_format::onnx::program::Program;
use model_format::onnx::proto::{
    DataType, Dimension, DimensionProto, OperatorSetIdProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use model_format::onnx::tensor::Tensor;
use model_format::pipeline::Pipeline;
use model_format::signal::features::{
    FUNCTION_DOMAIN, FUNCTION_NAME, FeaturePlan, window_features_function,
};
use proptest::prelude::*;

use super::{available, name_of, pipeline, reference};

/// The largest difference in units of a feature's declared scale.
const DIFFERENCE_MAX: f64 = 1e-6;

/// All features of all channels.
fn full(channels: usize, length_samples: usize, rate_hz: f64) -> Pipeline {
    let all: Vec<char> = ('a'..='z').take(channels).collect();
    let single = all.iter().flat_map(|&channel| {
        let found =
            available(length_samples).map(move |feature| name_of(feature, channel, channel));
        let last = length_samples - 1;
        let back = BTreeSet::from([0, last / 2, last]);
        let lags = back.clone().into_iter().map(move |steps| format!("{channel}.lag_{steps}"));
        let back = back.into_iter().filter(|steps| *steps > 0);
        let differences = back.map(move |steps| format!("{channel}.difference_{steps}"));
        found.chain(lags).chain(differences)
    });
    let pairs = all.windows(2).map(|two| format!("{}.correlation_{}", two[1], two[0]));
    pipeline(channels, length_samples, Some(rate_hz), single.chain(pairs).collect())
}

/// 32-bit floats `[N, …]`.
fn floats(name: &str, inner: &[i64]) -> ValueInfoProto {
    let count = Dimension::Param("N".to_owned());
    let dimensions = std::iter::once(count).chain(inner.iter().map(|&d| Dimension::Value(d)));
    let dim = dimensions.map(|value| DimensionProto { value: Some(value) }).collect();
    let shape = Some(TensorShapeProto { dim });
    let tensor_type = Some(TensorTypeProto { elem_type: DataType::Float as i32, shape });
    let r#type = Some(TypeProto { tensor_type });
    ValueInfoProto { name: name.to_owned(), r#type, doc_string: String::new() }
}

/// The function's body as a program over `windows [N, W, C]`.
fn body(pipeline: &Pipeline) -> Program {
    let (length, channels) = (pipeline.window.length_samples, pipeline.channels.len());
    let function = window_features_function(pipeline).unwrap();
    let mut graph = GraphBuilder::new(Scope::Graph);
    let windows = graph.input("windows");
    let features = graph.node(FUNCTION_DOMAIN, FUNCTION_NAME, &[&windows], vec![]);
    graph.rename(&features, "features");
    let (length, channels) = (length as i64, channels as i64);
    let graph = graph.into_graph(
        "features",
        vec![floats("windows", &[length, channels])],
        vec![floats("features", &[pipeline.features.len() as i64])],
    );
    let import = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
    let opsets = [import("", 17), import(FUNCTION_DOMAIN, 1)];
    Program::compile(&graph, &[function], &opsets, vec![]).unwrap()
}

/// The largest difference per feature over these windows, in units of the scale.
pub(super) fn differences(pipeline: &Pipeline, windows: &[f32]) -> BTreeMap<String, f64> {
    let (length, channels) = (pipeline.window.length_samples as usize, pipeline.channels.len());
    let count = windows.len() / (length * channels);
    let input = Tensor::f32(vec![count, length, channels], windows.to_vec());
    let outputs = body(pipeline).run(&[input]).unwrap();
    let from_body = outputs[0].as_f32().unwrap();
    let mut plan = FeaturePlan::new(pipeline).unwrap();
    let mut from_kernel = vec![0.0; pipeline.features.len()];
    let mut worst = BTreeMap::new();
    for (index, window) in windows.chunks_exact(length * channels).enumerate() {
        plan.compute(window, &mut from_kernel);
        let scales = plan.scales(window);
        let row = &from_body[index * from_kernel.len()..][..from_kernel.len()];
        for (place, name) in pipeline.features.iter().enumerate() {
            let difference = f64::from(row[place] - from_kernel[place]).abs() / scales[place];
            let entry = worst.entry(name.clone()).or_insert(0.0);
            *entry = if difference.is_nan() { f64::INFINITY } else { difference.max(*entry) };
        }
    }
    worst
}

pub(super) fn assert_agreement(worst: &BTreeMap<String, f64>, what: &str) {
    let bad: Vec<_> =
        worst.iter().filter(|(_, difference)| **difference > DIFFERENCE_MAX).collect();
    assert!(bad.is_empty(), "{what}: beyond {DIFFERENCE_MAX:e} of the scale: {bad:?}");
}

#[test]
fn body_and_kernel_agree_on_the_windows_of_the_reference() {
    let mut largest = 0.0f64;
    for case in reference::cases() {
        let window = case.window();
        let worst = differences(&full(1, window.len(), case.rate_hz), &window);
        assert_agreement(&worst, &case.name);
        largest = worst.values().fold(largest, |most, &difference| most.max(difference));
    }
    println!("largest difference: {largest:.1e} of the scale");
}

/// Windows of one kind each: noise, offset noise, a tone, steps, an impulse, equal samples.
fn batch() -> impl Strategy<Value = (usize, usize, Vec<f32>)> {
    let sizes = (prop_oneof![Just(8usize), Just(9), 10usize..80, Just(64), Just(75)], 1usize..4);
    sizes.prop_flat_map(|(length, channels)| {
        let noise = prop::collection::vec(-1.0f32..1.0, 3 * length * channels);
        let size = prop_oneof![Just(1e-3f32), Just(1.0), Just(300.0)];
        let offset = prop_oneof![Just(0.0f32), Just(1000.0), Just(-3e5)];
        (noise, size, offset, 0..6, 0.0f32..0.5).prop_map(
            move |(noise, size, offset, kind, pace)| {
                let value = |(index, noise): (usize, f32)| {
                    let t = index / channels % length;
                    let unit = match kind {
                        0 => noise,
                        1 => (noise * 3.0).round(),
                        2 => (std::f32::consts::TAU * pace * t as f32).sin(),
                        3 => f32::from(u8::from(t > length / 2)),
                        4 => f32::from(u8::from(t == length / 3)),
                        _ => 1.0,
                    };
                    unit * size + offset
                };
                let windows = noise.into_iter().enumerate().map(value).collect();
                (length, channels, windows)
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn body_and_kernel_agree_on_random_batches((length, channels, windows) in batch()) {
        let worst = differences(&full(channels, length, 100.0), &windows);
        assert_agreement(&worst, "random batch");
    }
}
