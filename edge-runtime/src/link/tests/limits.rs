//! Limits that come with a deployment, and what the device does when one is exceeded.

use model_format::protocol::{DeploymentState, DesiredModel, Limits};

use super::machine::{serve_next, serving};
use super::scripted_trainer::ScriptedTrainer;
use super::{TestDevice, artifact, desired, until};
use crate::link::state::{
    Action, Event, Good, LIMIT_WINDOWS_MIN, MEMORY_LOOKS_MIN, Machine, Observed, PROBATION_MS,
    PROBATION_WINDOWS,
};

fn limited(limits: Limits) -> DesiredModel {
    DesiredModel { limits, ..desired("next", b"next") }
}

/// A machine whose model with these limits is trusted.
fn trusted(limits: Limits) -> Machine {
    let mut machine = serving();
    serve_next(&mut machine, &limited(limits));
    let seen = Observed { windows: PROBATION_WINDOWS, ..Observed::default() };
    let actions = machine.on(Event::Observed(seen), PROBATION_MS);
    assert_eq!(actions.last(), Some(&Action::Clean), "it is trusted");
    machine
}

/// Looks once; whether the machine goes back, and why.
fn look(machine: &mut Machine, seen: Observed) -> Option<String> {
    let actions = machine.on(Event::Observed(seen), 10 * PROBATION_MS);
    if actions.is_empty() {
        return None;
    }
    let good = Good::Deployed(desired("good", b"good"));
    assert_eq!(actions[0], Action::Restore(good), "back to the last good model");
    let report = machine.report().unwrap();
    assert_eq!((report.deployment_id.as_str(), report.state), ("next", DeploymentState::Failed));
    report.error
}

const NO_LIMITS: Limits =
    Limits { latency_p99_us_max: None, memory_bytes_max: None, failed_share_max: None };

#[test]
fn latency_counts_over_enough_windows_and_the_limit_itself_is_allowed() {
    let mut machine = trusted(Limits { latency_p99_us_max: Some(500), ..NO_LIMITS });
    let seen =
        |windows, latency_p99_us| Observed { windows, latency_p99_us, ..Observed::default() };
    assert_eq!(look(&mut machine, seen(LIMIT_WINDOWS_MIN - 1, 9000.0)), None);
    assert_eq!(look(&mut machine, seen(LIMIT_WINDOWS_MIN, 500.0)), None);
    let reason = look(&mut machine, seen(LIMIT_WINDOWS_MIN + 1, 501.4)).unwrap();
    for part in ["latency_p99_us_max is 500", "found 501", "101 windows"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn memory_counts_where_it_stays_beyond_the_limit() {
    let mut machine = trusted(Limits { memory_bytes_max: Some(1000), ..NO_LIMITS });
    let seen = |bytes| Observed { memory_bytes: Some(bytes), ..Observed::default() };
    for _ in 0..3 {
        for _ in 1..MEMORY_LOOKS_MIN {
            assert_eq!(look(&mut machine, seen(1001)), None);
        }
        assert_eq!(look(&mut machine, seen(1000)), None, "it was for a moment");
    }
    for _ in 1..MEMORY_LOOKS_MIN {
        assert_eq!(look(&mut machine, seen(1001)), None);
    }
    let reason = look(&mut machine, seen(1001)).unwrap();
    assert!(reason.contains("memory_bytes_max is 1000, found 1001"), "{reason}");
}

#[test]
fn the_share_of_failures_is_that_of_the_newest_windows() {
    let mut machine = trusted(Limits { failed_share_max: Some(0.1), ..NO_LIMITS });
    let seen =
        |windows, failed_windows| Observed { windows, failed_windows, ..Observed::default() };
    // A million good windows do not outweigh a model that fails now.
    assert_eq!(look(&mut machine, seen(1_000_000, 0)), None);
    assert_eq!(look(&mut machine, seen(1_000_080, 10)), None, "too few to judge");
    assert_eq!(look(&mut machine, seen(1_000_090, 10)), None, "10 of 100 are allowed");
    let reason = look(&mut machine, seen(1_000_170, 31)).unwrap();
    assert!(reason.contains("failed_share_max is 0.1, found 0.2079 (21 of 101"), "{reason}");
}

#[test]
fn failures_that_are_allowed_do_not_end_a_probation_and_too_many_do() {
    let limits = Limits { failed_share_max: Some(0.25), ..NO_LIMITS };
    let observed = |machine: &mut Machine, windows, failed_windows| {
        let seen = Observed { windows, failed_windows, ..Observed::default() };
        machine.on(Event::Observed(seen), 1)
    };
    let mut machine = serving();
    serve_next(&mut machine, &limited(limits));
    assert!(observed(&mut machine, 1, 1).is_empty());
    let actions = observed(&mut machine, PROBATION_WINDOWS, 5);
    assert_eq!(actions.last(), Some(&Action::Clean), "it is trusted");
    let mut machine = serving();
    serve_next(&mut machine, &limited(limits));
    let actions = observed(&mut machine, 12, 8);
    let good = Good::Deployed(desired("good", b"good"));
    assert_eq!(actions.first(), Some(&Action::Restore(good)));
}

#[test]
fn without_limits_nothing_is_limited() {
    let mut machine = trusted(NO_LIMITS);
    let seen = Observed {
        windows: 1000,
        failed_windows: 1000,
        latency_p99_us: 1e9,
        memory_bytes: Some(u64::MAX),
    };
    for _ in 0..2 * MEMORY_LOOKS_MIN {
        assert_eq!(look(&mut machine, seen), None);
    }
}

#[test]
fn a_broken_limit_with_no_model_before_is_told_once_and_the_model_goes_on() {
    let slots = crate::link::slots::Slots {
        current: Some(limited(Limits { latency_p99_us_max: Some(1), ..NO_LIMITS })),
        ..Default::default()
    };
    let mut machine = Machine::new(slots, None);
    machine.boot(0);
    machine.on(Event::Restored(Ok(serde_json::json!({}))), 0);
    let seen = Observed { windows: 1000, latency_p99_us: 50.0, ..Observed::default() };
    let actions = machine.on(Event::Observed(seen), 1);
    assert!(matches!(&actions[..], [Action::Save(_)]), "{actions:?}");
    let error = machine.report().unwrap().error.unwrap();
    assert!(error.contains("found 50") && error.contains("it goes on"), "{error}");
    assert!(machine.on(Event::Observed(seen), 2).is_empty());
    assert!(machine.serving().is_some());
}

#[test]
fn a_trusted_model_beyond_its_limit_gives_way_and_the_trainer_is_told_what_was_found() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    let (good, slow) = (artifact("anomaly"), artifact("regression"));
    trainer.deploy("good", &good);
    let running = device.start(&trainer);
    for (id, bytes) in [("good", &good), ("slow", &slow)] {
        trainer.deploy_as("pump", id, bytes, |model| model.limits.latency_p99_us_max = Some(100));
        running.until_serving(id);
        running.answer_windows();
        until("it is trusted", || device.slots()["current"]["deployment_id"] == id);
    }
    running.service.change("pump", |status| {
        (status.windows, status.latency_p99_us) = (LIMIT_WINDOWS_MIN, 250.0);
    });
    let reason = running.until_failed("slow");
    assert!(reason.contains("latency_p99_us_max is 100, found 250"), "{reason}");
    until("the good one serves", || running.service.serves(&good));
    until("the trainer is told", || {
        let script = trainer.script();
        let report = script.heartbeats.last().and_then(|heartbeat| heartbeat.models.first());
        let report = report.and_then(|report| report.deployment.clone());
        report.is_some_and(|report| report.error.as_ref() == Some(&reason))
    });
    running.link.end();
    // Also with no trainer in sight, and after another start.
    let running = device.start_alone();
    assert_eq!(running.service.served(), [model_format::id::Digest::of(&good)]);
    running.link.end();
}

#[test]
fn a_model_that_cannot_be_within_its_memory_limit_never_goes_into_service() {
    let (trainer, device) = (ScriptedTrainer::start(), TestDevice::new());
    trainer.deploy_as("pump", "large", &artifact("regression"), |model| {
        model.limits.memory_bytes_max = Some(1 << 20);
    });
    let running = device.start(&trainer);
    let reason = running.until_failed("large");
    assert!(reason.contains("1048576"), "{reason}");
    assert!(running.service.served().is_empty() && trainer.script().downloads.is_empty());
    running.link.end();
}
