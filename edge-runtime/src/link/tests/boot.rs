//! Starting: from whatever the program before left, with no trainer in sight.

use std::fs;
use std::path::PathBuf;

use model_format::id::Digest;
use model_format::protocol::DeploymentState;
use serde_json::{Value, json};

use super::scripted_trainer::ScriptedTrainer;
use super::{TestDevice, artifact, desired, until};
use crate::link::state::TRIES_MAX;

/// A device with these models in its slots: name of the artifact, which is also its deployment.
fn device(current: &str, previous: Option<&str>, candidate: Option<(&str, u32)>) -> TestDevice {
    let device = TestDevice::new();
    let models = device.path().join("models");
    fs::create_dir(&models).unwrap();
    let put = |name: &str| {
        let bytes = artifact(name);
        fs::write(models.join(format!("{}.onnx", Digest::of(&bytes))), &bytes).unwrap();
        json!(desired(name, &bytes))
    };
    let candidate = candidate.map(|(name, tries)| json!({"model": put(name), "tries": tries}));
    let slots = json!({
        "current": put(current),
        "previous": previous.map(put),
        "candidate": candidate,
        "failed": Value::Null,
    });
    fs::write(device.path().join("slots.json"), slots.to_string()).unwrap();
    device
}

/// A released artifact in a file that gives it the name that most tests use.
fn given_pump(name: &str) -> PathBuf {
    let folder = tempfile::TempDir::new().unwrap().keep();
    let path = folder.join("pump.onnx");
    fs::write(&path, artifact(name)).unwrap();
    path
}

fn break_file(device: &TestDevice, name: &str) {
    let path = device.path().join("models").join(format!("{}.onnx", Digest::of(&artifact(name))));
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
}

#[test]
fn the_last_good_model_serves_with_no_trainer_in_sight() {
    let device = device("regression", None, None);
    let running = device.start_alone();
    assert!(running.service.serves(&artifact("regression")), "already when it has started");
    assert_eq!(running.report().unwrap().state, DeploymentState::Serving);
    running.link.end();
}

#[test]
fn a_broken_model_gives_way_to_the_one_before() {
    let device = device("regression", Some("anomaly"), None);
    break_file(&device, "regression");
    let running = device.start_alone();
    assert_eq!(running.service.served(), [Digest::of(&artifact("anomaly"))]);
    let reason = running.until_failed("regression");
    assert!(reason.contains("damaged"), "{reason}");
    assert_eq!(device.slots()["current"]["deployment_id"], "anomaly");
    running.link.end();
}

#[test]
fn with_all_models_broken_there_is_none_and_that_is_told() {
    let device = device("regression", Some("anomaly"), None);
    break_file(&device, "regression");
    break_file(&device, "anomaly");
    let running = device.start_alone();
    assert!(running.service.served().is_empty());
    running.until_failed("regression");
    assert!(running.serving().is_none());
    running.link.end();
}

#[test]
fn a_candidate_left_half_way_is_tried_again_after_the_good_model_serves() {
    let device = device("regression", None, Some(("anomaly", TRIES_MAX - 1)));
    let running = device.start_alone();
    running.until_serving("anomaly");
    let served = ["regression", "anomaly"].map(|name| Digest::of(&artifact(name)));
    assert_eq!(running.service.served(), served);
    running.answer_windows();
    until("it is trusted", || device.slots()["current"]["deployment_id"] == "anomaly");
    running.link.end();
}

#[test]
fn a_candidate_that_ended_the_program_too_often_has_failed() {
    let device = device("regression", None, Some(("anomaly", TRIES_MAX)));
    let running = device.start_alone();
    let reason = running.until_failed("anomaly");
    assert!(reason.contains(&format!("ended {TRIES_MAX} times")), "{reason}");
    assert_eq!(running.service.served(), [Digest::of(&artifact("regression"))]);
    assert!(device.slots()["candidate"].is_null());
    running.link.end();
}

#[test]
fn a_program_that_ends_while_a_model_is_new_counts_as_a_try() {
    let device = device("regression", None, Some(("anomaly", 0)));
    for tries in 1..=TRIES_MAX {
        let running = device.start_alone();
        running.until_serving("anomaly");
        assert_eq!(device.slots()["candidate"]["tries"], tries);
        running.link.end();
    }
    let running = device.start_alone();
    running.until_failed("anomaly");
    running.link.end();
}

#[test]
fn damaged_slots_are_set_aside_and_the_trainer_is_asked() {
    let (trainer, device) = (ScriptedTrainer::start(), device("regression", None, None));
    let good = fs::read(device.path().join("slots.json")).unwrap();
    fs::write(device.path().join("slots.json"), &good[..good.len() / 2]).unwrap();
    trainer.deploy("anomaly", &artifact("anomaly"));
    let running = device.start(&trainer);
    running.until_serving("anomaly");
    assert!(device.path().join("slots.json.broken").exists());
    running.link.end();
}

#[test]
fn a_given_model_serves_until_one_of_its_name_is_deployed() {
    let trainer = ScriptedTrainer::start();
    let device = TestDevice { given: vec![given_pump("regression")], ..TestDevice::new() };
    let running = device.start(&trainer);
    assert!(running.service.serves(&artifact("regression")));
    let serving = running.serving().unwrap();
    assert_eq!(serving.deployment_id, None);
    trainer.deploy("one", &artifact("anomaly"));
    running.until_serving("one");
    assert_eq!(running.service.in_service().len(), 1);
    running.link.end();
}

#[test]
fn a_given_model_that_cannot_serve_ends_the_program_with_the_reason() {
    let folder = tempfile::TempDir::new().unwrap();
    let start = |bytes: &[u8]| {
        let path = folder.path().join("given.onnx");
        fs::write(&path, bytes).unwrap();
        let device = TestDevice { given: vec![path], ..TestDevice::new() };
        let error = device.start_with(None).err().expect("it cannot serve");
        format!("{error:#}")
    };
    let text = start(b"not a model");
    assert!(text.contains("given") && text.contains("no model that cirame-trainer"), "{text}");
    let text = start(&super::differing_artifact());
    assert!(text.contains("golden windows differ"), "{text}");
}

#[test]
fn a_deployed_model_comes_before_the_given_one() {
    let device =
        TestDevice { given: vec![given_pump("anomaly")], ..device("regression", None, None) };
    let running = device.start_alone();
    assert_eq!(running.service.served(), [Digest::of(&artifact("regression"))]);
    running.link.end();
    break_file(&device, "regression");
    let running = device.start_alone();
    assert_eq!(running.service.served(), [Digest::of(&artifact("anomaly"))]);
    running.link.end();
}
