//! Deployments that come through, whatever happens on the way.

use std::fs;
use std::sync::atomic::Ordering;

use engine::EngineKind;
use engine::proof::Proof;
use model_format::id::Digest;
use model_format::protocol::{DeploymentState, Heartbeat, ModelReport};

use super::scripted_trainer::{Fault, ScriptedTrainer};
use super::{TestDevice, artifact, until};
use crate::link::{Pace, StateFolder};
use crate::service::Service as _;

/// The newest heartbeat that speaks of a deployment in this state, and what it says of it.
fn heartbeat_of(
    trainer: &ScriptedTrainer,
    id: &str,
    state: DeploymentState,
) -> (Heartbeat, ModelReport) {
    let mut found = None;
    until("a heartbeat says so", || {
        let script = trainer.script();
        let says = |report: &&ModelReport| {
            let report = report.deployment.as_ref();
            report.is_some_and(|report| report.deployment_id == id && report.state == state)
        };
        found = script.heartbeats.iter().rev().find_map(|heartbeat| {
            let report = heartbeat.models.iter().find(says)?;
            Some((heartbeat.clone(), report.clone()))
        });
        found.is_some()
    });
    found.expect("it was just found")
}

#[test]
fn a_deployed_model_is_fetched_proved_served_and_reported() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    let (heartbeat, report) = heartbeat_of(&trainer, "one", DeploymentState::Serving);
    let serving = report.serving.unwrap();
    assert_eq!(serving.artifact_sha256, Digest::of(&bytes));
    assert_eq!(serving.deployment_id.as_deref(), Some("one"));
    assert!(heartbeat.memory_bytes > 0);
    let proof = report.deployment.unwrap().proof.unwrap();
    let proof: Proof = serde_json::from_value(proof).unwrap();
    assert!(proof.passed && proof.artifact_sha256 == Digest::of(&bytes));
    assert!(proof.judges.iter().all(|judge| judge.latency.is_some()));
    assert_eq!(
        proof.judges.iter().map(|judge| judge.engine).collect::<Vec<_>>(),
        [EngineKind::Native]
    );
    assert!(running.service.serves(&bytes));
    let (model, _) = running.service.models.lock().unwrap().remove("pump").unwrap();
    assert_eq!((model.name.as_str(), model.version), ("pump", Some(1)));
    assert_eq!(model.artifact_bytes, bytes.len() as u64);
    assert_eq!(device.files("models"), [format!("{}.onnx", Digest::of(&bytes))]);
    assert!(device.files("downloads").is_empty());
    assert!(trainer.script().refused.is_empty());
    running.link.end();
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("pump");
    trainer.script().faults.push_back(Fault::CutAfter(100_000));
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    let downloads = trainer.script().downloads.clone();
    assert_eq!(downloads, [0, 100_000]);
    running.link.end();
}

#[test]
fn a_download_goes_on_after_the_program_was_ended() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("pump");
    device.start(&trainer).link.end();
    let part = StateFolder::open(device.path()).unwrap().download_path(Digest::of(&bytes), "pump");
    fs::write(part, &bytes[..70_000]).unwrap();
    fs::write(
        device.path().join("slots.json"),
        serde_json::json!({
            "current": null, "previous": null, "failed": null,
            "candidate": {"model": super::desired("one", &bytes), "tries": 0},
        })
        .to_string(),
    )
    .unwrap();
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    assert_eq!(trainer.script().downloads, [70_000]);
    running.link.end();
}

#[test]
fn a_trainer_without_ranges_sends_the_whole_file_again() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("pump");
    trainer.script().faults.extend([Fault::CutAfter(100_000), Fault::NoRange]);
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    assert_eq!(trainer.script().downloads, [0, 0]);
    running.link.end();
}

#[test]
fn one_flipped_bit_is_found_and_the_file_fetched_anew() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    trainer.script().faults.push_back(Fault::FlippedBit);
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    assert_eq!(trainer.script().downloads, [0, 0]);
    assert_eq!(running.service.served(), [Digest::of(&bytes)]);
    running.link.end();
}

#[test]
fn a_wrong_clock_is_set_right_by_the_trainer_with_one_request_more() {
    for ahead_ms in [3_600_000, -86_400_000] {
        let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
        trainer.script().clock_ahead_ms = ahead_ms;
        trainer.deploy("one", &artifact("regression"));
        let running = device.start(&trainer);
        running.until_serving("one");
        heartbeat_of(&trainer, "one", DeploymentState::Serving);
        assert_eq!(trainer.script().refused, ["clock_skew"], "{ahead_ms} ms ahead");
        running.link.end();
    }
}

#[test]
fn the_same_model_deployed_again_serves_without_another_download() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    trainer.deploy("two", &bytes);
    running.until_serving("two");
    let (_, report) = heartbeat_of(&trainer, "two", DeploymentState::Serving);
    assert!(report.deployment.unwrap().proof.is_some());
    assert_eq!(running.service.served().len(), 1);
    assert_eq!(trainer.script().downloads.len(), 1);
    running.link.end();
}

#[test]
fn only_the_last_good_model_and_the_one_before_are_kept() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let names = ["regression", "anomaly", "classification"];
    let running = device.start(&trainer);
    for name in names {
        trainer.deploy(name, &artifact(name));
        running.until_serving(name);
        running.answer_windows();
        until("the model is trusted", || device.slots()["candidate"].is_null());
    }
    let kept = ["anomaly", "classification"].map(|name| Digest::of(&artifact(name)).to_string());
    assert_eq!(device.slots()["current"]["artifact_sha256"], kept[1]);
    assert_eq!(device.slots()["previous"]["artifact_sha256"], kept[0]);
    let mut files = kept.map(|digest| format!("{digest}.onnx"));
    files.sort();
    until("the oldest is removed", || device.files("models") == files);
    running.link.end();
}

#[test]
fn a_newer_deployment_breaks_the_download_of_the_older_one_off() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let newer = artifact("regression");
    trainer.script().lasting_fault = Some(Fault::CutAfter(1000));
    trainer.deploy("older", &artifact("pump"));
    let running = device.start(&trainer);
    until("the older one is begun", || !trainer.script().downloads.is_empty());
    trainer.script().lasting_fault = None;
    trainer.deploy("newer", &newer);
    running.until_serving("newer");
    assert_eq!(running.service.served(), [Digest::of(&newer)]);
    until("its part is removed", || device.files("downloads").is_empty());
    running.link.end();
}

#[test]
fn a_device_goes_on_without_its_trainer_and_reports_when_it_is_back() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.deploy("one", &artifact("regression"));
    let running = device.start(&trainer);
    running.until_serving("one");
    heartbeat_of(&trainer, "one", DeploymentState::Serving);
    trainer.script().is_away = true;
    until("it is missed", || running.status().trainer_answers == Some(false));
    running.answer_windows();
    until("the model is trusted meanwhile", || device.slots()["candidate"].is_null());
    trainer.script().heartbeats.clear();
    trainer.script().is_away = false;
    let (heartbeat, _) = heartbeat_of(&trainer, "one", DeploymentState::Serving);
    assert_eq!(heartbeat.windows, running.service.status().windows);
    assert!(running.status().trainer_answers.is_some());
    running.link.end();
}

#[test]
fn a_deleted_device_goes_on_serving_and_is_heard_when_it_is_known_again() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_serving("one");
    let devices = std::mem::take(&mut trainer.script().devices);
    until("it is refused twice", || trainer.script().refused.len() >= 2);
    assert!(running.service.serves(&bytes));
    trainer.script().heartbeats.clear();
    trainer.script().devices = devices;
    heartbeat_of(&trainer, "one", DeploymentState::Serving);
    running.link.end();
}

#[test]
fn an_unknown_device_does_not_ask_as_often_as_one_whose_trainer_is_away() {
    assert!(Pace::default().unknown_ms > Pace::default().retry_ms.1);
    let trainer = ScriptedTrainer::start();
    let device = TestDevice { unknown_ms: 3_600_000, ..TestDevice::new() };
    let running = device.start(&trainer);
    until("it is heard", || !trainer.script().heartbeats.is_empty());
    trainer.script().devices.clear();
    until("it is refused", || !trainer.script().refused.is_empty());
    // Far more ticks than there are in the longest wait for a trainer that is away.
    let looks = || running.service.looks.load(Ordering::SeqCst);
    let before = looks();
    until("time passes", || looks() >= before + 50);
    assert_eq!(trainer.script().refused, ["bad_signature"]);
    running.link.end();
}

#[test]
fn a_model_that_is_taken_away_answers_no_more_also_after_a_restart() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.deploy("one", &artifact("regression"));
    let running = device.start(&trainer);
    running.until_serving("one");
    trainer.script().desired.clear();
    until("nothing serves", || running.service.in_service().is_empty());
    until("it is told", || running.serving().is_none());
    until("its file is gone", || device.files("models").is_empty());
    running.link.end();
    let running = device.start(&trainer);
    assert!(running.serving().is_none());
    assert!(running.service.served().is_empty());
    // What is deployed later serves as ever.
    trainer.deploy("two", &artifact("regression"));
    running.until_serving("two");
    running.link.end();
}
