//! Lanes: a machine and its worker for each name, and the one book that they share.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use model_format::protocol::{
    Deployed, DeploymentReport, DeploymentState, DesiredModel, MODELS_MAX, ModelReport,
    check_topic_level,
};

use super::slots::Book;
use super::state::{Action, Event, Good, Machine, Observed};
use super::worker::{GivenModel, Shop, Task, Worker};
use crate::service::ServiceStatus;

struct Lane {
    machine: Machine,
    tasks: SyncSender<Task>,
    /// Breaks the running download off.
    abort: Arc<AtomicBool>,
}

pub(super) struct Lanes {
    shop: Shop,
    book: Book,
    lanes: BTreeMap<String, Lane>,
    given: BTreeMap<String, GivenModel>,
    /// Deployments that have no lane, and why.
    refused: Vec<ModelReport>,
    /// Names whose models may have ended the program before: tried one after the other, so that one
    /// that does so is not put down to the others.
    suspects: Vec<String>,
    sender: SyncSender<(String, Event)>,
    events: Receiver<(String, Event)>,
    /// Held by each worker: nothing is ever sent.
    alive: SyncSender<()>,
}

impl Lanes {
    /// The lanes of a program that has just started.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn new(
        shop: Shop,
        book: Book,
        given: BTreeMap<String, GivenModel>,
        alive: SyncSender<()>,
    ) -> anyhow::Result<Lanes> {
        // One task at a time in each lane, one event for each.
        let (sender, events) = sync_channel(MODELS_MAX);
        let (lanes, refused, suspects) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut lanes =
            Lanes { shop, book, lanes, given, refused, suspects, sender, events, alive };
        let names = lanes.book.models().keys().chain(lanes.given.keys());
        let names: BTreeSet<String> = names.cloned().collect();
        anyhow::ensure!(
            names.len() <= MODELS_MAX,
            "{} models are named on the command line and in the state folder; a device serves at most \
             {MODELS_MAX} at once",
            names.len()
        );
        for name in names {
            lanes.add(&name)?;
        }
        Ok(lanes)
    }

    fn add(&mut self, name: &str) -> anyhow::Result<()> {
        let given = self.given.get(name).cloned();
        let artifact = given.as_ref().map(|given| given.artifact);
        let machine = Machine::new(self.book.slots(name), artifact);
        let abort = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            shop: self.shop.clone(),
            name: name.to_owned(),
            given,
            abort: Arc::clone(&abort),
            ready: None,
        };
        let (tasks, receiver) = sync_channel(1);
        let (events, alive) = (self.sender.clone(), self.alive.clone());
        let work = move || {
            worker.run(&receiver, &events);
            drop(alive);
        };
        let thread = thread::Builder::new().name("link-worker".to_owned());
        thread.spawn(work).context("the system gives no thread")?;
        self.lanes.insert(name.to_owned(), Lane { machine, tasks, abort });
        Ok(())
    }

    /// Puts good models into service, and waits until they are.
    ///
    /// # Errors
    /// A model of the command line is the one to serve, and cannot.
    pub(super) fn boot(&mut self, now_ms: u64) -> anyhow::Result<()> {
        let names: Vec<String> = self.lanes.keys().cloned().collect();
        for name in &names {
            let Some(lane) = self.lanes.get_mut(name) else { continue };
            let actions = lane.machine.boot(now_ms);
            self.carry_out(name, actions, now_ms);
        }
        let is_on_trial = |name: &String| self.lanes[name].machine.is_on_trial();
        self.suspects = names.into_iter().filter(is_on_trial).collect();
        self.hold();
        while self.lanes.values().any(|lane| lane.machine.is_restoring()) {
            let Ok((name, event)) = self.events.recv() else { break };
            let restoring = self.lanes.get(&name).and_then(|lane| lane.machine.restoring());
            if let (Event::Restored(Err(reason)), Some(Good::Given(_))) = (&event, restoring) {
                bail!("the model {name} that was given cannot serve: {reason}");
            }
            self.take(&name, event, now_ms);
        }
        Ok(())
    }

    /// Waits for an event, at most for `tick`.
    pub(super) fn wait(&mut self, tick: Duration, now_ms: impl Fn() -> u64) {
        if let Ok((name, event)) = self.events.recv_timeout(tick) {
            self.take(&name, event, now_ms());
        }
    }

    /// Looks at the service.
    pub(super) fn observe(&mut self, status: &ServiceStatus, memory: Option<u64>, now_ms: u64) {
        let names: Vec<String> = self.lanes.keys().cloned().collect();
        for name in names {
            let model = status.models.get(&name).copied().unwrap_or_default();
            let seen = Observed {
                windows: model.windows,
                failed_windows: model.failed_windows,
                latency_p99_us: model.latency_p99_us,
                memory_bytes: memory,
            };
            self.take(&name, Event::Observed(seen), now_ms);
        }
    }

    /// Follows what the trainer says: each name has at most one model; names that are not there are
    /// withdrawn.
    pub(super) fn desire(&mut self, models: Vec<DesiredModel>, now_ms: u64) {
        let mut desired: BTreeMap<String, DesiredModel> = BTreeMap::new();
        self.refused.clear();
        for model in models {
            let name = model.model.clone();
            if !check_topic_level(&name) {
                let reason = "1 to 200 bytes without `/`, `+`, `#` and control characters can be \
                              the name of a model: give it another name";
                self.refuse(&model, reason);
                continue;
            }
            match desired.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(model);
                }
                Entry::Occupied(_) => {
                    self.refuse(&model, "another deployment has the same name of a model");
                }
            }
        }
        let gone: Vec<String> =
            self.lanes.keys().filter(|name| !desired.contains_key(*name)).cloned().collect();
        for name in gone {
            self.take(&name, Event::Desired(None), now_ms);
        }
        self.lanes.retain(|_, lane| !lane.machine.is_over());
        for (name, model) in desired {
            if !self.lanes.contains_key(&name)
                && let Err(reason) = self.admit(&name)
            {
                self.refuse(&model, &reason);
                continue;
            }
            self.take(&name, Event::Desired(Some(model)), now_ms);
        }
    }

    /// Makes room for another name.
    fn admit(&mut self, name: &str) -> Result<(), String> {
        if self.lanes.len() >= MODELS_MAX {
            return Err(format!(
                "{MODELS_MAX} models are on this device already: take one away before another is \
                 deployed"
            ));
        }
        self.add(name).map_err(|error| format!("{error:#}"))
    }

    fn refuse(&mut self, model: &DesiredModel, reason: &str) {
        if self.refused.len() < MODELS_MAX {
            let deployment = DeploymentReport {
                deployment_id: model.deployment_id.clone(),
                state: DeploymentState::Failed,
                error: Some(reason.to_owned()),
                proof: None,
            };
            let name = model.model.chars().take(80).collect();
            let deployment = Some(deployment);
            self.refused.push(ModelReport { model: name, serving: None, deployment });
        }
    }

    /// Goes back to the model before; where no name is given, there must be one alone.
    ///
    /// # Errors
    /// Says what there is.
    pub(super) fn roll_back(&mut self, name: Option<&str>, now_ms: u64) -> Result<String, String> {
        let name = chosen(name, self.lanes.keys().map(String::as_str))?;
        let lane = self.lanes.get_mut(&name).ok_or("there is no such model")?;
        let actions = lane.machine.roll_back(now_ms)?;
        self.carry_out(&name, actions, now_ms);
        Ok(name)
    }

    /// Takes a model that somebody brought; its file is there already.
    ///
    /// # Errors
    /// There is no room for another name.
    pub(super) fn install(&mut self, model: DesiredModel, now_ms: u64) -> Result<(), String> {
        let name = model.model.clone();
        if !self.lanes.contains_key(&name) {
            self.admit(&name)?;
        }
        let Some(lane) = self.lanes.get_mut(&name) else { return Ok(()) };
        let actions = lane.machine.install(model, now_ms);
        self.carry_out(&name, actions, now_ms);
        Ok(())
    }

    fn take(&mut self, name: &str, event: Event, now_ms: u64) {
        tracing::trace!(model = name, ?event, "link event");
        let Some(lane) = self.lanes.get_mut(name) else { return };
        let before = lane.machine.report();
        let actions = lane.machine.on(event, now_ms);
        self.carry_out(name, actions, now_ms);
        self.hold();
        let after = self.lanes.get(name).and_then(|lane| lane.machine.report());
        log_change(name, before.as_ref(), after.as_ref());
    }

    /// The first suspect is on trial, the others wait.
    fn hold(&mut self) {
        let lanes = &self.lanes;
        self.suspects.retain(|name| lanes.get(name).is_some_and(|lane| lane.machine.is_on_trial()));
        for (name, lane) in &mut self.lanes {
            let place = self.suspects.iter().position(|suspect| suspect == name);
            lane.machine.hold(place.is_some_and(|place| place > 0));
        }
    }

    fn carry_out(&mut self, name: &str, actions: Vec<Action>, now_ms: u64) {
        for action in actions {
            match action {
                Action::Save(slots) => {
                    if let Err(error) = self.book.save(&self.shop.folder, name, slots) {
                        let error = format!("{error:#}");
                        tracing::error!(error, "the slots are not saved");
                        if let Some(lane) = self.lanes.get_mut(name) {
                            lane.machine.on(Event::NotSaved(error), now_ms);
                        }
                        return;
                    }
                }
                Action::Clean => self.book.clean(&self.shop.folder),
                Action::Abort => {
                    if let Some(lane) = self.lanes.get(name) {
                        lane.abort.store(true, Ordering::Relaxed);
                    }
                }
                Action::Download(model) => self.give(name, Task::Download(model)),
                Action::Prove(model) => self.give(name, Task::Prove(model)),
                Action::Swap => self.give(name, Task::Swap),
                Action::Restore(good) => self.give(name, Task::Restore(good)),
                Action::TakeOut => self.give(name, Task::TakeOut),
            }
        }
    }

    fn give(&self, name: &str, task: Task) {
        let Some(lane) = self.lanes.get(name) else { return };
        match lane.tasks.try_send(task) {
            // The machine has one thing done at a time, so the queue has room.
            Err(TrySendError::Full(task)) => tracing::error!(?task, "a task had no room"),
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!(
                    model = name,
                    "the thread that loads models has ended; restart the program"
                );
            }
            Ok(()) => {}
        }
    }

    /// Breaks all downloads off: the program ends.
    pub(super) fn abort(&self) {
        for lane in self.lanes.values() {
            lane.abort.store(true, Ordering::Relaxed);
        }
    }

    /// How each name stands.
    pub(super) fn reports(&self) -> Vec<ModelReport> {
        let reports = self.lanes.iter().map(|(name, lane)| ModelReport {
            model: name.clone(),
            serving: lane.machine.serving().map(deployed),
            deployment: lane.machine.report(),
        });
        let said = |report: &ModelReport| report.serving.is_some() || report.deployment.is_some();
        reports.filter(said).chain(self.refused.iter().cloned()).collect()
    }

    /// Whether this is the deployment that a name shall serve.
    pub(super) fn is_wanted(&self, name: &str, deployment_id: &str) -> bool {
        self.lanes.get(name).is_some_and(|lane| lane.machine.wants(deployment_id))
    }

    /// What the workers work with.
    pub(super) fn shop(&self) -> &Shop {
        &self.shop
    }
}

/// The name that is meant: the one that is given, or the only one.
///
/// # Errors
/// Says which names there are.
pub(super) fn chosen<'a>(
    name: Option<&str>,
    names: impl Iterator<Item = &'a str>,
) -> Result<String, String> {
    let names: Vec<&str> = names.collect();
    match (name, &names[..]) {
        (Some(name), _) if names.contains(&name) => Ok(name.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (_, []) => Err("there is no model on this device".to_owned()),
        (Some(name), _) => {
            Err(format!("there is no model {name:?} on this device, but {}", names.join(", ")))
        }
        (None, _) => {
            Err(format!("several models are on this device: name one of {}", names.join(", ")))
        }
    }
}

fn deployed(good: &Good) -> Deployed {
    match good {
        Good::Deployed(model) => Deployed {
            artifact_sha256: model.artifact_sha256,
            deployment_id: Some(model.deployment_id.clone()),
        },
        Good::Given(artifact) => Deployed { artifact_sha256: *artifact, deployment_id: None },
    }
}

/// Says how a deployment goes on.
fn log_change(name: &str, before: Option<&DeploymentReport>, after: Option<&DeploymentReport>) {
    let Some(after) = after else { return };
    let is_same = |before: &DeploymentReport| {
        before.deployment_id == after.deployment_id && before.state == after.state
    };
    if before.is_some_and(is_same) {
        return;
    }
    let id = &after.deployment_id;
    match (&after.state, &after.error) {
        (DeploymentState::Failed, reason) => {
            let reason = reason.as_deref().unwrap_or_default();
            tracing::error!(deployment.id = id, model = name, reason, "a deployment failed");
        }
        (state, _) => {
            tracing::info!(deployment.id = id, model = name, ?state, "a deployment goes on");
        }
    }
}
