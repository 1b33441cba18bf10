//! The kernel answers only for the body that it stands for.

use engine::EngineKind;
use model_format::artifact::Artifact;
use model_format::manifest::Task;
use model_format::onnx::proto::{DataType, ModelProto};
use prost::Message as _;

use crate::{distance, engines, load, run, sample};

/// The file of a features-only model with one float constant of the body set to another value.
fn with_changed_body() -> Vec<u8> {
    let pipeline = sample::pipeline_of(64, &["mean", "std", "zero_crossing_rate"]);
    let manifest = sample::manifest(Task::Regression, pipeline, 1);
    let head = sample::Linear(Task::Regression, manifest.features.len());
    let bytes = sample::artifact_of(manifest, &head, model_format::artifact::Batch::Symbolic);
    let mut model = ModelProto::decode(&*bytes).unwrap();
    let constants = model.functions[0].node.iter_mut().flat_map(|node| &mut node.attribute);
    let lengths = constants.filter_map(|attribute| attribute.t.as_mut()).filter(|tensor| {
        tensor.data_type == DataType::Double as i32 && tensor.raw_data == 64_f64.to_le_bytes()
    });
    let mut changed = 0;
    for tensor in lengths {
        tensor.raw_data = 32_f64.to_le_bytes().to_vec();
        changed += 1;
    }
    assert!(changed > 0, "the body divides by the number of samples somewhere");
    model.encode_to_vec()
}

#[test]
fn a_changed_body_is_evaluated_and_not_the_kernel() {
    let bytes = with_changed_body();
    // The golden outputs no longer fit, so the file is read as what it is: a changed one.
    let artifact = Artifact::read(&bytes).unwrap();
    assert!(!artifact.own().unwrap().has_kernel());
    let windows = sample::plain_windows(64);
    let golden: Vec<f32> = artifact.golden().iter().flat_map(|g| g.floats.clone()).collect();
    let golden_windows: Vec<_> = artifact.golden().iter().map(|g| g.window.clone()).collect();
    let reference = run(load(EngineKind::Native, &bytes).as_mut(), &windows);
    for kind in engines() {
        let mut engine = load(kind, &bytes);
        assert!(distance(&reference.floats, &run(engine.as_mut(), &windows).floats) <= 1e-6);
        let answers = run(engine.as_mut(), &golden_windows);
        assert!(distance(&golden, &answers.floats) > 1e-3, "{kind} runs the kernel");
    }
    let proof = engine::proof::prove(&artifact, &windows, &engines(), &|| 0).unwrap();
    assert!(!proof.passed);
}
