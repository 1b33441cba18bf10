//! The loop: lets the lanes work, looks at the service, and talks to the trainer.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use model_format::protocol::{
    DeploymentReport, DeploymentState, DesiredState, Heartbeat, INSTALLED, ModelReport,
    PROTOCOL_VERSION, version_to_speak,
};

use super::lanes::Lanes;
use super::membership::Membership;
use super::requests::Requests;
use super::trainer::{EnrolledTrainer, RequestError};
use super::{Pace, Stop};
use crate::backoff::{Backoff, about_ms, random};
use crate::service::{LinkStatus, Service, SharedLinkStatus};

/// Shortest and longest time between two heartbeats that a trainer may ask for, in seconds.
const HEARTBEAT_S: (u32, u32) = (1, 3600);

/// Most streams in a heartbeat.
const STREAMS_MAX: usize = 100;

/// What the loop works with.
pub(super) struct Parts {
    pub(super) trainer: Option<Arc<EnrolledTrainer>>,
    pub(super) membership: Option<Membership>,
    pub(super) service: Arc<dyn Service>,
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
    lanes: Lanes,
    requests: Requests,
    parts: Parts,
    start: Instant,
    backoff: Backoff,
    contact: Option<Contact>,
    /// The version of the protocol that the trainer understands.
    speaks: u32,
    next_beat_ms: u64,
    next_look_ms: u64,
    /// What the trainer was told last of deployments.
    told: Vec<(String, DeploymentState)>,
}

impl Heart {
    pub(super) fn new(lanes: Lanes, requests: Requests, parts: Parts) -> Heart {
        Heart {
            lanes,
            requests,
            start: Instant::now(),
            backoff: Backoff::new(parts.pace.retry_ms.0, parts.pace.retry_ms.1),
            contact: None,
            speaks: PROTOCOL_VERSION,
            next_beat_ms: 0,
            next_look_ms: 0,
            told: Vec::new(),
            parts,
        }
    }

    /// Waits until the first models are in service, or it is known that there are none.
    ///
    /// # Errors
    /// A model of the command line is the one to serve, and cannot.
    pub(super) fn boot(&mut self) -> anyhow::Result<()> {
        self.lanes.boot(self.now_ms())?;
        self.publish();
        Ok(())
    }

    /// Works until the end of the program.
    pub(super) fn run(mut self) {
        while !self.parts.stop.is_stopped() {
            let (tick, start) = (Duration::from_millis(self.parts.pace.tick_ms), self.start);
            self.lanes.wait(tick, || start.elapsed().as_millis() as u64);
            let now_ms = self.now_ms();
            if now_ms >= self.next_look_ms {
                self.next_look_ms = now_ms + self.parts.pace.tick_ms;
                let status = self.parts.service.status();
                self.lanes.observe(&status, crate::memory::resident_bytes(), now_ms);
                self.requests.look(&mut self.lanes, now_ms);
            }
            self.beat_if_due();
            self.publish();
        }
        self.lanes.abort();
    }

    fn beat_if_due(&mut self) {
        let Some(trainer) = self.parts.trainer.clone() else { return };
        let reports = self.lanes.reports();
        let states = reports.iter().filter_map(|report| report.deployment.as_ref());
        let states: Vec<_> =
            states.map(|report| (report.deployment_id.clone(), report.state)).collect();
        // News are told at once, unless nobody listens.
        let is_news = states != self.told && self.contact == Some(Contact::Answers);
        if self.now_ms() < self.next_beat_ms && !is_news {
            return;
        }
        let mut answer = trainer.heartbeat(&self.heartbeat(reports.clone()));
        if let Err(error) = &answer
            && error.is_not_understood()
            && let Some(speaks) = self.learn_version(&trainer)
        {
            self.speaks = speaks;
            answer = trainer.heartbeat(&self.heartbeat(reports));
        }
        let wait_ms = match answer {
            Ok(desired) => {
                self.told = states;
                self.heard(desired)
            }
            Err(error) => self.not_heard(&error, &trainer),
        };
        self.next_beat_ms = self.now_ms() + wait_ms;
    }

    /// The version to speak with a trainer that refuses what it was told, where it is another one.
    fn learn_version(&self, trainer: &EnrolledTrainer) -> Option<u32> {
        let found = trainer.protocol_version().ok()?;
        match version_to_speak(found) {
            Ok(version) if version != self.speaks => {
                tracing::info!(
                    version,
                    "the trainer speaks another version of the device protocol"
                );
                Some(version)
            }
            Ok(_) => None,
            Err(advice) => {
                tracing::error!(advice, "trainer and device do not understand each other");
                None
            }
        }
    }

    /// Follows an answer; gives the wait until the next heartbeat.
    fn heard(&mut self, desired: DesiredState) -> u64 {
        if self.contact.is_some_and(|contact| contact != Contact::Answers) {
            tracing::info!("the trainer answers again");
        }
        self.contact = Some(Contact::Answers);
        self.backoff.reset();
        self.parts.heartbeat_s = desired.heartbeat_s;
        if let Some(version) = desired.protocol_version {
            self.speaks = version.min(PROTOCOL_VERSION);
        }
        if let (Some(broker), Some(membership)) =
            (desired.broker.clone(), &mut self.parts.membership)
        {
            membership.take_broker(broker);
        }
        let now_ms = self.now_ms();
        self.lanes.desire(desired.into_models(), now_ms);
        let heartbeat_s = self.parts.heartbeat_s.clamp(HEARTBEAT_S.0, HEARTBEAT_S.1);
        about_ms(u64::from(heartbeat_s) * 1000, random())
    }

    /// Tells a failure once; gives the wait until the next heartbeat.
    fn not_heard(&mut self, error: &RequestError, trainer: &EnrolledTrainer) -> u64 {
        let contact = if error.is_unknown_device() { Contact::Unknown } else { Contact::Away };
        let is_news = self.contact != Some(contact);
        self.contact = Some(contact);
        if contact == Contact::Unknown {
            let membership = self.parts.membership.as_mut();
            if membership.is_some_and(|known| known.enrol_again(trainer, self.speaks)) {
                return about_ms(self.parts.pace.unknown_ms, random());
            }
            if is_news {
                tracing::error!(
                    %error,
                    "the trainer does not know this device any more; the device goes on with its \
                     model. To enrol it again, remove device.json from its state folder and start \
                     it with --trainer and --token; with --token-file it enrols by itself as soon as a \
                     new token is in the file"
                );
            }
            return about_ms(self.parts.pace.unknown_ms, random());
        }
        if is_news {
            tracing::warn!(%error, "no answer to a heartbeat; the device goes on and asks again");
        }
        self.backoff.after_failure_ms(random())
    }

    fn heartbeat(&self, reports: Vec<ModelReport>) -> Heartbeat {
        let status = self.parts.service.status();
        let mut streams = status.streams;
        streams.truncate(STREAMS_MAX);
        let is_of_one = self.speaks == 1;
        let one = if is_of_one { the_one(&reports) } else { None };
        Heartbeat {
            protocol_version: self.speaks,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.start.elapsed().as_secs(),
            memory_bytes: crate::memory::resident_bytes().unwrap_or_default(),
            serving: one.and_then(|one| one.serving.clone()),
            deployment: one.and_then(|one| one.deployment.clone()),
            models: if is_of_one { Vec::new() } else { reports },
            broker_connected: status.broker_connected,
            broker_revision: match is_of_one {
                true => None,
                false => self.parts.membership.as_ref().map(Membership::broker_revision),
            },
            streams,
            windows: status.windows,
            dropped_samples: status.dropped_samples,
            dropped_results: status.dropped_results,
        }
    }

    fn publish(&self) {
        let status = LinkStatus {
            trainer_answers: self.contact.map(|contact| contact == Contact::Answers),
            models: self.lanes.reports(),
        };
        *self.parts.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

/// What a trainer of protocol version 1, which desires one model, is told: of that model, or else of
/// one that serves.
fn the_one(reports: &[ModelReport]) -> Option<&ModelReport> {
    let is_deployed = |report: &DeploymentReport| !report.deployment_id.starts_with(INSTALLED);
    let deployed =
        reports.iter().find(|report| report.deployment.as_ref().is_some_and(is_deployed));
    deployed.or_else(|| reports.iter().find(|report| report.serving.is_some()))
}
