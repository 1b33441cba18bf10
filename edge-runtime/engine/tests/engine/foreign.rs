//! Models of other programs, made by `tests/foreign/make.py`.

use std::path::Path;

use engine::EngineKind;
use serde::Deserialize;

use crate::{distance, engines, load, run};

/// What ONNX's own evaluator answers.
#[derive(Deserialize)]
struct Expected {
    windows: Vec<Vec<f32>>,
    floats: Vec<f32>,
    labels: Option<Vec<i64>>,
}

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn refusal(kind: EngineKind, name: &str) -> String {
    match engine::load(kind, &file(name)) {
        Ok(_) => panic!("{name} is accepted by {kind}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn foreign_models_answer_as_onnx_defines() {
    let expected: std::collections::BTreeMap<String, Expected> =
        serde_json::from_slice(&file("expected.json")).unwrap();
    assert_eq!(expected.len(), 6);
    for (name, expected) in &expected {
        let bytes = file(&format!("{name}.onnx"));
        for kind in engines().into_iter().filter(|&kind| kind != EngineKind::Native) {
            let mut engine = load(kind, &bytes);
            assert_eq!(engine.layout().one_at_a_time, name == "cnn_one_window", "{name}, {kind}");
            let found = run(engine.as_mut(), &expected.windows);
            let distance = distance(&expected.floats, &found.floats);
            println!("{name}, {kind}: {distance:.1e}");
            assert!(distance <= 1e-5, "{name}, {kind}: {distance:e}");
            assert_eq!(found.labels, expected.labels, "{name}, {kind}");
        }
    }
}

#[test]
fn the_native_engine_refuses_foreign_models_and_says_which_engines_take_them() {
    let text = refusal(EngineKind::Native, "mlp.onnx");
    assert!(text.contains("cirame.manifest") && text.contains("tract or ort"), "{text}");
}

#[test]
fn a_fixed_number_of_windows_other_than_one_is_refused() {
    for kind in engines().into_iter().filter(|&kind| kind != EngineKind::Native) {
        let text = refusal(kind, "two_windows.onnx");
        assert!(text.contains("fixed at 2"), "{text}");
    }
}

#[cfg(feature = "tract")]
#[test]
fn an_unknown_domain_is_refused_before_tract_runs_the_wrong_operator() {
    let text = refusal(EngineKind::Tract, "unknown.onnx");
    assert!(text.contains("operator Neg of the domain \"com.example\""), "{text}");
}

#[cfg(feature = "tract")]
#[test]
fn a_tree_mode_that_is_not_ours_is_refused_with_the_reason() {
    let text = refusal(EngineKind::Tract, "forest_lt.onnx");
    assert!(text.contains("BRANCH_LT") && text.contains("BRANCH_LEQ"), "{text}");
}

#[test]
fn a_missing_model_is_no_panic() {
    for kind in engines() {
        for junk in [&[0xff; 64][..], &[0x3a, 0x00], &[]] {
            assert!(engine::load(kind, junk).is_err());
        }
    }
}
