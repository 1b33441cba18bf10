//! Building and reading artifacts.

use model_format::artifact::{Artifact, ArtifactError, Batch, Draft, Head, HeadOutputs, build};
use model_format::id::Digest;
use model_format::manifest::Task;
use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::proto::ModelProto;
use model_format::onnx::tensor::Tensor;
use prost::Message as _;

use crate::draft::{Linear, artifact, forest, head, manifest, windows};

const TASKS: [Task; 3] = [Task::Classification, Task::Regression, Task::Anomaly];

#[test]
fn what_is_built_is_read_with_every_field() {
    for task in TASKS {
        for batch in [Batch::Symbolic, Batch::One] {
            let bytes = artifact(task, batch);
            let artifact = Artifact::read(&bytes).expect("a built artifact is readable");
            assert_eq!(artifact.batch(), batch);
            assert_eq!(artifact.sha256(), Digest::of(&bytes));
            assert_eq!(artifact.golden().len(), 4, "all golden windows fit");
            assert!(artifact.own().unwrap().has_kernel());
            let mut expected = manifest(task);
            expected.lineage_id = expected.derived_lineage_id().unwrap();
            assert_eq!(artifact.manifest().to_canonical_json(), expected.to_canonical_json());
        }
    }
}

#[test]
fn equal_drafts_give_equal_bytes() {
    for task in TASKS {
        assert_eq!(artifact(task, Batch::Symbolic), artifact(task, Batch::Symbolic));
    }
}

#[test]
fn golden_windows_run_to_their_stored_outputs_alone_and_in_a_batch() {
    for task in TASKS {
        let artifact = Artifact::read(&artifact(task, Batch::Symbolic)).unwrap();
        let mut program = artifact.own().unwrap().program();
        let all: Vec<f32> = artifact.golden().iter().flat_map(|g| g.window.clone()).collect();
        let count = artifact.golden().len();
        let batch = program.run(&[Tensor::f32([count, 32, 2], all)]).unwrap();
        let floats: Vec<f32> = artifact.golden().iter().flat_map(|g| g.floats.clone()).collect();
        assert_eq!(batch[0].as_f32(), Some(&floats[..]));
        for golden in artifact.golden() {
            program.run_f32(&[1, 32, 2], &golden.window).unwrap();
            assert_eq!(program.output(0).as_f32(), Some(&golden.floats[..]));
            if let Some(label) = golden.label {
                assert_eq!(program.output(1).as_i64(), Some(&[label][..]));
            }
        }
        assert!(program.output_names().eq(artifact.output_names().iter().copied()));
    }
}

#[test]
fn the_inlined_body_gives_what_the_kernel_gives() {
    for task in TASKS {
        let bytes = artifact(task, Batch::Symbolic);
        let kernel = Artifact::read(&bytes).unwrap();
        let mut model = ModelProto::decode(&bytes[..]).unwrap();
        // Any difference in the body makes it foreign, even one that changes nothing.
        model.functions[0].doc_string.push('.');
        let body = Artifact::read(&model.encode_to_vec()).expect("a foreign body is inlined");
        assert!(!body.own().unwrap().has_kernel());
        for golden in kernel.golden() {
            let window = Tensor::f32([1, 32, 2], golden.window.clone());
            let outputs = body.own().unwrap().program().run(&[window]).unwrap();
            for (&a, &b) in outputs[0].as_f32().unwrap().iter().zip(&golden.floats) {
                assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} and {b}");
            }
        }
    }
}

#[test]
fn an_artifact_of_one_window_refuses_two() {
    let artifact = Artifact::read(&artifact(Task::Regression, Batch::One)).unwrap();
    let two = Tensor::f32([2, 32, 2], vec![0.5; 128]);
    let error = artifact.own().unwrap().program().run(&[two]).unwrap_err();
    assert!(error.to_string().contains("[1, 32, 2]"), "{error}");
}

#[test]
fn a_head_alone_gives_what_the_whole_gives() {
    let artifact = Artifact::read(&artifact(Task::Classification, Batch::Symbolic)).unwrap();
    let plan = model_format::signal::features::FeaturePlan::new(&artifact.manifest().pipeline);
    let (mut plan, mut features) = (plan.unwrap(), vec![0.0; 5]);
    let head = head(Task::Classification);
    let mut program = model_format::onnx::program::Program::of_head(&*head, 5).unwrap();
    for golden in artifact.golden() {
        plan.compute(&golden.window, &mut features);
        let outputs = program.run(&[Tensor::f32([1, 5], features.clone())]).unwrap();
        assert_eq!(outputs[0].as_f32(), Some(&golden.floats[..]));
        assert_eq!(outputs[1].as_i64(), Some(&[golden.label.unwrap()][..]));
    }
    assert_eq!(artifact.own().unwrap().forests(), &[forest(3, 9, 5, 5, 3)]);
}

#[test]
fn the_estimator_must_answer_the_task_of_the_manifest() {
    let head = Linear(Task::Regression);
    let draft = Draft {
        manifest: manifest(Task::Anomaly),
        head: &head,
        golden_windows: windows(1),
        batch: Batch::Symbolic,
    };
    assert!(matches!(build(draft), Err(ArtifactError::Task { .. })));
}

/// A head whose weight is not finite for some windows.
struct Overflow;

impl Head for Overflow {
    fn emit(&self, graph: &mut GraphBuilder, features: &Value) -> HeadOutputs {
        let huge = graph.constant(Tensor::f32([5, 1], vec![f32::MAX; 5]));
        let column = graph.mat_mul(features, &huge);
        HeadOutputs::Regression { value: graph.squeeze(&column, 1) }
    }
}

#[test]
fn golden_windows_must_be_there_and_give_finite_outputs() {
    let draft = |windows: Vec<Vec<f32>>, head: &dyn Head| {
        let manifest = manifest(Task::Regression);
        build(Draft { manifest, head, golden_windows: windows, batch: Batch::Symbolic })
    };
    let linear = Linear(Task::Regression);
    let none = draft(Vec::new(), &linear);
    assert!(matches!(none, Err(ArtifactError::NoGolden { .. })));
    let short = draft(vec![vec![0.0; 63]], &linear);
    assert!(matches!(short, Err(ArtifactError::Golden { at: 0, .. })));
    let nan = draft(vec![vec![f32::NAN; 64]], &linear);
    assert!(matches!(nan, Err(ArtifactError::Golden { at: 0, .. })));
    let overflow = draft(windows(1), &Overflow);
    assert!(matches!(overflow, Err(ArtifactError::Golden { at: 0, .. })));
}

#[test]
fn as_many_golden_windows_are_kept_as_the_metadata_holds() {
    let linear = Linear(Task::Regression);
    let draft = Draft {
        manifest: manifest(Task::Regression),
        head: &linear,
        golden_windows: windows(3000),
        batch: Batch::Symbolic,
    };
    let bytes = build(draft).unwrap();
    let model = ModelProto::decode(&bytes[..]).unwrap();
    let used: usize = model.metadata_props.iter().map(|p| p.key.len() + p.value.len()).sum();
    assert!(used <= 512 << 10, "{used}");
    assert!(used > (512 << 10) - 600, "one more would have fitted: {used}");
}
