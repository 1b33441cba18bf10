//! The state machine that decides which model the device serves: events in, actions out.
//!
//! It knows no clock, disk or network. Its promises, whatever comes in whatever order, and wherever
//! the program is killed: a model serves only after its proof; the last good model stays on the
//! disk and can be returned to; a deployment that failed is not tried again by itself.

mod message;
mod withdrawal;

use model_format::id::Digest;
use model_format::protocol::{DeploymentReport, DeploymentState, DesiredModel};
use serde_json::Value;

use super::slots::{Candidate, FailedDeployment, Slots};

pub(super) use message::{Action, DownloadFailure, Event, Good};

/// How often loading a candidate is begun; a program that ends meanwhile may have been ended by it.
pub(super) const TRIES_MAX: u32 = 3;
/// How often an artifact is fetched anew that arrived damaged.
pub(super) const DAMAGED_MAX: u32 = 2;
/// Windows that a model must answer before it is trusted.
pub(super) const PROBATION_WINDOWS: u64 = 20;
/// Time in service after which an end of the program is no longer put down to the new model.
pub(super) const PROBATION_MS: u64 = 60_000;
/// Wait after the first download that broke off, and the longest.
const DOWNLOAD_RETRY_MS: (u64, u64) = (2_000, 300_000);
/// Time after which slots that could not be written are written again.
const SAVE_RETRY_MS: u64 = 30_000;

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Downloading,
    Proving,
    Swapping,
    Restoring(Good),
    TakingOut,
    Ended,
}

/// What the trainer says that the device shall serve.
#[derive(Clone, Debug)]
enum Wanted {
    /// It has not said yet.
    Unknown,
    /// No deployed model.
    Nothing,
    Model(DesiredModel),
}

/// The model in service is being watched.
#[derive(Clone, Copy, Debug)]
struct Watch {
    since_ms: u64,
    /// Windows that had been answered when it began.
    windows: u64,
}

/// The machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    slots: Slots,
    /// The model of the command line, as long as it is not known to be broken.
    given: Option<Digest>,
    serving: Option<Good>,
    /// The proof of the model in service.
    proof: Option<Value>,
    /// The proof of the model that is going into service.
    ready_proof: Option<Value>,
    wanted: Wanted,
    phase: Phase,
    watch: Option<Watch>,
    /// The model in service fails on windows.
    failing: Option<String>,
    /// Downloads of the candidate that arrived damaged, and that broke off.
    damaged: u32,
    broken_off: u32,
    download_again_ms: u64,
    /// When the slots are written again that could not be written.
    save_again_ms: Option<u64>,
}

impl Machine {
    /// The machine of a program that has just started; `given` is the model of the command line.
    pub(super) fn new(slots: Slots, given: Option<Digest>) -> Machine {
        Machine {
            wanted: slots
                .candidate
                .as_ref()
                .map_or(Wanted::Unknown, |candidate| Wanted::Model(candidate.model.clone())),
            slots,
            given,
            serving: None,
            proof: None,
            ready_proof: None,
            phase: Phase::Idle,
            watch: None,
            failing: None,
            damaged: 0,
            broken_off: 0,
            download_again_ms: 0,
            save_again_ms: None,
        }
    }

    /// The first actions: the last good model before anything else.
    pub(super) fn boot(&mut self, now_ms: u64) -> Vec<Action> {
        if let Some(candidate) = &self.slots.candidate
            && candidate.tries >= TRIES_MAX
        {
            let reason = format!(
                "the program ended {TRIES_MAX} times while this model was being loaded or was new \
                 in service; look into its log, then deploy the model again"
            );
            self.fail_candidate(&reason);
            return self.restore_and_save(now_ms);
        }
        self.restore(now_ms)
    }

    /// Takes an event; `now_ms` counts from any moment and never goes back.
    pub(super) fn on(&mut self, event: Event, now_ms: u64) -> Vec<Action> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        match event {
            Event::Desired(model) => self.desired(model, now_ms),
            Event::Downloaded(result) => self.downloaded(result, now_ms),
            Event::Proved(result) => self.proved(result, now_ms),
            Event::Swapped { windows } => self.swapped(windows, now_ms),
            Event::Restored(result) => self.restored(result, now_ms),
            Event::TakenOut => self.taken_out(now_ms),
            Event::Observed { windows, failed_windows } => {
                self.observed(windows, failed_windows, now_ms)
            }
            Event::NotSaved(reason) => self.not_saved(&reason, now_ms),
            Event::Ending => {
                self.phase = Phase::Ended;
                Vec::new()
            }
        }
    }

    /// The model in service.
    pub(super) fn serving(&self) -> Option<&Good> {
        self.serving.as_ref()
    }

    /// The good model that is going into service.
    pub(super) fn restoring(&self) -> Option<&Good> {
        match &self.phase {
            Phase::Restoring(good) => Some(good),
            _ => None,
        }
    }

    /// True while a good model is going into service.
    pub(super) fn is_restoring(&self) -> bool {
        self.restoring().is_some()
    }

    /// How the newest deployment stands.
    pub(super) fn report(&self) -> Option<DeploymentReport> {
        let report = |id: &str, state| DeploymentReport {
            deployment_id: id.to_owned(),
            state,
            error: None,
            proof: None,
        };
        let serving = |id| DeploymentReport {
            proof: self.proof.clone(),
            ..report(id, DeploymentState::Serving)
        };
        if let Some(Candidate { model, .. }) = &self.slots.candidate {
            let id = &model.deployment_id;
            return Some(match self.phase {
                _ if self.serves(model) => serving(id),
                Phase::Proving | Phase::Swapping => report(id, DeploymentState::Proving),
                _ => report(id, DeploymentState::Downloading),
            });
        }
        if let Some(failed) = &self.slots.failed {
            let error = Some(failed.error.clone());
            let failure = report(&failed.deployment_id, DeploymentState::Failed);
            return Some(DeploymentReport { error, ..failure });
        }
        let current = self.slots.current.as_ref().filter(|model| self.serves(model))?;
        Some(serving(&current.deployment_id))
    }

    fn serves(&self, model: &DesiredModel) -> bool {
        matches!(&self.serving, Some(Good::Deployed(serving)) if serving == model)
    }

    fn serves_candidate(&self) -> bool {
        self.slots.candidate.as_ref().is_some_and(|candidate| self.serves(&candidate.model))
    }

    fn desired(&mut self, model: Option<DesiredModel>, now_ms: u64) -> Vec<Action> {
        self.wanted = model.map_or(Wanted::Nothing, Wanted::Model);
        match self.phase {
            Phase::Idle => self.follow(now_ms),
            Phase::Downloading if self.is_superseded() => vec![Action::Abort],
            _ => Vec::new(),
        }
    }

    /// What to do next, when nothing is being done.
    fn follow(&mut self, now_ms: u64) -> Vec<Action> {
        if let Some(reason) = self.failing.take() {
            return self.go_back(&reason, now_ms);
        }
        let wanted = match &self.wanted {
            Wanted::Unknown => return Vec::new(),
            Wanted::Nothing => return self.withdraw(),
            Wanted::Model(model) => model.clone(),
        };
        let is_wanted = |model: &DesiredModel| model.deployment_id == wanted.deployment_id;
        let failed = self.slots.failed.as_ref();
        if failed.is_some_and(|failed| failed.deployment_id == wanted.deployment_id) {
            return Vec::new();
        }
        let candidate = self.slots.candidate.as_ref().map(|candidate| candidate.model.clone());
        if let Some(candidate) = candidate.filter(is_wanted) {
            return self.resume(candidate, now_ms);
        }
        if self.slots.current.as_ref().is_some_and(is_wanted) {
            return self.stay(&wanted, now_ms);
        }
        if let Some(actions) = self.adopt(&wanted) {
            return actions;
        }
        self.begin(wanted)
    }

    /// A candidate that is not in service is fetched, or fetched on.
    fn resume(&mut self, candidate: DesiredModel, now_ms: u64) -> Vec<Action> {
        if self.serves(&candidate) || now_ms < self.download_again_ms {
            return Vec::new();
        }
        self.phase = Phase::Downloading;
        vec![Action::Download(candidate)]
    }

    /// The last good model is wanted: whatever else there was is over.
    fn stay(&mut self, wanted: &DesiredModel, now_ms: u64) -> Vec<Action> {
        if self.slots.candidate.is_none() && self.slots.failed.is_none() {
            return Vec::new();
        }
        self.slots.candidate = None;
        self.slots.failed = None;
        if self.serves(wanted) { self.save_and_clean() } else { self.restore_and_save(now_ms) }
    }

    /// A new deployment of the very model in service needs nothing but a note.
    fn adopt(&mut self, wanted: &DesiredModel) -> Option<Vec<Action>> {
        let Some(Good::Deployed(serving)) = &self.serving else { return None };
        let same = DesiredModel { deployment_id: serving.deployment_id.clone(), ..wanted.clone() };
        if same != *serving {
            return None;
        }
        match &mut self.slots {
            Slots { candidate: Some(Candidate { model, .. }), .. } if *model == same => {
                *model = wanted.clone();
            }
            Slots { current: Some(model), candidate, .. } if *model == same => {
                *model = wanted.clone();
                *candidate = None;
            }
            _ => return None,
        }
        self.serving = Some(Good::Deployed(wanted.clone()));
        self.slots.failed = None;
        Some(self.save_and_clean())
    }

    /// A new candidate. One before it that has answered nothing yet goes on serving meanwhile, but
    /// is no model to return to.
    fn begin(&mut self, wanted: DesiredModel) -> Vec<Action> {
        self.slots.candidate = Some(Candidate { model: wanted.clone(), tries: 0 });
        self.slots.failed = None;
        (self.damaged, self.broken_off, self.download_again_ms) = (0, 0, 0);
        self.phase = Phase::Downloading;
        let mut actions = self.save_and_clean();
        actions.push(Action::Download(wanted));
        actions
    }

    fn downloaded(&mut self, result: Result<(), DownloadFailure>, now_ms: u64) -> Vec<Action> {
        if self.phase != Phase::Downloading {
            return Vec::new();
        }
        self.phase = Phase::Idle;
        if self.is_superseded() || self.failing.is_some() {
            return self.follow(now_ms);
        }
        match result {
            Ok(()) => self.prove(),
            Err(DownloadFailure::Aborted) => self.follow(now_ms),
            Err(DownloadFailure::Later(_)) => {
                let (first_ms, limit_ms) = DOWNLOAD_RETRY_MS;
                let wait_ms = (first_ms << self.broken_off.min(16)).min(limit_ms);
                self.broken_off += 1;
                self.download_again_ms = now_ms.saturating_add(wait_ms);
                Vec::new()
            }
            Err(DownloadFailure::Damaged(reason)) => {
                self.damaged += 1;
                if self.damaged >= DAMAGED_MAX { self.fail(&reason) } else { self.follow(now_ms) }
            }
            Err(DownloadFailure::Final(reason)) => self.fail(&reason),
        }
    }

    fn prove(&mut self) -> Vec<Action> {
        let Some(candidate) = &mut self.slots.candidate else { return Vec::new() };
        candidate.tries += 1;
        let model = candidate.model.clone();
        self.phase = Phase::Proving;
        vec![self.save(), Action::Prove(model)]
    }

    fn proved(&mut self, result: Result<Value, String>, now_ms: u64) -> Vec<Action> {
        if self.phase != Phase::Proving {
            return Vec::new();
        }
        self.phase = Phase::Idle;
        if self.is_superseded() || self.failing.is_some() {
            return self.follow(now_ms);
        }
        match result {
            Ok(proof) => {
                self.ready_proof = Some(proof);
                self.phase = Phase::Swapping;
                vec![Action::Swap]
            }
            Err(reason) => self.fail(&reason),
        }
    }

    fn swapped(&mut self, windows: u64, now_ms: u64) -> Vec<Action> {
        let (Phase::Swapping, Some(candidate)) = (&self.phase, &self.slots.candidate) else {
            return Vec::new();
        };
        self.serving = Some(Good::Deployed(candidate.model.clone()));
        self.proof = self.ready_proof.take();
        self.watch = Some(Watch { since_ms: now_ms, windows });
        self.failing = None;
        self.phase = Phase::Idle;
        self.follow(now_ms)
    }

    fn restored(&mut self, result: Result<Value, String>, now_ms: u64) -> Vec<Action> {
        let Phase::Restoring(good) = std::mem::replace(&mut self.phase, Phase::Idle) else {
            return Vec::new();
        };
        match result {
            Ok(proof) => {
                self.serving = Some(good);
                self.proof = Some(proof);
                self.follow(now_ms)
            }
            Err(reason) => {
                self.forget(&good, &reason);
                self.restore_and_save(now_ms)
            }
        }
    }

    /// A good model that is good no more.
    fn forget(&mut self, good: &Good, reason: &str) {
        match good {
            Good::Given(_) => self.given = None,
            Good::Deployed(model) => {
                if self.slots.current.as_ref() == Some(model) {
                    self.slots.current = self.slots.previous.take();
                }
                if self.slots.failed.is_none() {
                    self.slots.failed = Some(FailedDeployment::new(model, reason));
                }
            }
        }
    }

    /// Puts the best of the good models into service; goes on with what is wanted where none is.
    fn restore(&mut self, now_ms: u64) -> Vec<Action> {
        self.watch = None;
        self.failing = None;
        let deployed = self.slots.current.clone().map(Good::Deployed);
        match deployed.or(self.given.map(Good::Given)) {
            Some(good) => {
                self.phase = Phase::Restoring(good.clone());
                vec![Action::Restore(good)]
            }
            None => {
                self.phase = Phase::Idle;
                self.follow(now_ms)
            }
        }
    }

    /// What serves is what matters: a good model does not wait for a disk that may be full.
    fn restore_and_save(&mut self, now_ms: u64) -> Vec<Action> {
        let mut actions = self.restore(now_ms);
        let at = if self.is_restoring() { actions.len() } else { 0 };
        actions.insert(at, self.save());
        actions
    }

    fn observed(&mut self, windows: u64, failed_windows: u64, now_ms: u64) -> Vec<Action> {
        if !matches!(self.phase, Phase::Idle | Phase::Downloading | Phase::Proving) {
            return Vec::new();
        }
        if let Some(watch) = self.watch {
            let answered = windows.saturating_sub(watch.windows);
            let is_old = now_ms.saturating_sub(watch.since_ms) >= PROBATION_MS;
            if failed_windows > 0 {
                return self.found_failing(windows, failed_windows, now_ms);
            }
            if answered >= PROBATION_WINDOWS {
                self.watch = None;
                if self.serves_candidate() {
                    self.promote();
                    return self.save_and_clean();
                }
            } else if is_old && self.serves_candidate() && self.forget_tries() {
                return vec![self.save()];
            }
        }
        if self.phase != Phase::Idle {
            return Vec::new();
        }
        if self.save_again_ms.is_some_and(|again_ms| again_ms <= now_ms) {
            return self.save_and_clean();
        }
        self.follow(now_ms)
    }

    /// The model in service fails: back to the good one, as soon as nothing else is being done.
    fn found_failing(&mut self, windows: u64, failed: u64, now_ms: u64) -> Vec<Action> {
        let is_news = self.failing.is_none();
        self.failing = Some(format!(
            "in service the engine failed on {failed} of the model's first windows ({windows} \
             were answered since the start); the device's log has the engine's words; where there is a \
             model before it, that one answers again"
        ));
        match self.phase {
            Phase::Idle => self.follow(now_ms),
            Phase::Downloading if is_news => vec![Action::Abort],
            _ => Vec::new(),
        }
    }

    fn go_back(&mut self, reason: &str, now_ms: u64) -> Vec<Action> {
        if self.serves_candidate() {
            self.fail_candidate(reason);
        }
        self.restore_and_save(now_ms)
    }

    fn not_saved(&mut self, reason: &str, now_ms: u64) -> Vec<Action> {
        self.save_again_ms = Some(now_ms.saturating_add(SAVE_RETRY_MS));
        if matches!(self.phase, Phase::Downloading | Phase::Proving) {
            self.phase = Phase::Idle;
            self.fail_candidate(reason);
        }
        Vec::new()
    }

    /// True where another deployment than the candidate's is wanted by now.
    fn is_superseded(&self) -> bool {
        let wanted = match &self.wanted {
            Wanted::Model(model) => Some(&model.deployment_id),
            Wanted::Unknown | Wanted::Nothing => None,
        };
        let candidate = self.slots.candidate.as_ref();
        candidate.map(|candidate| &candidate.model.deployment_id) != wanted
    }

    fn promote(&mut self) {
        let Some(candidate) = self.slots.candidate.take() else { return };
        self.slots.previous = self.slots.current.replace(candidate.model);
        self.slots.failed = None;
    }

    /// True where there were any.
    fn forget_tries(&mut self) -> bool {
        let candidate = self.slots.candidate.as_mut();
        candidate.is_some_and(|candidate| std::mem::take(&mut candidate.tries) > 0)
    }

    fn fail(&mut self, reason: &str) -> Vec<Action> {
        self.fail_candidate(reason);
        self.save_and_clean()
    }

    fn fail_candidate(&mut self, reason: &str) {
        if let Some(candidate) = self.slots.candidate.take() {
            self.slots.failed = Some(FailedDeployment::new(&candidate.model, reason));
        }
    }

    fn save(&mut self) -> Action {
        self.save_again_ms = None;
        Action::Save(self.slots.clone())
    }

    fn save_and_clean(&mut self) -> Vec<Action> {
        vec![self.save(), Action::Clean(self.slots.clone())]
    }
}
