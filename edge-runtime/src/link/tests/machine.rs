//! The machine under any order of events, failures and kills, against a world that keeps its
//! promises for it: a disk, a worker, a service.

use std::collections::BTreeSet;

use model_format::id::Digest;
use model_format::protocol::{DeploymentState, DesiredModel};
use serde_json::json;

use super::desired;
use crate::link::slots::Slots;
use crate::link::state::{
    Action, DAMAGED_MAX, DownloadFailure, Event, Good, Machine, Observed, PROBATION_MS,
    PROBATION_WINDOWS, TRIES_MAX,
};

/// Walks of the machine.
const SEEDS: u64 = 2000;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What the machine works on.
struct World {
    random: Random,
    machine: Machine,
    now_ms: u64,
    /// On the disk: survive a kill.
    saved: Slots,
    files: BTreeSet<Digest>,
    /// In memory: do not.
    task: Option<Action>,
    ready: Option<Digest>,
    proved: BTreeSet<Digest>,
    served: Option<Digest>,
    /// Since when.
    served_ms: u64,
    failed_windows: u64,
    windows: u64,
    /// Artifacts that do not pass their proof, and that fail in service.
    unproved: BTreeSet<Digest>,
    failing: BTreeSet<Digest>,
    /// Artifacts that end the program on their windows: on the first, and when they are trusted.
    crashing: BTreeSet<Digest>,
    crashing_late: BTreeSet<Digest>,
    /// Deployments in their order; the last is wanted.
    deployed: Vec<DesiredModel>,
    /// Deployments that were reported as failed.
    reported: BTreeSet<String>,
    can_save: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let artifacts: Vec<Digest> = (0_u8..4).map(|at| Digest::of(&[at])).collect();
        let unproved = artifacts.iter().filter(|_| random.one_in(5)).copied().collect();
        let failing = artifacts.iter().filter(|_| random.one_in(5)).copied().collect();
        let crashing = artifacts.iter().filter(|_| random.one_in(8)).copied().collect();
        let crashing_late = artifacts.iter().filter(|_| random.one_in(8)).copied().collect();
        let mut world = World {
            random,
            machine: Machine::new(Slots::default(), None),
            now_ms: 0,
            saved: Slots::default(),
            files: BTreeSet::new(),
            task: None,
            ready: None,
            proved: BTreeSet::new(),
            served: None,
            served_ms: 0,
            failed_windows: 0,
            windows: 0,
            unproved,
            failing,
            crashing,
            crashing_late,
            deployed: Vec::new(),
            reported: BTreeSet::new(),
            can_save: true,
        };
        world.boot();
        world
    }

    /// The program starts from what is on the disk.
    fn boot(&mut self) {
        self.machine = Machine::new(self.saved.clone(), None);
        (self.task, self.ready, self.served) = (None, None, None);
        self.proved.clear();
        (self.windows, self.failed_windows) = (0, 0);
        let actions = self.machine.boot(self.now_ms);
        self.carry_out(actions, false);
    }

    fn send(&mut self, event: Event, may_kill: bool) {
        let actions = self.machine.on(event, self.now_ms);
        self.carry_out(actions, may_kill);
        self.check();
    }

    /// As the loop does it; where `may_kill`, the program may be killed between two actions.
    fn carry_out(&mut self, actions: Vec<Action>, may_kill: bool) {
        for action in actions {
            if may_kill && self.random.one_in(20) {
                return self.boot();
            }
            match action {
                Action::Save(slots) if self.can_save => self.saved = slots,
                Action::Save(_) => {
                    let event = Event::NotSaved("full".to_owned());
                    assert!(self.machine.on(event, self.now_ms).is_empty());
                    return;
                }
                Action::Clean => self.clean(),
                Action::Abort => {}
                task => {
                    assert_eq!(self.task, None, "one thing is done at a time");
                    self.begin(&task);
                    self.task = Some(task);
                }
            }
        }
    }

    fn clean(&mut self) {
        let kept = self.saved.models();
        let kept: BTreeSet<Digest> = kept.map(|model| model.artifact_sha256).collect();
        self.files.retain(|file| kept.contains(file));
    }

    fn begin(&mut self, task: &Action) {
        let Action::Prove(model) = task else { return };
        let saved = self.saved.candidate.as_ref().expect("a try is on the disk before it begins");
        assert_eq!(saved.model, *model);
        assert!((1..=TRIES_MAX).contains(&saved.tries), "{} tries", saved.tries);
        assert!(!self.reported.contains(&model.deployment_id), "failed, and tried again by itself");
    }

    /// The task that is being done ends.
    fn end_task(&mut self, may_fail: bool, may_kill: bool) {
        let event = match self.task.take() {
            None => return,
            Some(Action::Download(model)) => self.end_download(&model, may_fail),
            Some(Action::Prove(model)) => {
                self.ready = self.prove(model.artifact_sha256).ok();
                Event::Proved(self.ready.map(|_| json!({})).ok_or("differs".to_owned()))
            }
            Some(Action::Swap) => {
                self.serve(self.ready.expect("only what is ready is put into service"));
                Event::Swapped
            }
            Some(Action::TakeOut) => {
                self.served = None;
                Event::TakenOut
            }
            Some(Action::Restore(Good::Deployed(model))) => {
                let proved = self.prove(model.artifact_sha256);
                if let Ok(artifact) = proved {
                    self.serve(artifact);
                }
                Event::Restored(proved.map(|_| json!({})).map_err(str::to_owned))
            }
            Some(other) => panic!("no task: {other:?}"),
        };
        self.send(event, may_kill);
    }

    fn end_download(&mut self, model: &DesiredModel, may_fail: bool) -> Event {
        let failure = match self.random.below(if may_fail { 10 } else { 1 }) {
            1 => DownloadFailure::Aborted,
            2 => DownloadFailure::Later("away".to_owned()),
            3 => DownloadFailure::Damaged("changed".to_owned()),
            4 if self.random.one_in(4) => DownloadFailure::Final("full".to_owned()),
            _ => {
                self.files.insert(model.artifact_sha256);
                return Event::Downloaded(Ok(()));
            }
        };
        Event::Downloaded(Err(failure))
    }

    fn prove(&mut self, artifact: Digest) -> Result<Digest, &'static str> {
        if !self.files.contains(&artifact) || self.unproved.contains(&artifact) {
            return Err("differs");
        }
        self.proved.insert(artifact);
        Ok(artifact)
    }

    fn serve(&mut self, artifact: Digest) {
        assert!(self.proved.contains(&artifact), "it serves what is not proved");
        self.served = Some(artifact);
        self.served_ms = self.now_ms;
        (self.windows, self.failed_windows) = (0, 0);
    }

    /// Time passes, windows come.
    fn observe(&mut self, ms: u64, windows: u64, may_kill: bool) {
        self.now_ms += ms;
        if let Some(served) = self.served {
            self.windows += windows;
            let fails = windows > 0 && self.failing.contains(&served);
            self.failed_windows += u64::from(fails);
            let is_late = self.windows > PROBATION_WINDOWS && self.crashing_late.contains(&served);
            if windows > 0 && self.crashing.contains(&served) {
                return self.boot();
            }
            if is_late && self.now_ms - self.served_ms < PROBATION_MS {
                self.tell_windows(may_kill);
                return self.boot();
            }
        }
        self.tell_windows(may_kill);
    }

    fn tell_windows(&mut self, may_kill: bool) {
        let (windows, failed_windows) = (self.windows, self.failed_windows);
        let seen = Observed { windows, failed_windows, ..Observed::default() };
        self.send(Event::Observed(seen), may_kill);
    }

    fn deploy(&mut self) {
        let artifact = self.random.below(4) as u8;
        let mut model = desired(&format!("d{}", self.deployed.len()), &[artifact]);
        model.version = 1 + u32::from(artifact);
        self.deployed.push(model);
    }

    fn tell(&mut self, may_kill: bool) {
        if let Some(wanted) = self.deployed.last().cloned() {
            self.send(Event::Desired(Some(wanted)), may_kill);
        }
    }

    /// What must be true after each event.
    fn check(&mut self) {
        for good in self.saved.current.iter().chain(&self.saved.previous) {
            assert!(self.files.contains(&good.artifact_sha256), "a good model is gone");
        }
        if let Some(report) = self.machine.report()
            && report.state == DeploymentState::Failed
        {
            assert!(report.error.is_some());
            // A failure that a full disk did not take is forgotten by a kill.
            let saved = self.saved.failed.as_ref();
            if saved.is_some_and(|failed| failed.deployment_id == report.deployment_id) {
                self.reported.insert(report.deployment_id);
            }
        }
    }

    fn step(&mut self) {
        match self.random.below(13) {
            // A file of the disk rots; what is in memory goes on.
            12 if self.random.one_in(8) => {
                let artifact = Digest::of(&[self.random.below(4) as u8]);
                self.unproved.insert(artifact);
            }
            0 if self.deployed.len() < 12 => self.deploy(),
            0 => {}
            // What was deployed is taken away; later something else is deployed.
            1 if self.deployed.len() < 12 && self.random.one_in(8) => {
                self.send(Event::Desired(None), true);
                self.deploy();
            }
            1..=3 => self.tell(true),
            4..=7 => self.end_task(true, true),
            8 => self.boot(),
            9 => {
                self.can_save = self.random.one_in(2);
            }
            10 => {
                let ms = self.random_ms();
                self.observe(ms, 0, true);
            }
            _ => {
                let (ms, windows) = (self.random_ms(), self.random.below(PROBATION_WINDOWS + 2));
                self.observe(ms, windows, true);
            }
        }
    }

    fn random_ms(&mut self) -> u64 {
        self.random.below(PROBATION_MS / 2)
    }

    /// From now on nothing goes wrong by chance; whatever was begun comes to its end.
    fn settle(&mut self) {
        self.can_save = true;
        for step in 0..200 {
            self.tell(false);
            self.end_task(false, false);
            // Sooner and later: what ends the program soon after its start shows itself, and then what
            // is good stays for long.
            let ms = if step < 100 { 100 } else { PROBATION_MS };
            self.observe(ms, 1 + PROBATION_WINDOWS, false);
        }
        assert_eq!(self.task, None);
    }
}

#[test]
fn whatever_happens_only_proved_models_serve_and_the_good_one_stays() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.step();
        }
        world.settle();
        let Some(wanted) = world.deployed.last().cloned() else { continue };
        let report = world.machine.report().expect("the newest deployment has come to an end");
        assert_eq!(report.deployment_id, wanted.deployment_id, "seed {seed}");
        match report.state {
            DeploymentState::Serving => {
                assert_eq!(world.served, Some(wanted.artifact_sha256), "seed {seed}");
                let unfit = [&world.failing, &world.crashing];
                let is_unfit =
                    |artifacts: &&BTreeSet<Digest>| artifacts.contains(&wanted.artifact_sha256);
                assert!(!unfit.iter().any(is_unfit), "seed {seed}");
                assert_eq!(world.saved.current, Some(wanted), "seed {seed}");
            }
            DeploymentState::Failed => {
                // What fails does not go on serving where there is a good one.
                let fails = world.served.is_some_and(|served| world.failing.contains(&served));
                assert!(world.saved.current.is_none() || !fails, "seed {seed}");
                world.boot();
                world.settle();
                let current = world.saved.current.as_ref().map(|model| model.artifact_sha256);
                assert_eq!(world.served, current, "seed {seed}");
            }
            other => panic!("seed {seed}: still {other:?}"),
        }
    }
}

/// A machine that serves the deployment `good`, and nothing else to do.
pub(super) fn serving() -> Machine {
    let good = desired("good", b"good");
    let slots = Slots { current: Some(good.clone()), ..Slots::default() };
    let mut machine = Machine::new(slots, None);
    assert_eq!(machine.boot(0), [Action::Restore(Good::Deployed(good))]);
    assert!(machine.on(Event::Restored(Ok(json!({}))), 0).is_empty());
    machine
}

#[test]
fn a_download_that_breaks_off_is_asked_for_again_later_and_later() {
    let mut machine = serving();
    let next = desired("next", b"next");
    machine.on(Event::Desired(Some(next.clone())), 0);
    let mut now_ms = 0;
    for wait_ms in [2_000, 4_000, 8_000] {
        machine.on(Event::Downloaded(Err(DownloadFailure::Later("away".to_owned()))), now_ms);
        assert!(machine.on(Event::Desired(Some(next.clone())), now_ms + wait_ms - 1).is_empty());
        now_ms += wait_ms;
        let actions = machine.on(Event::Desired(Some(next.clone())), now_ms);
        assert_eq!(actions, [Action::Download(next.clone())]);
    }
}

#[test]
fn a_damaged_download_fails_the_second_time() {
    let mut machine = serving();
    machine.on(Event::Desired(Some(desired("next", b"next"))), 0);
    for _ in 1..DAMAGED_MAX {
        machine.on(Event::Downloaded(Err(DownloadFailure::Damaged("changed".to_owned()))), 0);
        assert_eq!(machine.report().unwrap().state, DeploymentState::Downloading);
    }
    machine.on(Event::Downloaded(Err(DownloadFailure::Damaged("changed".to_owned()))), 0);
    let report = machine.report().unwrap();
    assert_eq!((report.state, report.error.as_deref()), (DeploymentState::Failed, Some("changed")));
}

/// The service was looked at.
pub(super) fn seen(windows: u64, failed_windows: u64) -> Event {
    Event::Observed(Observed { windows, failed_windows, ..Observed::default() })
}

/// Brings a new model into service.
pub(super) fn serve_next(machine: &mut Machine, next: &DesiredModel) {
    machine.on(Event::Desired(Some(next.clone())), 0);
    machine.on(Event::Downloaded(Ok(())), 0);
    machine.on(Event::Proved(Ok(json!({}))), 0);
    machine.on(Event::Swapped, 0);
}

#[test]
fn a_model_that_nobody_asks_anything_is_not_the_last_good_one() {
    let mut machine = serving();
    let next = desired("next", b"next");
    serve_next(&mut machine, &next);
    let quiet = seen(0, 0);
    assert!(machine.on(quiet.clone(), PROBATION_MS - 1).is_empty());
    let actions = machine.on(quiet.clone(), PROBATION_MS);
    let [Action::Save(slots)] = &actions[..] else { panic!("{actions:?}") };
    let candidate = slots.candidate.as_ref().unwrap();
    assert_eq!((&candidate.model, candidate.tries), (&next, 0), "no end is put down to it");
    assert!(machine.on(quiet, PROBATION_MS + 1).is_empty());
    let failing = seen(1, 1);
    let actions = machine.on(failing, 2 * PROBATION_MS);
    let good = Good::Deployed(desired("good", b"good"));
    assert_eq!(actions.first(), Some(&Action::Restore(good)));
    assert_eq!(machine.report().unwrap().state, DeploymentState::Failed);
}

#[test]
fn a_model_that_answers_becomes_the_last_good_one_and_the_other_the_one_before() {
    let mut machine = serving();
    let next = desired("next", b"next");
    serve_next(&mut machine, &next);
    let answered = seen(PROBATION_WINDOWS - 1, 0);
    assert!(machine.on(answered, 100).is_empty());
    let answered = seen(PROBATION_WINDOWS, 0);
    let actions = machine.on(answered, 200);
    let mut expected = Slots {
        current: Some(next),
        previous: Some(desired("good", b"good")),
        starts: Some(0),
        ..Slots::default()
    };
    assert_eq!(actions, [Action::Save(expected.clone()), Action::Clean]);
    // Once it has been in service for long, no end of the program is put down to it.
    assert!(machine.on(seen(500, 0), PROBATION_MS - 1).is_empty());
    expected.starts = None;
    assert_eq!(machine.on(seen(500, 0), PROBATION_MS), [Action::Save(expected)]);
}

#[test]
fn what_is_taken_away_leaves_the_service_and_the_disk() {
    let mut machine = serving();
    let nothing = Slots::default();
    let actions = machine.on(Event::Desired(None), 0);
    let expected = [Action::TakeOut, Action::Save(nothing), Action::Clean];
    assert_eq!(actions, expected);
    assert!(machine.on(Event::TakenOut, 0).is_empty());
    assert!(machine.serving().is_none() && machine.report().is_none());
    // Said again, there is nothing left to do; and what is deployed then is begun as ever.
    assert!(machine.on(Event::Desired(None), 0).is_empty());
    let next = desired("next", b"next");
    let actions = machine.on(Event::Desired(Some(next.clone())), 0);
    assert_eq!(actions.last(), Some(&Action::Download(next)));
}

#[test]
fn a_candidate_that_is_taken_away_is_given_up_and_the_good_model_goes_as_well() {
    let mut machine = serving();
    machine.on(Event::Desired(Some(desired("next", b"next"))), 0);
    assert_eq!(machine.on(Event::Desired(None), 0), [Action::Abort]);
    let actions = machine.on(Event::Downloaded(Err(DownloadFailure::Aborted)), 0);
    assert_eq!(actions.first(), Some(&Action::TakeOut));
    assert!(machine.report().is_none());
}

#[test]
fn a_trainer_that_has_said_nothing_yet_takes_nothing_away() {
    let mut machine = serving();
    let observed = seen(100, 0);
    assert!(machine.on(observed, PROBATION_MS).is_empty());
    assert!(machine.serving().is_some());
}

#[test]
fn the_model_of_the_command_line_serves_again_where_a_deployed_one_is_taken_away() {
    let (good, given) = (desired("good", b"good"), Digest::of(b"given"));
    let slots = Slots { current: Some(good.clone()), ..Slots::default() };
    let mut machine = Machine::new(slots, Some(given));
    machine.boot(0);
    machine.on(Event::Restored(Ok(json!({}))), 0);
    let actions = machine.on(Event::Desired(None), 0);
    assert_eq!(actions.first(), Some(&Action::Restore(Good::Given(given))));
    assert!(machine.on(Event::Restored(Ok(json!({}))), 0).is_empty());
    assert_eq!(machine.serving(), Some(&Good::Given(given)));
    assert!(machine.on(Event::Desired(None), 0).is_empty());
}
