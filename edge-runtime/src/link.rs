//! The link to the trainer: decides which model the device serves, and tells how the device is.
//!
//! `state` decides and touches nothing; `worker` downloads, proves and swaps on a thread of its own;
//! `heartbeat` carries events and actions between the two and talks to the trainer. A device with
//! no trainer has all of this but the talking.

mod clock;
mod download;
mod enrolment;
mod heartbeat;
mod identity;
mod memory;
mod prepare;
mod slots;
mod state;
mod state_folder;
mod stop;
#[cfg(test)]
mod tests;
mod trainer;
mod trainer_url;
mod worker;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use model_format::artifact::{Artifact, FILE_BYTES_MAX};

use crate::service::{Service, SharedLinkStatus};
use heartbeat::Heart;
use memory::MemoryLimit;
use slots::Slots;
use state::Machine;
use trainer::EnrolledTrainer;
use worker::{GivenModel, Worker};

pub(crate) use enrolment::{Enrolled, TrainerAccess, enrol_or_load};
pub(crate) use state_folder::StateFolder;
pub(crate) use stop::Stop;
pub(crate) use trainer_url::TrainerUrl;

/// Longest time that the end of the program waits for a request that is under way. Nothing is lost
/// by not waiting: whatever counts is on the disk before it counts.
const END_TIME_MAX: Duration = Duration::from_secs(2);

/// What the link needs.
pub(crate) struct LinkConfig {
    /// The state folder.
    pub(crate) folder: Arc<StateFolder>,
    /// The device as its trainer knows it; none for a device on its own.
    pub(crate) enrolled: Option<Enrolled>,
    /// The model of the command line: it serves as long as no deployed one does.
    pub(crate) given: Option<PathBuf>,
    /// The most resident memory that the program may occupy with a model loaded.
    pub(crate) memory_limit_bytes: Option<u64>,
    /// Where the link tells how it is.
    pub(crate) status: SharedLinkStatus,
    /// How long things wait.
    pub(crate) pace: Pace,
}

/// How long things wait, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How often the service is looked at.
    pub(crate) tick_ms: u64,
    /// First and longest wait before a trainer that does not answer is asked again.
    pub(crate) retry_ms: (u64, u64),
    /// Wait before a trainer that does not know the device is asked again.
    pub(crate) unknown_ms: u64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { tick_ms: 500, retry_ms: (1000, 60_000), unknown_ms: 300_000 }
    }
}

/// The running link.
pub(crate) struct Link {
    stop: Stop,
    ended: Receiver<()>,
}

impl Link {
    /// Puts the last good model into service, or else the given one, and starts to follow the
    /// trainer. Waits for the first model to be in service: not for asynchronous threads, nor for
    /// one that [`Service::swap`] needs.
    ///
    /// # Errors
    /// The given model cannot serve and there is no other; the state folder cannot be used.
    pub(crate) fn start(
        config: LinkConfig,
        service: Arc<dyn Service>,
        stop: Stop,
    ) -> anyhow::Result<Link> {
        let given = config.given.map(read_given).transpose()?;
        let slots = Slots::load(&config.folder)?;
        let heartbeat_s =
            config.enrolled.as_ref().map_or(1, |enrolled| enrolled.device.heartbeat_s);
        let trainer = config.enrolled.map(|Enrolled { device, identity }| {
            Arc::new(EnrolledTrainer::new(device.trainer, identity, device.device_id))
        });
        let abort = Arc::new(AtomicBool::new(false));
        let machine = Machine::new(slots, given.as_ref().map(|given| given.artifact));
        let worker = Worker {
            folder: Arc::clone(&config.folder),
            trainer: trainer.clone(),
            service: Arc::clone(&service),
            memory_limit: MemoryLimit {
                limit_bytes: config.memory_limit_bytes,
                resident_bytes: crate::memory::resident_bytes,
            },
            given,
            abort: Arc::clone(&abort),
            ready: None,
        };
        // One task at a time, one event for each.
        let (task_sender, tasks) = sync_channel(1);
        let (event_sender, events) = sync_channel(1);
        // Nothing is ever sent: it closes when both threads have ended.
        let (alive, ended) = sync_channel::<()>(1);
        let worker_alive = alive.clone();
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        named("link-worker")
            .spawn(move || {
                worker.run(&tasks, &event_sender);
                drop(worker_alive);
            })
            .context("the system gives no thread")?;
        let mut heart = Heart::new(
            machine,
            heartbeat::Parts {
                folder: config.folder,
                trainer,
                service,
                tasks: task_sender,
                events,
                abort,
                status: config.status,
                stop: stop.clone(),
                pace: config.pace,
                heartbeat_s,
            },
        );
        heart.boot()?;
        named("link")
            .spawn(move || {
                heart.run();
                drop(alive);
            })
            .context("the system gives no thread")?;
        Ok(Link { stop, ended })
    }

    /// Ends the link. A request that is under way is not waited for long.
    pub(crate) fn end(self) {
        self.stop.stop();
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(END_TIME_MAX) {
            tracing::info!("the link ends with a request under way; it will be asked again");
        }
    }
}

fn read_given(path: PathBuf) -> anyhow::Result<GivenModel> {
    let name = path.display();
    let file = File::open(&path)
        .and_then(|file| state_folder::read_bounded(file, FILE_BYTES_MAX as u64))
        .with_context(|| format!("{name} cannot be read"))?;
    let artifact = Artifact::read(&file)
        .map_err(|error| anyhow!("{name} is not a model that cirame-trainer exported: {error}"))?;
    Ok(GivenModel { artifact: artifact.sha256(), path })
}
