//! Deployments that fail: the reason is told, the last good model goes on.

use std::fs;
use std::sync::atomic::Ordering;

use model_format::artifact::FILE_BYTES_MAX;
use model_format::id::Digest;
use model_format::protocol::DeploymentState;

use super::scripted_trainer::{Fault, ScriptedTrainer};
use super::{TestDevice, artifact, desired, differing_artifact, until};
use crate::link::engines::Engines;
use crate::link::memory::MemoryLimit;
use crate::link::model_keys::ModelKeys;
use crate::link::prepare::{Expected, prepare};

/// A device that serves a good model is given a bad one: it goes on, and says why. The reason.
fn refused(
    device: &mut TestDevice,
    prepare: impl FnOnce(&mut TestDevice, &ScriptedTrainer),
) -> String {
    let trainer = ScriptedTrainer::start();
    let good = artifact("anomaly");
    trainer.deploy("good", &good);
    let running = device.start(&trainer);
    running.until_serving("good");
    running.answer_windows();
    until("the good model is trusted", || device.slots()["candidate"].is_null());
    prepare(device, &trainer);
    let reason = running.until_failed("bad");
    until("the trainer is told", || {
        let script = trainer.script();
        let report = script.heartbeats.last().and_then(|heartbeat| heartbeat.models.first());
        let report = report.and_then(|report| report.deployment.clone());
        report.is_some_and(|report| {
            report.deployment_id == "bad"
                && report.state == DeploymentState::Failed
                && report.error.as_deref() == Some(&reason)
        })
    });
    assert_eq!(running.service.served(), [Digest::of(&good)], "{reason}");
    assert_eq!(device.files("models"), [format!("{}.onnx", Digest::of(&good))]);
    assert!(device.files("downloads").is_empty());
    // It is not tried again by itself, not even by the next program.
    let downloads = trainer.script().downloads.len();
    running.link.end();
    let running = device.start(&trainer);
    trainer.script().heartbeats.clear();
    until("it was asked again", || trainer.script().heartbeats.len() >= 2);
    assert_eq!(running.report().unwrap().state, DeploymentState::Failed);
    assert_eq!(trainer.script().downloads.len(), downloads);
    assert_eq!(running.service.served(), [Digest::of(&good)]);
    running.link.end();
    reason
}

#[test]
fn an_artifact_that_arrives_changed_each_time_fails() {
    let reason = refused(&mut TestDevice::new(), |_, trainer| {
        trainer.script().lasting_fault = Some(Fault::FlippedBit);
        trainer.deploy("bad", &artifact("regression"));
    });
    assert!(reason.contains(&Digest::of(&artifact("regression")).to_string()), "{reason}");
}

#[test]
fn an_artifact_of_another_size_than_announced_fails() {
    for fault in [Fault::Shorter, Fault::Longer] {
        let reason = refused(&mut TestDevice::new(), |_, trainer| {
            trainer.script().lasting_fault = Some(fault);
            trainer.deploy("bad", &artifact("regression"));
        });
        assert!(reason.contains("announced"), "{reason}");
    }
}

#[test]
fn an_artifact_beyond_the_bound_is_not_even_asked_for() {
    for size in [0, FILE_BYTES_MAX as u64 + 1, u64::MAX] {
        let reason = refused(&mut TestDevice::new(), |_, trainer| {
            let mut model = desired("bad", &artifact("regression"));
            model.artifact_bytes = size;
            trainer.script().desired = vec![model];
        });
        assert!(reason.contains(&size.to_string()), "{reason}");
    }
}

#[test]
fn a_file_that_is_no_artifact_fails() {
    let reason = refused(&mut TestDevice::new(), |_, trainer| {
        trainer.deploy("bad", b"not a model");
    });
    assert!(reason.contains("no model that cirame-trainer exported"), "{reason}");
}

#[test]
fn an_artifact_whose_answers_differ_here_fails() {
    let reason = refused(&mut TestDevice::new(), |_, trainer| {
        trainer.deploy("bad", &differing_artifact());
    });
    assert!(reason.contains("golden windows differ"), "{reason}");
}

#[test]
fn a_state_folder_that_cannot_be_written_fails_the_deployment() {
    let mut device = TestDevice::new();
    // Where the temporary file would be, there is a folder: like a full disk, for any user.
    let reason = refused(&mut device, |device, trainer| {
        let bytes = artifact("regression");
        let name = Digest::of(b"pump").to_string();
        let part = format!("{}.{}.part", Digest::of(&bytes), &name[..16]);
        fs::create_dir(device.path().join("downloads").join(part)).unwrap();
        trainer.deploy("bad", &bytes);
        let path = device.path().join("downloads");
        until("it is tried", || device.slots()["failed"].is_object());
        for entry in fs::read_dir(path).unwrap() {
            fs::remove_dir(entry.unwrap().path()).unwrap();
        }
    });
    assert!(reason.contains("state folder") && reason.contains("deploy"), "{reason}");
}

#[test]
fn slots_that_cannot_be_written_fail_the_deployment_and_keep_the_good_model() {
    let trainer = ScriptedTrainer::start();
    let device = TestDevice::new();
    let (good, other) = (artifact("anomaly"), artifact("regression"));
    trainer.deploy("good", &good);
    let running = device.start(&trainer);
    running.until_serving("good");
    running.answer_windows();
    until("the good model is trusted", || device.slots()["candidate"].is_null());
    let blocked = device.path().join(".slots.json.tmp");
    fs::create_dir(&blocked).unwrap();
    trainer.deploy("other", &other);
    let reason = running.until_failed("other");
    assert!(reason.contains("slots.json cannot be written"), "{reason}");
    assert_eq!(running.service.served(), [Digest::of(&good)]);
    fs::remove_dir(&blocked).unwrap();
    trainer.deploy("again", &other);
    running.until_serving("again");
    running.link.end();
}

#[test]
fn a_model_beyond_the_memory_limit_is_refused_before_its_download() {
    let trainer = ScriptedTrainer::start();
    let device = TestDevice { memory_limit_bytes: Some(1 << 20), ..TestDevice::new() };
    trainer.deploy("bad", &artifact("regression"));
    let running = device.start(&trainer);
    let reason = running.until_failed("bad");
    assert!(reason.contains(&(1_u64 << 20).to_string()) && reason.contains("limit"), "{reason}");
    assert!(trainer.script().downloads.is_empty());
    assert!(running.service.served().is_empty());
    running.link.end();
}

#[test]
fn a_model_that_grows_beyond_the_memory_limit_is_unloaded() {
    let path = super::corpus("regression");
    let bytes = artifact("regression");
    let expected = Expected {
        artifact: Digest::of(&bytes),
        name: "pump".to_owned(),
        version: None,
        signature: None,
    };
    let keys = ModelKeys::default();
    let limit = |limit_bytes| MemoryLimit {
        limit_bytes,
        // Each look finds the program larger, as loading makes it.
        resident_bytes: || {
            use std::sync::atomic::AtomicU64;
            static RESIDENT: AtomicU64 = AtomicU64::new(0);
            Some(RESIDENT.fetch_add(1 << 20, Ordering::SeqCst))
        },
    };
    assert!(prepare(&path, &expected, &keys, &Engines::default(), limit(None)).is_ok());
    let reason =
        prepare(&path, &expected, &keys, &Engines::default(), limit(Some((1 << 20) - 1))).err();
    let reason = reason.expect("the second look is beyond the limit");
    assert!(reason.contains("1048576") && reason.contains("1048575"), "{reason}");
    assert!(reason.contains("with the model loaded"), "{reason}");
}

#[test]
fn a_failed_model_is_tried_again_where_it_is_deployed_again() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let bytes = artifact("regression");
    trainer.script().lasting_fault = Some(Fault::Shorter);
    trainer.deploy("one", &bytes);
    let running = device.start(&trainer);
    running.until_failed("one");
    trainer.script().lasting_fault = None;
    trainer.deploy("two", &bytes);
    running.until_serving("two");
    running.link.end();
}

#[test]
fn a_model_that_fails_in_service_gives_way_to_the_last_good_one() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let (good, bad) = (artifact("anomaly"), artifact("regression"));
    trainer.deploy("good", &good);
    let running = device.start(&trainer);
    running.until_serving("good");
    running.answer_windows();
    until("the good model is trusted", || device.slots()["candidate"].is_null());
    trainer.deploy("bad", &bad);
    running.until_serving("bad");
    running.service.change("pump", |status| status.failed_windows = 1);
    let reason = running.until_failed("bad");
    assert!(reason.contains("engine failed on 1"), "{reason}");
    until("the good one serves", || running.service.serves(&good));
    let serving = || running.serving();
    until("it says so", || {
        serving().is_some_and(|serving| serving.deployment_id.as_deref() == Some("good"))
    });
    assert_eq!(running.service.served(), [&good, &bad, &good].map(|bytes| Digest::of(bytes)));
    running.link.end();
}
