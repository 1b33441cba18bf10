//! The loop around the state machine: carries its actions out, and talks to the trainer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use model_format::protocol::{
    Deployed, DeploymentReport, DeploymentState, DesiredState, Heartbeat, PROTOCOL_VERSION,
};

use super::state::{Action, Event, Good, Machine};
use super::state_folder::StateFolder;
use super::trainer::{EnrolledTrainer, RequestError};
use super::worker::Task;
use super::{Pace, Stop};
use crate::backoff::{Backoff, about_ms, random};
use crate::service::{LinkStatus, Service, SharedLinkStatus};

/// Shortest and longest time between two heartbeats that a trainer may ask for, in seconds.
const HEARTBEAT_S: (u32, u32) = (1, 3600);

/// Most streams in a heartbeat.
const STREAMS_MAX: usize = 100;

/// What the loop works with.
pub(super) struct Parts {
    pub(super) folder: Arc<StateFolder>,
    pub(super) trainer: Option<Arc<EnrolledTrainer>>,
    pub(super) service: Arc<dyn Service>,
    pub(super) tasks: SyncSender<Task>,
    pub(super) events: Receiver<Event>,
    pub(super) abort: Arc<AtomicBool>,
    pub(super) status: SharedLinkStatus,
    pub(super) stop: Stop,
    pub(super) pace: Pace,
    pub(super) heartbeat_s: u32,
}

/// How the trainer answered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contact {
    Answers,
    Away,
    Unknown,
}

pub(super) struct Heart {
    machine: Machine,
    parts: Parts,
    start: Instant,
    backoff: Backoff,
    contact: Option<Contact>,
    next_beat_ms: u64,
    next_look_ms: u64,
    /// What the trainer was told last of the deployment.
    told: Option<(String, DeploymentState)>,
}

impl Heart {
    pub(super) fn new(machine: Machine, parts: Parts) -> Heart {
        Heart {
            machine,
            start: Instant::now(),
            backoff: Backoff::new(parts.pace.retry_ms.0, parts.pace.retry_ms.1),
            contact: None,
            next_beat_ms: 0,
            next_look_ms: 0,
            told: None,
            parts,
        }
    }

    /// Waits until the first model is in service, or it is known that there is none.
    ///
    /// # Errors
    /// There is no model but the given one, and it cannot serve.
    pub(super) fn boot(&mut self) -> anyhow::Result<()> {
        let actions = self.machine.boot(self.now_ms());
        self.carry_out(actions);
        while self.machine.is_restoring() {
            let Ok(event) = self.parts.events.recv() else { break };
            if let Event::Restored(Err(reason)) = &event
                && matches!(self.machine.restoring(), Some(Good::Given(_)))
            {
                bail!("the given model cannot serve: {reason}");
            }
            self.take(event);
        }
        self.publish();
        Ok(())
    }

    /// Works until the end of the program.
    pub(super) fn run(mut self) {
        while !self.parts.stop.is_stopped() {
            let tick = Duration::from_millis(self.parts.pace.tick_ms);
            match self.parts.events.recv_timeout(tick) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    tracing::error!("the thread that loads models has ended; restart the program");
                    return;
                }
            }
            if self.now_ms() >= self.next_look_ms {
                self.next_look_ms = self.now_ms() + self.parts.pace.tick_ms;
                let status = self.parts.service.status();
                let (windows, failed_windows) = (status.windows, status.failed_windows);
                self.take(Event::Observed { windows, failed_windows });
            }
            self.beat_if_due();
            self.publish();
        }
        self.parts.abort.store(true, Ordering::Relaxed);
    }

    fn take(&mut self, event: Event) {
        let now_ms = self.now_ms();
        tracing::trace!(?event, "link event");
        let before = self.machine.report();
        let actions = self.machine.on(event, now_ms);
        self.carry_out(actions);
        log_change(before.as_ref(), self.machine.report().as_ref());
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Save(slots) => {
                    if let Err(error) = slots.save(&self.parts.folder) {
                        tracing::error!(error = format!("{error:#}"), "the slots are not saved");
                        let now_ms = self.now_ms();
                        self.machine.on(Event::NotSaved(format!("{error:#}")), now_ms);
                        return;
                    }
                }
                Action::Clean(slots) => slots.clean(&self.parts.folder),
                Action::Abort => self.parts.abort.store(true, Ordering::Relaxed),
                Action::Download(model) => self.give(Task::Download(model)),
                Action::Prove(model) => self.give(Task::Prove(model)),
                Action::Swap => self.give(Task::Swap),
                Action::Restore(good) => self.give(Task::Restore(good)),
                Action::TakeOut => self.give(Task::TakeOut),
            }
        }
    }

    fn give(&mut self, task: Task) {
        match self.parts.tasks.try_send(task) {
            Ok(()) => {}
            // The machine has one thing done at a time, so the queue has room.
            Err(TrySendError::Full(task)) => tracing::error!(?task, "a task had no room"),
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn beat_if_due(&mut self) {
        let Some(trainer) = self.parts.trainer.clone() else { return };
        let state = self.machine.report().map(|report| (report.deployment_id, report.state));
        // News are told at once, unless nobody listens.
        let is_news = state != self.told && self.contact == Some(Contact::Answers);
        if self.now_ms() < self.next_beat_ms && !is_news {
            return;
        }
        let answer = trainer.heartbeat(&self.heartbeat());
        let wait_ms = match answer {
            Ok(desired) => {
                self.told = state;
                self.heard(desired)
            }
            Err(error) => self.not_heard(&error),
        };
        self.next_beat_ms = self.now_ms() + wait_ms;
    }

    /// Follows an answer; gives the wait until the next heartbeat.
    fn heard(&mut self, desired: DesiredState) -> u64 {
        if self.contact.is_some_and(|contact| contact != Contact::Answers) {
            tracing::info!("the trainer answers again");
        }
        self.contact = Some(Contact::Answers);
        self.backoff.reset();
        self.parts.heartbeat_s = desired.heartbeat_s;
        self.take(Event::Desired(desired.model));
        let heartbeat_s = self.parts.heartbeat_s.clamp(HEARTBEAT_S.0, HEARTBEAT_S.1);
        about_ms(u64::from(heartbeat_s) * 1000, random())
    }

    /// Tells a failure once; gives the wait until the next heartbeat.
    fn not_heard(&mut self, error: &RequestError) -> u64 {
        let contact = if error.is_unknown_device() { Contact::Unknown } else { Contact::Away };
        let is_news = self.contact != Some(contact);
        self.contact = Some(contact);
        if contact == Contact::Unknown {
            if is_news {
                tracing::error!(
                    %error,
                    "the trainer does not know this device any more; the device goes on with its \
                     model. To enrol it again, remove device.json from its state folder and start \
                     it with --trainer and --token"
                );
            }
            return about_ms(self.parts.pace.unknown_ms, random());
        }
        if is_news {
            tracing::warn!(%error, "no answer to a heartbeat; the device goes on and asks again");
        }
        self.backoff.after_failure_ms(random())
    }

    fn heartbeat(&self) -> Heartbeat {
        let status = self.parts.service.status();
        let mut streams = status.streams;
        streams.truncate(STREAMS_MAX);
        Heartbeat {
            protocol_version: PROTOCOL_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.start.elapsed().as_secs(),
            memory_bytes: crate::memory::resident_bytes().unwrap_or_default(),
            serving: self.serving(),
            deployment: self.machine.report(),
            broker_connected: status.broker_connected,
            streams,
            windows: status.windows,
            dropped_samples: status.dropped_samples,
            dropped_results: status.dropped_results,
        }
    }

    fn serving(&self) -> Option<Deployed> {
        self.machine.serving().map(|good| match good {
            Good::Deployed(model) => Deployed {
                artifact_sha256: model.artifact_sha256,
                deployment_id: Some(model.deployment_id.clone()),
            },
            Good::Given(artifact) => Deployed { artifact_sha256: *artifact, deployment_id: None },
        })
    }

    fn publish(&self) {
        let status = LinkStatus {
            trainer_answers: self.contact.map(|contact| contact == Contact::Answers),
            serving: self.serving(),
            deployment: self.machine.report(),
        };
        *self.parts.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

/// Says how a deployment goes on.
fn log_change(before: Option<&DeploymentReport>, after: Option<&DeploymentReport>) {
    let Some(after) = after else { return };
    let is_same = |before: &DeploymentReport| {
        before.deployment_id == after.deployment_id && before.state == after.state
    };
    if before.is_some_and(is_same) {
        return;
    }
    match (&after.state, &after.error) {
        (DeploymentState::Failed, reason) => {
            let reason = reason.as_deref().unwrap_or_default();
            tracing::error!(deployment.id = after.deployment_id, reason, "a deployment failed");
        }
        (state, _) => {
            tracing::info!(deployment.id = after.deployment_id, ?state, "a deployment goes on");
        }
    }
}
