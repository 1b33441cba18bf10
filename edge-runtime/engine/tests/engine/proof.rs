//! Proofs: what passes, what fails, what is recorded.

use std::cell::Cell;

use engine::EngineKind;
use engine::proof::{Proof, ProofError, prove};
use model_format::artifact::Artifact;
use model_format::onnx::proto::ModelProto;
use prost::Message as _;

use crate::{engines, sample};

const LENGTH: usize = 64;

/// A clock that advances by 1 µs at each look.
fn clock() -> impl Fn() -> u64 {
    let now = Cell::new(0);
    move || now.replace(now.get() + 1000)
}

#[test]
fn every_kind_of_artifact_is_proved_by_every_engine() {
    let windows = sample::plain_windows(LENGTH);
    for (name, bytes) in sample::every_kind(LENGTH) {
        let artifact = Artifact::read(&bytes).unwrap();
        let proof = prove(&artifact, &windows, &engines(), &clock()).unwrap();
        assert!(proof.passed, "{name}: {proof:#?}");
        assert_eq!(proof.artifact_sha256, artifact.sha256());
        assert_eq!(proof.lineage_id, artifact.manifest().lineage_id);
        let judges: Vec<EngineKind> = proof.judges.iter().map(|judge| judge.engine).collect();
        assert_eq!(judges, engines());
        for judge in &proof.judges {
            assert_eq!(judge.arch, std::env::consts::ARCH);
            assert!(!judge.version.is_empty());
            assert_eq!(judge.golden.unexplained + judge.held_out.unexplained, 0);
            let names: Vec<&str> =
                judge.held_out.outputs.iter().map(|output| output.output.as_str()).collect();
            assert_eq!(names, artifact.output_names());
            assert!(judge.held_out.outputs.iter().all(|o| o.windows == windows.len() as u64));
            assert_eq!(judge.latency.unwrap().p50_us, 1.0);
        }
    }
}

#[test]
fn equal_inputs_give_equal_proofs_and_json_keeps_them() {
    let (_, bytes) = sample::every_kind(LENGTH).remove(0);
    let windows = sample::plain_windows(LENGTH);
    let artifact = Artifact::read(&bytes).unwrap();
    let first = prove(&artifact, &windows, &engines(), &clock()).unwrap();
    assert_eq!(first, prove(&artifact, &windows, &engines(), &clock()).unwrap());
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), first);
}

/// The artifact with one float of the first golden window changed by a hundredth in the file.
fn with_changed_golden(bytes: &[u8]) -> Vec<u8> {
    let mut model = ModelProto::decode(bytes).unwrap();
    let golden = model.metadata_props.iter_mut().find(|entry| entry.key == "cirame.golden");
    let golden = golden.expect("artifacts carry golden windows");
    let mut json: serde_json::Value = serde_json::from_str(&golden.value).unwrap();
    let window = json["windows"][0].as_object_mut().expect("a window is an object");
    let is_answer = |key: &str| ["probabilities", "value", "score"].contains(&key);
    let answer = window.iter_mut().find(|(key, _)| is_answer(key)).expect("an answer").1;
    let float = if answer.is_array() { &mut answer[0] } else { answer };
    *float = (float.as_f64().expect("a number") as f32 + 0.01).into();
    golden.value = serde_json_canonicalizer::to_string(&json).unwrap();
    model.encode_to_vec()
}

#[test]
fn a_changed_golden_output_fails_the_proof_of_every_engine() {
    let windows = sample::plain_windows(LENGTH);
    for (name, bytes) in sample::every_kind(LENGTH) {
        let changed = Artifact::read(&with_changed_golden(&bytes)).unwrap();
        let proof = prove(&changed, &windows, &engines(), &|| 0).unwrap();
        assert!(!proof.passed, "{name}");
        for judge in &proof.judges {
            assert!(!judge.passed && judge.golden.unexplained > 0, "{name}: {judge:?}");
            assert_eq!(judge.held_out.unexplained, 0, "{name}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_, bytes) = sample::every_kind(LENGTH).remove(0);
    let artifact = Artifact::read(&bytes).unwrap();
    assert!(matches!(prove(&artifact, &[], &[], &|| 0), Err(ProofError::NoJudge)));
    let short = vec![vec![0.0; LENGTH * 2], vec![0.0; LENGTH]];
    let error = prove(&artifact, &short, &[EngineKind::Native], &|| 0).unwrap_err();
    assert!(error.to_string().contains("held-out window 1 has 64 values"), "{error}");
}
