//! Enrolment: once, with whatever goes wrong on the way.

use std::fs;

use super::scripted_trainer::{EnrolFault, ScriptedTrainer};
use super::{TestDevice, until};
use crate::link::enrolment::{Enrolled, TrainerAccess, enrol_or_load};
use crate::link::{StateFolder, Stop};

fn enrol(device: &TestDevice, access: Option<&TrainerAccess>) -> anyhow::Result<Option<Enrolled>> {
    let folder = StateFolder::open(device.path())?;
    enrol_or_load(&folder, access, "pump-7", &Stop::default())
}

fn refusal(device: &TestDevice, access: Option<&TrainerAccess>) -> String {
    let error = enrol(device, access).err().expect("it is refused");
    format!("{error:#}")
}

#[test]
fn a_device_enrols_once_and_then_starts_without_its_trainer() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let access = trainer.access();
    let first = enrol(&device, Some(&access)).unwrap().unwrap().device;
    assert_eq!((first.name.as_str(), first.heartbeat_s), ("pump-7", 1));
    let broker = first.broker.clone().unwrap();
    assert_eq!(broker.host.as_deref(), Some("127.0.0.1"), "filled in from the trainer's address");
    assert_eq!(trainer.script().enrolments.len(), 1);
    drop(trainer);
    for access in [Some(&access), None] {
        let again = enrol(&device, access).unwrap().unwrap().device;
        assert!(again == first);
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_by_the_same_device() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.script().enrol_faults.extend([EnrolFault::Busy, EnrolFault::LostAnswer]);
    let enrolled = enrol(&device, Some(&trainer.access())).unwrap().unwrap();
    assert_eq!(enrolled.device.device_id, "device-0");
    let script = trainer.script();
    assert_eq!((script.enrolments.len(), script.devices.len()), (2, 1));
}

#[test]
fn the_key_is_on_the_disk_before_the_first_request_and_only_for_the_owner() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.script().enrol_faults.push_back(EnrolFault::BadToken("it expired"));
    refusal(&device, Some(&trainer.access()));
    let key = fs::read(device.path().join("device.key")).expect("the key is there");
    enrol(&device, Some(&trainer.access())).unwrap().unwrap();
    assert_eq!(fs::read(device.path().join("device.key")).unwrap(), key);
    #[cfg(unix)]
    for name in ["device.key", "device.json"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(device.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_refused_token_is_said_with_the_reason() {
    for reason in ["the token has expired", "the token is used up"] {
        let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
        trainer.script().enrol_faults.push_back(EnrolFault::BadToken(reason));
        let text = refusal(&device, Some(&trainer.access()));
        assert!(text.contains(reason) && text.contains("make a new one"), "{text}");
        assert!(!device.path().join("device.json").exists());
    }
}

#[test]
fn a_trainer_that_gives_no_answer_is_asked_until_the_end() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.script().enrol_faults.extend([EnrolFault::Busy; 1000]);
    let access = trainer.access();
    let (folder, stop) = (StateFolder::open(device.path()).unwrap(), Stop::default());
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| enrol_or_load(&folder, Some(&access), "pump-7", &stop));
        until("it was asked twice", || trainer.script().enrol_faults.len() <= 998);
        stop.stop();
        assert!(asking.join().unwrap().unwrap().is_none());
    });
}

#[test]
fn a_trainer_that_cannot_be_reached_is_waited_for_until_the_end() {
    let device = TestDevice::new();
    let access = ScriptedTrainer::start().access();
    let (folder, stop) = (StateFolder::open(device.path()).unwrap(), Stop::default());
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| enrol_or_load(&folder, Some(&access), "pump-7", &stop));
        until("the key is made", || device.path().join("device.key").exists());
        stop.stop();
        assert!(asking.join().unwrap().unwrap().is_none());
    });
}

#[test]
fn another_trainer_needs_a_token_and_keeps_the_key() {
    let (first, second) = (ScriptedTrainer::start(), ScriptedTrainer::start());
    let device = TestDevice::new();
    enrol(&device, Some(&first.access())).unwrap().unwrap();
    let without_token = TrainerAccess { token: None, ..second.access() };
    let text = refusal(&device, Some(&without_token));
    assert!(text.contains("enrolled with") && text.contains("--token"), "{text}");
    let moved = enrol(&device, Some(&second.access())).unwrap().unwrap();
    assert_eq!(moved.device.trainer, second.access().url);
    let key = |trainer: &ScriptedTrainer| trainer.script().enrolments[0].public_key;
    assert_eq!(key(&first), key(&second));
    assert!(enrol(&device, Some(&without_token)).unwrap().is_some(), "it is enrolled there now");
}

#[test]
fn a_new_device_without_a_token_is_told_what_is_missing() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let text = refusal(&device, Some(&TrainerAccess { token: None, ..trainer.access() }));
    assert!(text.contains("--token"), "{text}");
    assert!(enrol(&device, None).unwrap().is_none());
}

#[test]
fn an_answer_that_leads_elsewhere_is_refused() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.script().enrol_faults.push_back(EnrolFault::HostileId);
    let text = refusal(&device, Some(&trainer.access()));
    assert!(text.contains("identifier"), "{text}");
    assert!(!device.path().join("device.json").exists());
}

#[test]
fn damaged_files_are_named_with_the_remedy() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    enrol(&device, Some(&trainer.access())).unwrap().unwrap();
    for name in ["device.json", "device.key"] {
        let path = device.path().join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        let text = refusal(&device, None);
        assert!(text.contains(name) && text.contains("remove"), "{text}");
        fs::write(&path, good).unwrap();
    }
    assert!(enrol(&device, None).unwrap().is_some());
}

#[test]
fn two_programs_do_not_share_a_state_folder() {
    let device = TestDevice::new();
    let first = StateFolder::open(device.path()).unwrap();
    let error = StateFolder::open(device.path()).err().expect("it is locked");
    assert!(error.to_string().contains("another cirame-edge"), "{error}");
    drop(first);
    assert!(StateFolder::open(device.path()).is_ok());
}
