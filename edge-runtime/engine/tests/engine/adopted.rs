//! Adopted artifacts: the released ones are proved by every engine that runs them, and what is wrong
//! with one is seen.

use std::path::Path;

use engine::EngineKind;
use engine::proof::{Choice, choose, judges, prove};
use model_format::artifact::Artifact;
use model_format::onnx::proto::ModelProto;
use prost::Message as _;

fn bytes(name: &str) -> Vec<u8> {
    let corpus = "../../model-format/tests/corpus/v2";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus).join(format!("{name}.onnx"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn artifact(name: &str) -> Artifact {
    Artifact::read(&bytes(name)).unwrap()
}

#[test]
fn every_engine_repeats_the_answers_of_onnx_runtime() {
    for name in ["flax_cnn", "sklearn_forest"] {
        let artifact = artifact(name);
        let engines = judges(&artifact).unwrap().able;
        assert!(!engines.is_empty() && !engines.contains(&EngineKind::Native));
        let windows: Vec<Vec<f32>> =
            artifact.golden().iter().map(|golden| golden.window.clone()).collect();
        let proof = prove(&artifact, &windows, &engines, &|| 0).unwrap();
        assert!(proof.passed, "{name}: {proof:#?}");
        assert_eq!(proof.held_out_windows, 24);
    }
}

/// The file with one attribute of one node changed.
fn with_order(name: &str, operator: &str, order: Vec<i64>) -> Artifact {
    let mut model = ModelProto::decode(&*bytes(name)).unwrap();
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let node = nodes.iter_mut().find(|node| node.op_type == operator).unwrap();
    let before = std::mem::replace(&mut node.attribute[0].ints, order);
    assert_ne!(before, node.attribute[0].ints);
    Artifact::read(&model.encode_to_vec()).unwrap()
}

#[test]
fn a_graph_that_reads_windows_wrongly_is_not_proved() {
    // A network that takes [N, 3, 128] would get [N, 128, 3]: the shapes no longer fit.
    let unfit = with_order("flax_cnn", "Transpose", vec![0, 1, 2]);
    let unable = judges(&unfit);
    assert!(unable.is_err(), "{unable:?}");

    // Reversed in time, shapes fit and answers differ.
    let mut model = ModelProto::decode(&*bytes("sklearn_forest")).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let scaler = graph.node.iter_mut().find(|node| node.op_type == "Scaler").unwrap();
    scaler.attribute.iter_mut().for_each(|attribute| attribute.floats.reverse());
    let wrong = Artifact::read(&model.encode_to_vec()).unwrap();
    let engines = judges(&wrong).unwrap().able;
    let proof = prove(&wrong, &[], &engines, &|| 0).unwrap();
    assert!(!proof.passed && proof.judges.iter().all(|judge| judge.golden.unexplained > 0));
    let chosen = choose(&wrong, Choice::Auto, &|| 0).unwrap();
    assert!(!chosen.proof.passed);
}

#[test]
fn the_choice_stands_in_the_proof_and_the_native_engine_is_none() {
    let artifact = artifact("sklearn_forest");
    let chosen = choose(&artifact, Choice::Auto, &|| 0).unwrap();
    assert!(chosen.proof.passed && chosen.unable.is_empty());
    assert_eq!(chosen.proof.served_by, Some(chosen.engine));
    for kind in judges(&artifact).unwrap().able {
        let chosen = choose(&artifact, Choice::Only(kind), &|| 0).unwrap();
        assert_eq!((chosen.engine, chosen.proof.judges.len()), (kind, 1));
    }
    let native = choose(&artifact, Choice::Only(EngineKind::Native), &|| 0).unwrap_err();
    assert!(native.to_string().contains("another program's"), "{native}");
}
