//! Models of other programs in service: what they answer over HTTP is what ONNX Runtime answered where
//! they were adopted, and the engine is chosen as it was said.

use engine::EngineKind;
use model_format::artifact::{Artifact, Golden};
use serde_json::{Value, json};

use super::model;
use super::program::{Edge, program};

/// How far engines lie apart: the documented tolerance of adopted models.
const TOLERANCE: f64 = engine::proof::ADOPTED_TOLERANCE;

/// Released adopted models: channels accX, accY and accZ at 1 kHz, windows of 128 samples.
const MODELS: [&str; 2] = ["flax_cnn", "sklearn_forest"];

fn path(name: &str) -> String {
    format!("../v2/{name}")
}

fn golden(name: &str) -> Vec<Golden> {
    let file = std::fs::read(model(&path(name))).unwrap();
    Artifact::read(&file).unwrap().golden().to_vec()
}

/// The engines of this build that run models of other programs.
fn engines() -> Vec<EngineKind> {
    engine::available().into_iter().filter(|&kind| kind != EngineKind::Native).collect()
}

fn is_close(found: &Value, expected: f32) -> bool {
    let found = found.as_f64().expect("a number");
    (found - f64::from(expected)).abs() <= TOLERANCE * f64::from(expected.abs()).max(1.0)
}

/// A window as a message of its own samples.
fn samples(window: &[f32]) -> String {
    let rows: Vec<Value> = window.chunks(3).map(|row| json!(row)).collect();
    let message = json!({
        "channels": ["accX", "accY", "accZ"], "t_ms": 0, "rate_hz": 1000, "values": rows,
    });
    message.to_string()
}

#[test]
fn samples_are_answered_by_each_engine_as_where_the_model_was_adopted() {
    for name in MODELS {
        for kind in engines() {
            let edge = Edge::start(&path(name), &["--engine", kind.name()]);
            for (number, golden) in golden(name).iter().enumerate() {
                let path = format!("/v1/samples?stream=s{number}");
                let answer = edge.post(&path, samples(&golden.window).as_bytes());
                assert_eq!(answer.status, 200, "{}", answer.text);
                let results = answer.json();
                let probabilities = &results[0]["probabilities"];
                let classes = ["cavitation", "imbalance", "normal"];
                for (class, &expected) in classes.iter().zip(&golden.floats) {
                    assert!(is_close(&probabilities[class], expected), "{name}, {kind}: {results}");
                }
                let label = golden.label.unwrap() as usize;
                assert_eq!(results[0]["class"], classes[label], "{name}, {kind}");
            }
        }
    }
}

#[test]
fn inference_requests_and_descriptions_know_adopted_models() {
    let kind = engines()[0];
    let edge = Edge::start(&path("flax_cnn"), &["--engine", kind.name()]);
    let described = edge.get("/v2/models/flax_cnn").json();
    assert_eq!(described["platform"], format!("cirame_{kind}"));
    assert_eq!(described["inputs"][0]["shape"], json!([-1, 128, 3]));
    assert_eq!(described["outputs"][0]["shape"], json!([-1, 3]));
    let golden = golden("flax_cnn");
    let windows: Vec<f32> = golden.iter().flat_map(|golden| golden.window.clone()).collect();
    let request = json!({ "inputs": [{
        "name": "windows", "datatype": "FP32", "shape": [golden.len(), 128, 3], "data": windows,
    }] });
    let answer = edge.post("/v2/models/flax_cnn/infer", request.to_string().as_bytes()).json();
    let found = answer["outputs"][0]["data"].as_array().unwrap();
    let expected = golden.iter().flat_map(|golden| &golden.floats);
    assert!(found.iter().zip(expected).all(|(found, &expected)| is_close(found, expected)));
}

#[test]
fn the_engine_is_measured_unless_somebody_says_it() {
    let chosen = |edge: &Edge| {
        let entries = edge.entries();
        let told = entries.iter().find(|entry| entry["choice"].is_string());
        told.expect("the choice is told").clone()
    };
    let edge = Edge::start(&path("sklearn_forest"), &[]);
    let told = chosen(&edge);
    assert_eq!(told["choice"], "auto");
    for kind in engines() {
        let message = told["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{kind} ")) && message.contains(" µs for half"),
            "{told}"
        );
    }
    let described = edge.get("/v2/models/sklearn_forest").json();
    assert_eq!(described["platform"], format!("cirame_{}", told["engine"].as_str().unwrap()));

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("edge.toml");
    for kind in engines() {
        std::fs::write(&config, format!("[engines]\nsklearn_forest = \"{kind}\"\n")).unwrap();
        let options = ["--config", config.to_str().unwrap()];
        let edge = Edge::start(&path("sklearn_forest"), &options);
        assert_eq!(chosen(&edge)["choice"], kind.name());
        let described = edge.get("/v2/models/sklearn_forest").json();
        assert_eq!(described["platform"], format!("cirame_{kind}"));
    }
}

#[test]
fn an_engine_that_cannot_is_refused_with_the_reason() {
    for (options, told) in [
        (&["--engine", "native"][..], "native runs our own models, and no others"),
        (&["--engine", "onnx"], "auto, native, tract and ort"),
    ] {
        let output = program()
            .arg("serve")
            .arg(model(&path("flax_cnn")))
            .args(["--listen", "0"])
            .args(options)
            .output()
            .expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(told), "{errors}");
    }
}
