//! Programs of different versions: a device with a trainer of the version before, and of others.

use model_format::protocol::PROTOCOL_VERSION;

use super::scripted_trainer::ScriptedTrainer;
use super::{TestDevice, artifact, until};

#[test]
fn a_trainer_of_the_version_before_is_followed_in_its_own_words() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.script().speaks = Some(1);
    trainer.deploy("one", &artifact("regression"));
    let running = device.start(&trainer);
    running.until_serving("one");
    assert_eq!(trainer.script().enrolments[0].protocol_version, 1);
    until("it is told", || {
        let script = trainer.script();
        let told = script.heartbeats.last();
        let report = told.and_then(|told| told.deployment.as_ref());
        let is_told = report.is_some_and(|report| report.proof.is_some());
        assert!(told.is_none_or(|told| told.protocol_version == 1 && told.models.is_empty()));
        is_told
    });
    let serving = trainer.script().heartbeats.last().unwrap().serving.clone();
    assert_eq!(serving.unwrap().deployment_id.as_deref(), Some("one"));
    // It desires one model: the one before leaves, whatever its name.
    trainer.deploy_as("fan", "two", &artifact("anomaly"), |_| {});
    running.until_serving("two");
    until("the other leaves", || running.service.in_service().len() == 1);
    // When it is upgraded, it hears of all models.
    trainer.script().speaks = None;
    trainer.script().heartbeats.clear();
    until("it is told in today's words", || {
        let script = trainer.script();
        script.heartbeats.last().is_some_and(|told| told.protocol_version == PROTOCOL_VERSION)
    });
    for id in ["one", "two"] {
        running.until_serving(id);
    }
    running.link.end();
}

#[test]
fn a_trainer_that_is_replaced_by_an_older_one_is_followed_on() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.deploy("one", &artifact("regression"));
    let running = device.start(&trainer);
    running.until_serving("one");
    trainer.script().speaks = Some(1);
    trainer.deploy("two", &artifact("anomaly"));
    running.until_serving("two");
    running.link.end();
}

#[test]
fn a_trainer_too_far_apart_is_refused_with_the_way_out() {
    for (speaks, advice) in [(0, "upgrade the trainer"), (9, "upgrade the device")] {
        let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
        trainer.script().speaks = Some(speaks);
        let error = device.start_with(Some(&trainer.access())).err().expect("it cannot enrol");
        assert!(format!("{error:#}").contains(advice), "{error:#}");
    }
}
