//! What people do on the device: look, go back, install a bundle, with the service running and without.

use std::fs;
use std::path::PathBuf;

use engine::EngineKind;
use model_format::artifact::Artifact;
use model_format::bundle::Bundle;
use model_format::id::Digest;
use model_format::protocol::DeploymentState;
use serde_json::json;

use super::scripted_trainer::ScriptedTrainer;
use super::{TestDevice, artifact, differing_artifact, until};
use crate::link::{self, ModelKeys};

/// A bundle of this artifact as the trainer makes it.
fn bundle(device: &TestDevice, name: &str, bytes: &[u8]) -> PathBuf {
    let artifact = Artifact::read(bytes).unwrap();
    let proof = engine::proof::prove(&artifact, &[], &[EngineKind::Native], &|| 0).unwrap();
    let mut proof = serde_json::to_value(proof).unwrap();
    // It was proved where it was made, whatever is found here.
    proof["passed"] = true.into();
    write_bundle(device, &Bundle::new((name, 7), bytes.to_vec(), proof, None))
}

fn write_bundle(device: &TestDevice, bundle: &Bundle) -> PathBuf {
    let path = device.path().join("model.bundle");
    fs::write(&path, bundle.write().unwrap()).unwrap();
    path
}

fn install(device: &TestDevice, bundle: &std::path::Path) -> Result<String, String> {
    link::install(device.path(), bundle, &ModelKeys::default())
        .map_err(|error| format!("{error:#}"))
}

fn roll_back(device: &TestDevice, name: Option<&str>) -> Result<String, String> {
    link::roll_back(device.path(), name).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_bundle_goes_into_service_while_the_service_runs() {
    let device = TestDevice::new();
    let running = device.start_alone();
    let bytes = artifact("regression");
    let done = install(&device, &bundle(&device, "pump", &bytes)).unwrap();
    assert_eq!(done, "pump 7 is in service");
    assert!(running.service.serves(&bytes));
    running.answer_windows();
    until("it is trusted", || device.slots()["current"].is_object());
    running.link.end();
    let running = device.start_alone();
    assert!(running.service.serves(&bytes));
    assert!(device.files("requests").is_empty());
    running.link.end();
}

#[test]
fn a_bundle_that_is_installed_while_nothing_runs_is_proved_then_and_serves_at_the_next_start() {
    let device = TestDevice::new();
    device.start_alone().link.end();
    let bytes = artifact("regression");
    let done = install(&device, &bundle(&device, "pump", &bytes)).unwrap();
    assert!(done.contains("passed its proof here"), "{done}");
    let running = device.start_alone();
    until("it serves", || running.service.serves(&bytes));
    running.link.end();
}

#[test]
fn a_bundle_that_does_not_pass_here_is_refused_and_leaves_nothing_behind() {
    let device = TestDevice::new();
    let path = bundle(&device, "pump", &differing_artifact());
    let text = install(&device, &path).unwrap_err();
    assert!(text.contains("golden windows differ"), "{text}");
    assert!(device.files("models").is_empty());
    let running = device.start_alone();
    let text = install(&device, &path).unwrap_err();
    assert!(text.contains("golden windows differ"), "{text}");
    assert!(running.service.served().is_empty());
    fs::write(&path, b"not a bundle").unwrap();
    assert!(install(&device, &path).unwrap_err().contains("no bundle"));
    let proof = json!({"passed": true});
    let bad = write_bundle(&device, &Bundle::new(("pump", 1), artifact("anomaly"), proof, None));
    assert!(install(&device, &bad).unwrap_err().contains("is no proof"));
    assert!(device.files("requests").is_empty(), "bundles do not stay");
    running.link.end();
}

#[test]
fn an_installed_model_counts_until_the_trainer_deploys_another_one() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let (deployed, installed) = (artifact("anomaly"), artifact("regression"));
    trainer.deploy("one", &deployed);
    let running = device.start(&trainer);
    running.until_serving("one");
    running.answer_windows();
    until("it is trusted", || device.slots()["candidate"].is_null());
    install(&device, &bundle(&device, "pump", &installed)).unwrap();
    // The trainer says what it said before; that is no reason to go back.
    trainer.script().heartbeats.clear();
    until("it was said again", || trainer.script().heartbeats.len() >= 2);
    assert!(running.service.serves(&installed));
    running.link.end();
    let running = device.start(&trainer);
    until("it serves", || running.service.serves(&installed));
    trainer.script().heartbeats.clear();
    until("it was said again", || trainer.script().heartbeats.len() >= 2);
    assert!(running.service.serves(&installed));
    trainer.deploy("two", &deployed);
    running.until_serving("two");
    assert!(running.service.serves(&deployed));
    assert!(device.slots()["installed"].is_null());
    running.link.end();
}

#[test]
fn an_installed_model_stays_where_the_trainer_takes_the_deployment_away() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let installed = artifact("regression");
    let running = device.start(&trainer);
    install(&device, &bundle(&device, "pump", &installed)).unwrap();
    trainer.script().heartbeats.clear();
    until("nothing was desired twice", || trainer.script().heartbeats.len() >= 2);
    assert!(running.service.serves(&installed));
    assert_eq!(running.service.in_service().len(), 1);
    running.link.end();
}

/// A device whose trainer has deployed two models, one after the other; both are trusted.
fn with_two(trainer: &ScriptedTrainer) -> TestDevice {
    let device = TestDevice::new();
    let running = device.start(trainer);
    for name in ["anomaly", "regression"] {
        trainer.deploy(name, &artifact(name));
        running.until_serving(name);
        running.answer_windows();
        until("it is trusted", || device.slots()["current"]["deployment_id"] == name);
    }
    running.link.end();
    device
}

#[test]
fn a_running_service_goes_back_and_does_not_fight_with_the_trainer() {
    let trainer = ScriptedTrainer::start();
    let device = with_two(&trainer);
    let running = device.start(&trainer);
    assert!(running.service.serves(&artifact("regression")));
    assert!(roll_back(&device, Some("fan")).unwrap_err().contains("no model \"fan\""));
    roll_back(&device, None).unwrap();
    until("the one before serves", || running.service.serves(&artifact("anomaly")));
    let reason = running.until_failed("regression");
    assert!(reason.contains("went back"), "{reason}");
    trainer.script().heartbeats.clear();
    until("it is desired still", || trainer.script().heartbeats.len() >= 2);
    assert!(running.service.serves(&artifact("anomaly")));
    assert!(roll_back(&device, Some("pump")).unwrap_err().contains("only good model"));
    // What is deployed again is tried again.
    trainer.deploy("again", &artifact("regression"));
    running.until_serving("again");
    running.link.end();
}

#[test]
fn going_back_while_nothing_runs_counts_at_the_next_start() {
    let trainer = ScriptedTrainer::start();
    let device = with_two(&trainer);
    let done = roll_back(&device, Some("pump")).unwrap();
    assert!(done.contains("when the service starts"), "{done}");
    let running = device.start(&trainer);
    assert!(running.service.serves(&artifact("anomaly")));
    trainer.script().heartbeats.clear();
    until("the other is desired still", || trainer.script().heartbeats.len() >= 2);
    assert!(running.service.serves(&artifact("anomaly")));
    assert_eq!(running.report().unwrap().state, DeploymentState::Failed);
    running.link.end();
}

#[test]
fn a_model_that_is_installed_while_nothing_runs_is_not_undone_by_what_was_deployed_before() {
    let trainer = ScriptedTrainer::start();
    let device = with_two(&trainer);
    let installed = artifact("classification");
    install(&device, &bundle(&device, "pump", &installed)).unwrap();
    let running = device.start(&trainer);
    until("it serves", || running.service.serves(&installed));
    trainer.script().heartbeats.clear();
    until("it was said again", || trainer.script().heartbeats.len() >= 2);
    assert!(running.service.serves(&installed));
    running.link.end();
}

#[test]
fn going_back_gives_a_new_model_up_before_it_is_trusted() {
    let trainer = ScriptedTrainer::start();
    let device = with_two(&trainer);
    let running = device.start(&trainer);
    trainer.deploy("new", &artifact("classification"));
    running.until_serving("new");
    roll_back(&device, None).unwrap();
    until("the good one serves", || running.service.serves(&artifact("regression")));
    let reason = running.until_failed("new");
    assert!(reason.contains("went back"), "{reason}");
    assert_eq!(device.slots()["previous"]["deployment_id"], "anomaly");
    running.link.end();
}

#[test]
fn slots_are_told_whether_the_service_runs_or_not() {
    let trainer = ScriptedTrainer::start();
    let device = with_two(&trainer);
    let (models, is_running) = link::standing(device.path()).unwrap();
    assert!(!is_running);
    let digest = |name: &str| Some(Digest::of(&artifact(name)));
    let of = |model: &Option<_>| {
        model.as_ref().map(|model: &model_format::protocol::DesiredModel| model.artifact_sha256)
    };
    assert_eq!(of(&models[0].current), digest("regression"));
    assert_eq!(of(&models[0].previous), digest("anomaly"));
    let running = device.start_alone();
    assert!(link::standing(device.path()).unwrap().1);
    running.link.end();
    let error = link::standing(&device.path().join("nowhere")).unwrap_err();
    assert!(format!("{error:#}").contains("--state"), "{error:#}");
}

#[test]
fn requests_that_are_none_are_answered_and_removed() {
    let device = TestDevice::new();
    let running = device.start_alone();
    let folder = device.path().join("requests");
    for (id, text) in [("a", "{}"), ("b", "not json"), ("c", "{\"roll_back\":{\"model\":\"x\"}}")] {
        fs::write(folder.join(format!("{id}.json")), text).unwrap();
        until("it is answered", || folder.join(format!("{id}.answer")).exists());
        let answer = fs::read_to_string(folder.join(format!("{id}.answer"))).unwrap();
        assert!(answer.starts_with("{\"Err\""), "{answer}");
    }
    assert_eq!(device.files("requests"), ["a.answer", "b.answer", "c.answer"]);
    running.link.end();
    device.start_alone().link.end();
    assert!(device.files("requests").is_empty(), "the next start removes what nobody read");
}
