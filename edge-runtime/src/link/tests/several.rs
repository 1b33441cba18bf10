//! Several models on one device, told apart by name: none is in the way of another.

use std::fs;

use model_format::id::Digest;
use model_format::protocol::{DeploymentState, MODELS_MAX};

use super::scripted_trainer::{Fault, ScriptedTrainer};
use super::{TestDevice, artifact, corpus, desired, differing_artifact, until};
use crate::link::state::TRIES_MAX;

#[test]
fn models_of_different_names_serve_side_by_side_also_after_a_restart() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let (pump, fan) = (artifact("regression"), artifact("anomaly"));
    trainer.deploy_as("pump", "one", &pump, |_| {});
    trainer.deploy_as("fan", "two", &fan, |_| {});
    let running = device.start(&trainer);
    let expected = [("fan", &fan), ("pump", &pump)];
    let expected =
        expected.map(|(name, bytes)| (name.to_owned(), Digest::of(bytes))).into_iter().collect();
    for id in ["one", "two"] {
        running.until_serving(id);
    }
    for name in ["pump", "fan"] {
        running.answer_windows_of(name);
        until("it is trusted", || device.slots_of(name)["candidate"].is_null());
    }
    assert_eq!(running.service.in_service(), expected);
    running.link.end();
    let running = device.start_alone();
    assert_eq!(running.service.in_service(), expected);
    running.link.end();
}

#[test]
fn names_that_share_an_artifact_do_not_share_their_fate() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    trainer.deploy_as("pump", "one", &bytes, |_| {});
    trainer.deploy_as("fan", "two", &bytes, |_| {});
    let running = device.start(&trainer);
    for id in ["one", "two"] {
        running.until_serving(id);
    }
    running.answer_windows();
    until("it is trusted", || device.slots()["candidate"].is_null());
    trainer.script().desired.retain(|model| model.model != "fan");
    until("one leaves", || running.service.in_service().len() == 1);
    until("its slots leave", || device.slots_of("fan").is_null());
    assert_eq!(device.files("models"), [format!("{}.onnx", Digest::of(&bytes))]);
    running.link.end();
    let running = device.start_alone();
    assert_eq!(running.service.in_service().len(), 1);
    running.link.end();
}

#[test]
fn a_broken_deployment_blocks_none_of_another_name_and_not_the_next_of_its_own() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let good = artifact("regression");
    trainer.deploy_as("a-broken", "one", &differing_artifact(), |_| {});
    trainer.deploy_as("pump", "two", &good, |_| {});
    let running = device.start(&trainer);
    running.until_serving("two");
    let reason = running.until_failed("one");
    assert!(reason.contains("golden windows differ"), "{reason}");
    trainer.deploy_as("a-broken", "three", &artifact("anomaly"), |_| {});
    running.until_serving("three");
    running.link.end();
}

#[test]
fn a_download_that_never_arrives_holds_up_its_own_name_alone() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.script().lasting_fault = Some(Fault::CutAfter(1000));
    trainer.deploy_as("a-large", "one", &artifact("pump"), |_| {});
    let running = device.start(&trainer);
    until("it was begun", || !trainer.script().downloads.is_empty());
    trainer.script().lasting_fault = None;
    trainer.script().artifacts.remove(&Digest::of(&artifact("pump")));
    trainer.deploy_as("pump", "two", &artifact("regression"), |_| {});
    running.until_serving("two");
    assert_eq!(running.report_of("a-large").unwrap().state, DeploymentState::Downloading);
    running.link.end();
}

#[test]
fn names_that_are_none_and_names_too_many_are_refused_and_the_others_serve() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    for name in ["../../etc/passwd", "", "a+b"] {
        trainer.deploy_as(name, "bad", &bytes, |_| {});
    }
    for number in 0..=MODELS_MAX {
        let id = format!("d{number:02}");
        trainer.deploy_as(&format!("m{number:02}"), &id, &bytes, |_| {});
    }
    trainer.deploy_as("..", "dots", &bytes, |_| {});
    let running = device.start(&trainer);
    // In the order of their names: dots come first, and the last two have no room.
    running.until_serving("dots");
    for number in 0..MODELS_MAX - 1 {
        running.until_serving(&format!("d{number:02}"));
    }
    let reason = running.until_failed(&format!("d{MODELS_MAX:02}"));
    assert!(reason.contains("16 models") && reason.contains("take one away"), "{reason}");
    assert!(running.until_failed("bad").contains("name of a model"));
    assert_eq!(running.service.in_service().len(), MODELS_MAX);
    // What is taken away makes room.
    trainer.script().desired.retain(|model| model.deployment_id != "d00");
    running.until_serving(&format!("d{:02}", MODELS_MAX - 1));
    running.link.end();
}

#[test]
fn slots_of_programs_that_served_one_model_are_read() {
    let device = TestDevice::new();
    let models = device.path().join("models");
    fs::create_dir(&models).unwrap();
    let put = |name: &str, model: &str| {
        let bytes = artifact(name);
        fs::write(models.join(format!("{}.onnx", Digest::of(&bytes))), &bytes).unwrap();
        let mut desired = serde_json::json!(desired(name, &bytes));
        desired["model"] = model.into();
        desired
    };
    let slots = serde_json::json!({
        "current": put("regression", "pump"),
        "previous": put("anomaly", "another"),
        "candidate": {"model": put("classification", "fan"), "tries": 0},
        "failed": {"deployment_id": "d7", "error": "it differs"},
    });
    fs::write(device.path().join("slots.json"), slots.to_string()).unwrap();
    let running = device.start_alone();
    running.until_serving("classification");
    let names: Vec<String> = running.service.in_service().into_keys().collect();
    assert_eq!(names, ["fan", "pump"]);
    assert_eq!(running.report().unwrap().deployment_id, "d7");
    until("the file is of today", || device.slots_of("fan")["candidate"].is_object());
    assert!(device.slots()["previous"].is_null());
    running.link.end();
}

#[test]
fn candidates_that_may_have_ended_the_program_are_tried_one_after_the_other() {
    let device = TestDevice::new();
    let models = device.path().join("models");
    fs::create_dir(&models).unwrap();
    let slots = |name: &str, tries: u32| {
        let bytes = artifact(name);
        fs::write(models.join(format!("{}.onnx", Digest::of(&bytes))), &bytes).unwrap();
        let mut model = serde_json::json!(desired(name, &bytes));
        model["model"] = name.into();
        serde_json::json!({
            "current": null, "previous": null, "failed": null,
            "candidate": {"model": model, "tries": tries},
        })
    };
    let book = serde_json::json!({"models": {
        "anomaly": slots("anomaly", 1),
        "regression": slots("regression", 1),
    }});
    fs::write(device.path().join("slots.json"), book.to_string()).unwrap();
    // The first one ends the program each time; the other one waits and is not blamed.
    for tries in 2..=TRIES_MAX {
        let running = device.start_alone();
        running.until_serving("anomaly");
        assert_eq!(device.slots_of("anomaly")["candidate"]["tries"], tries);
        assert_eq!(device.slots_of("regression")["candidate"]["tries"], 1);
        running.link.end();
    }
    let running = device.start_alone();
    running.until_failed("anomaly");
    running.until_serving("regression");
    running.link.end();
}

#[test]
fn several_models_of_the_command_line_serve_by_the_names_of_their_files() {
    let given = vec![corpus("regression"), corpus("anomaly")];
    let running = TestDevice { given, ..TestDevice::new() }.start_alone();
    let names: Vec<String> = running.service.in_service().into_keys().collect();
    assert_eq!(names, ["anomaly", "regression"]);
    running.link.end();
    let given = vec![corpus("regression"), corpus("regression")];
    let device = TestDevice { given, ..TestDevice::new() };
    let error = device.start_with(None).err().expect("two of one name").to_string();
    assert!(error.contains("rename one"), "{error}");
}
