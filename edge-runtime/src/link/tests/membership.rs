//! What the trainer says of the broker, and a trainer that has forgotten its devices.

use std::fs;
use std::sync::atomic::Ordering;

use model_format::protocol::{AUTHORITIES_BYTES_MAX, BrokerAccess, BrokerTls};
use serde_json::Value;

use super::scripted_trainer::ScriptedTrainer;
use super::{Running, TestDevice, until};

fn kept(device: &TestDevice) -> Value {
    let bytes = fs::read(device.path().join("device.json")).expect("the device is enrolled");
    serde_json::from_slice(&bytes).expect("it is never half-written")
}

fn anew(running: &Running) -> u64 {
    running.anew.load(Ordering::SeqCst)
}

/// Waits for so many heartbeats after those that were.
fn beats(trainer: &ScriptedTrainer, more: usize) {
    let before = trainer.script().heartbeats.len();
    until("heartbeats", || trainer.script().heartbeats.len() >= before + more);
}

fn access(user: &str, revision: &str) -> BrokerAccess {
    BrokerAccess {
        host: Some("broker.plant".to_owned()),
        port: 8883,
        user: user.to_owned(),
        password: "own".to_owned(),
        topic_prefix: "cirame".to_owned(),
        tls: Some(BrokerTls { authorities: Some("PEM".to_owned()) }),
        revision: Some(revision.to_owned()),
    }
}

#[test]
fn another_login_at_the_broker_is_kept_and_the_program_begins_anew_with_it() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let running = device.start(&trainer);
    until("a heartbeat", || !trainer.script().heartbeats.is_empty());
    // The mark of what it was told when it enrolled.
    assert_eq!(trainer.script().heartbeats[0].broker_revision.as_deref(), Some("1"));
    trainer.script().broker = Some(access("device-0", "2"));
    until("it begins anew", || anew(&running) == 1);
    let broker = &kept(&device)["broker"];
    assert_eq!((&broker["user"], &broker["port"]), (&Value::from("device-0"), &Value::from(8883)));
    assert_eq!(broker["tls"]["authorities"], "PEM");
    // The same again is no news, with another mark neither.
    beats(&trainer, 2);
    assert_eq!(trainer.script().heartbeats.last().unwrap().broker_revision.as_deref(), Some("2"));
    trainer.script().broker = Some(access("device-0", "3"));
    until("the mark is kept", || kept(&device)["broker"]["revision"] == "3");
    beats(&trainer, 1);
    assert_eq!(anew(&running), 1);
    running.link.end();
}

#[test]
fn a_broker_that_cannot_be_used_is_not_taken() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let running = device.start(&trainer);
    until("a heartbeat", || !trainer.script().heartbeats.is_empty());
    let before = kept(&device);
    let long = Some("x".repeat(AUTHORITIES_BYTES_MAX + 1));
    for broken in [
        BrokerAccess { topic_prefix: "a/#".to_owned(), ..access("u", "2") },
        BrokerAccess { user: "a\nb".to_owned(), ..access("u", "2") },
        BrokerAccess { tls: Some(BrokerTls { authorities: long }), ..access("u", "2") },
    ] {
        trainer.script().broker = Some(broken);
        beats(&trainer, 2);
        assert_eq!((kept(&device), anew(&running)), (before.clone(), 0));
    }
    running.link.end();
}

#[test]
fn a_device_with_a_broker_of_its_own_goes_on_with_it() {
    let (trainer, mut device) = (ScriptedTrainer::start(), TestDevice::new());
    device.has_own_broker = true;
    let running = device.start(&trainer);
    trainer.script().broker = Some(access("device-0", "2"));
    until("it is kept", || kept(&device)["broker"]["user"] == "device-0");
    beats(&trainer, 1);
    assert_eq!(anew(&running), 0);
    running.link.end();
}

#[test]
fn a_device_that_its_trainer_has_forgotten_enrols_again_where_a_file_has_a_token() {
    let (trainer, mut device) = (ScriptedTrainer::start(), TestDevice::new());
    let file = device.path().join("token");
    device.token_file = Some(file.clone());
    let running = device.start(&trainer);
    until("a heartbeat", || !trainer.script().heartbeats.is_empty());
    let (key, first) = (trainer.script().devices["device-0"], kept(&device));
    trainer.script().devices.clear();
    until("it was refused", || trainer.script().refused.len() >= 2);
    assert_eq!(kept(&device), first, "nobody has left a token");
    fs::write(&file, "another-token\n").unwrap();
    until("it begins anew", || anew(&running) == 1);
    let script = trainer.script();
    let asked = script.enrolments.last().unwrap();
    assert_eq!((&asked.token[..], &asked.name[..]), ("another-token", "device"));
    assert_eq!(script.devices.values().collect::<Vec<_>>(), [&key], "it is the same key");
    drop(script);
    running.link.end();
}

#[test]
fn a_device_without_such_a_file_stays_what_it_is() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let running = device.start(&trainer);
    until("a heartbeat", || !trainer.script().heartbeats.is_empty());
    trainer.script().devices.clear();
    until("it was refused", || trainer.script().refused.len() >= 2);
    assert_eq!((trainer.script().enrolments.len(), anew(&running)), (1, 0));
    running.link.end();
}
