//! Models that end the program although they were trusted: the one before comes back.

use model_format::protocol::DeploymentState;
use serde_json::json;

use super::desired;
use super::machine::{seen, serve_next, serving};
use crate::link::slots::Slots;
use crate::link::state::{
    Action, Event, Good, Machine, PROBATION_MS, PROBATION_WINDOWS, TRIES_MAX,
};

/// The slots that the program left which ended, started anew once more.
fn start_again(slots: Slots) -> (Machine, Vec<Action>, Slots) {
    let mut machine = Machine::new(slots, None);
    let actions = machine.boot(0);
    let saved = actions.iter().find_map(|action| match action {
        Action::Save(slots) => Some(slots.clone()),
        _ => None,
    });
    (machine, actions, saved.expect("a start with a young model is counted"))
}

#[test]
fn a_trusted_model_that_ends_the_program_soon_after_each_start_gives_way_to_the_one_before() {
    let mut machine = serving();
    let next = desired("next", b"next");
    serve_next(&mut machine, &next);
    let actions = machine.on(seen(PROBATION_WINDOWS, 0), 5);
    let [Action::Save(slots), ..] = &actions[..] else { panic!("{actions:?}") };
    let mut slots = slots.clone();
    for _ in 0..TRIES_MAX {
        let (mut machine, actions, saved) = start_again(slots);
        assert_eq!(actions[0], Action::Restore(Good::Deployed(next.clone())));
        machine.on(Event::Restored(Ok(json!({}))), 10);
        // It answers windows, and the program ends.
        assert!(machine.on(seen(500, 0), PROBATION_MS).is_empty());
        slots = saved;
    }
    let (mut machine, actions, saved) = start_again(slots);
    let good = desired("good", b"good");
    assert_eq!(actions[0], Action::Restore(Good::Deployed(good.clone())));
    assert_eq!((saved.current, saved.previous, saved.starts), (Some(good), None, None));
    machine.on(Event::Restored(Ok(json!({}))), 10);
    assert!(machine.on(Event::Desired(Some(next)), 20).is_empty(), "it is not tried again");
    let report = machine.report().unwrap();
    assert_eq!((report.deployment_id.as_str(), report.state), ("next", DeploymentState::Failed));
    assert!(report.error.unwrap().contains("ended 3 times"));
}

#[test]
fn a_model_that_has_been_in_service_for_long_is_not_blamed_for_ends_of_the_program() {
    let mut machine = serving();
    serve_next(&mut machine, &desired("next", b"next"));
    let actions = machine.on(seen(PROBATION_WINDOWS, 0), PROBATION_MS);
    let [Action::Save(slots), ..] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(slots.starts, None);
    for _ in 0..2 * TRIES_MAX {
        let actions = Machine::new(slots.clone(), None).boot(0);
        assert_eq!(actions, [Action::Restore(Good::Deployed(desired("next", b"next")))]);
    }
}

#[test]
fn a_crashing_model_with_none_before_it_goes_on() {
    let slots = Slots {
        current: Some(desired("only", b"only")),
        starts: Some(TRIES_MAX),
        ..Slots::default()
    };
    let actions = Machine::new(slots, None).boot(0);
    assert_eq!(actions, [Action::Restore(Good::Deployed(desired("only", b"only")))]);
}
