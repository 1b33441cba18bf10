//! The state machine that decides which model of one name the device serves: events in, actions out.
//!
//! It knows no clock, disk or network, and no other name. Its promises, whatever comes in whatever
//! order, and wherever the program is killed: a model serves only after its proof; the last good model
//! stays on the disk and can be returned to; a deployment that failed is not tried again by itself.

mod by_hand;
mod going_back;
mod message;
mod watching;
mod withdrawal;

use model_format::id::Digest;
use model_format::protocol::{DeploymentReport, DeploymentState, DesiredModel};
use serde_json::Value;

use super::slots::{Candidate, FailedDeployment, Slots};

pub(super) use message::{Action, DownloadFailure, Event, Good, Observed};
#[cfg(test)]
pub(super) use watching::{LIMIT_WINDOWS_MIN, MEMORY_LOOKS_MIN};

/// How often loading a candidate is begun, and how often a program is started with a model that has
/// never been in service for long; a program that ends meanwhile may have been ended by it.
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
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "few are ever there at once")]
enum Phase {
    Idle,
    Downloading,
    Proving,
    Swapping,
    Restoring(Good),
    TakingOut,
    Ended,
}

/// What the trainer says that the device shall serve under this name.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "few are ever there at once")]
enum Wanted {
    /// It has not said yet.
    Unknown,
    /// No deployed model.
    Nothing,
    Model(DesiredModel),
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
    /// What the trainer says.
    told: Wanted,
    phase: Phase,
    /// The model in service is new and being watched.
    is_new: bool,
    /// Since when the model in service has been so.
    since_ms: u64,
    /// What is counted towards the limits of the model in service.
    tally: watching::Tally,
    /// The model in service fails on windows, or breaks a limit.
    failing: Option<String>,
    /// Somebody asked to go back.
    going_back: bool,
    /// Another model is on trial that may end the program: this one's candidate waits.
    is_held: bool,
    /// Downloads of the candidate that arrived damaged, and that broke off.
    damaged: u32,
    broken_off: u32,
    download_again_ms: u64,
    /// The download or proof that is said to be done waits for the slots to be written.
    task_waits: bool,
    /// When the slots are written again that could not be written.
    save_again_ms: Option<u64>,
}

impl Machine {
    /// The machine of a program that has just started; `given` is the model of the command line.
    pub(super) fn new(slots: Slots, given: Option<Digest>) -> Machine {
        let installed = slots.installed.as_ref().map(|installed| &installed.model);
        let candidate = slots.candidate.as_ref().map(|candidate| &candidate.model);
        let deployed = candidate.filter(|&candidate| Some(candidate) != installed);
        Machine {
            told: deployed.cloned().map_or(Wanted::Unknown, Wanted::Model),
            slots,
            given,
            serving: None,
            proof: None,
            ready_proof: None,
            phase: Phase::Idle,
            is_new: false,
            since_ms: 0,
            tally: watching::Tally::default(),
            failing: None,
            going_back: false,
            is_held: false,
            damaged: 0,
            broken_off: 0,
            download_again_ms: 0,
            task_waits: false,
            save_again_ms: None,
        }
    }

    /// The first actions: the last good model before anything else.
    pub(super) fn boot(&mut self, now_ms: u64) -> Vec<Action> {
        let mut is_changed = self.count_start();
        if let Some(candidate) = &self.slots.candidate
            && candidate.tries >= TRIES_MAX
        {
            let reason = format!(
                "the program ended {TRIES_MAX} times while this model was being loaded or was new \
                 in service; look into its log, then deploy the model again"
            );
            self.fail_candidate(&reason);
            is_changed = true;
        }
        if is_changed { self.restore_and_save(now_ms) } else { self.restore(now_ms) }
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
            Event::Swapped => self.swapped(now_ms),
            Event::Restored(result) => self.restored(result, now_ms),
            Event::TakenOut => self.taken_out(now_ms),
            Event::Observed(seen) => self.observed(seen, now_ms),
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

    /// True where there is nothing to do for this name any more, and nothing that serves.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Idle
            && self.serving.is_none()
            && self.given.is_none()
            && self.slots == Slots::default()
            && !matches!(self.told, Wanted::Model(_))
    }

    /// True while the program may end because of a model of this name: a candidate that was begun, or
    /// a last good one with which the program has ended before.
    pub(super) fn is_on_trial(&self) -> bool {
        let candidate = self.slots.candidate.as_ref();
        candidate.is_some_and(|candidate| candidate.tries > 0)
            || self.slots.starts.is_some_and(|starts| starts > 1)
    }

    /// Whether this is the deployment that the name shall serve.
    pub(super) fn wants(&self, deployment_id: &str) -> bool {
        matches!(self.wanted(), Wanted::Model(model) if model.deployment_id == deployment_id)
    }

    /// Whether the candidate waits for another name's trial.
    pub(super) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// True while a good model is going into service.
    pub(super) fn is_restoring(&self) -> bool {
        self.restoring().is_some()
    }

    /// How the newest deployment of this name stands.
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

    fn serves_current(&self) -> bool {
        self.slots.current.as_ref().is_some_and(|current| self.serves(current))
    }

    fn desired(&mut self, model: Option<DesiredModel>, now_ms: u64) -> Vec<Action> {
        if let (Some(model), Some(installed)) = (&model, &self.slots.installed)
            && installed.over.as_ref() != Some(&model.deployment_id)
        {
            // Deployed later than somebody installed something: it counts.
            self.slots.installed = None;
        }
        self.told = model.map_or(Wanted::Nothing, Wanted::Model);
        match self.phase {
            Phase::Idle => self.follow(now_ms),
            Phase::Downloading if self.is_superseded() => vec![Action::Abort],
            _ => Vec::new(),
        }
    }

    /// What this name shall serve: what was installed by hand as long as that counts, else what the
    /// trainer says.
    fn wanted(&self) -> Wanted {
        match &self.slots.installed {
            Some(installed) => Wanted::Model(installed.model.clone()),
            None => self.told.clone(),
        }
    }

    /// What to do next, when nothing is being done.
    fn follow(&mut self, now_ms: u64) -> Vec<Action> {
        if std::mem::take(&mut self.going_back)
            && let Some(actions) = self.go_back_by_hand(now_ms)
        {
            return actions;
        }
        if let Some(reason) = self.failing.take() {
            return self.go_back(&reason, now_ms);
        }
        let wanted = match self.wanted() {
            Wanted::Unknown => return Vec::new(),
            Wanted::Nothing => return self.withdraw(),
            Wanted::Model(model) => model,
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
        if self.is_held || self.serves(&candidate) || now_ms < self.download_again_ms {
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
        let DesiredModel { deployment_id, limits, .. } = serving.clone();
        let same = DesiredModel { deployment_id, limits, ..wanted.clone() };
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
        // Other limits may come with it.
        self.tally = watching::Tally::default();
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
        self.task_waits = true;
        actions.push(Action::Download(wanted));
        actions
    }

    fn downloaded(&mut self, result: Result<(), DownloadFailure>, now_ms: u64) -> Vec<Action> {
        if self.phase != Phase::Downloading {
            return Vec::new();
        }
        self.phase = Phase::Idle;
        if self.is_interrupted() {
            return self.follow(now_ms);
        }
        match result {
            // It is here, and is asked for again when its turn comes.
            Ok(()) if self.is_held => Vec::new(),
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
        let save = self.save();
        self.task_waits = true;
        vec![save, Action::Prove(model)]
    }

    fn proved(&mut self, result: Result<Value, String>, now_ms: u64) -> Vec<Action> {
        if self.phase != Phase::Proving {
            return Vec::new();
        }
        self.phase = Phase::Idle;
        if self.is_interrupted() {
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

    fn swapped(&mut self, now_ms: u64) -> Vec<Action> {
        let (Phase::Swapping, Some(candidate)) = (&self.phase, &self.slots.candidate) else {
            return Vec::new();
        };
        self.serving = Some(Good::Deployed(candidate.model.clone()));
        self.proof = self.ready_proof.take();
        self.goes_into_service(now_ms);
        self.is_new = true;
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
                self.goes_into_service(now_ms);
                self.follow(now_ms)
            }
            Err(reason) => {
                self.forget(&good, &reason);
                self.restore_and_save(now_ms)
            }
        }
    }

    fn not_saved(&mut self, reason: &str, now_ms: u64) -> Vec<Action> {
        self.save_again_ms = Some(now_ms.saturating_add(SAVE_RETRY_MS));
        if self.task_waits && matches!(self.phase, Phase::Downloading | Phase::Proving) {
            self.phase = Phase::Idle;
            self.fail_candidate(reason);
        }
        Vec::new()
    }

    /// True where another deployment than the candidate's is wanted by now.
    fn is_superseded(&self) -> bool {
        let wanted = match self.wanted() {
            Wanted::Model(model) => Some(model.deployment_id),
            Wanted::Unknown | Wanted::Nothing => None,
        };
        let candidate = self.slots.candidate.as_ref();
        candidate.map(|candidate| &candidate.model.deployment_id) != wanted.as_ref()
    }

    /// True where something else comes before what was being done.
    fn is_interrupted(&self) -> bool {
        self.is_superseded() || self.failing.is_some() || self.going_back
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
        (self.save_again_ms, self.task_waits) = (None, false);
        Action::Save(self.slots.clone())
    }

    fn save_and_clean(&mut self) -> Vec<Action> {
        vec![self.save(), Action::Clean]
    }
}
