//! The link to the trainer: decides which models the device serves, and tells how the device is.
//!
//! `state` decides for one name and touches nothing; `worker` downloads, proves and swaps on a thread of
//! its own; `lanes` has both for each name and carries events and actions between them; `heartbeat`
//! talks to the trainer, `requests` to people on the device. A device with no trainer has all of this but
//! the talking.

mod by_hand;
mod clock;
mod download;
mod engines;
mod enrolment;
mod enrolment_token;
mod heartbeat;
mod identity;
mod lanes;
mod membership;
mod memory;
mod model_keys;
mod prepare;
mod requests;
mod slots;
mod state;
mod state_folder;
mod stop;
#[cfg(test)]
mod tests;
mod trainer;
mod trainer_url;
mod worker;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use model_format::artifact::FILE_BYTES_MAX;
use model_format::id::Digest;
use model_format::protocol::check_topic_level;

use crate::service::{Service, SharedLinkStatus};
use heartbeat::Heart;
use lanes::Lanes;
use membership::Membership;
use memory::MemoryLimit;
use model_keys::signature_beside;
use requests::Requests;
use slots::Book;
use trainer::EnrolledTrainer;
use worker::{GivenModel, Shop};

pub(crate) use by_hand::{StandingModel, install, roll_back, standing};
pub(crate) use engines::Engines;
pub(crate) use enrolment::{Enrolled, TrainerAccess, enrol_or_load};
pub(crate) use enrolment_token::EnrolmentToken;
pub(crate) use model_keys::ModelKeys;
pub(crate) use state_folder::{StateFolder, usual_path};
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
    /// Where tokens are, for a device that enrols by itself.
    pub(crate) token: Option<EnrolmentToken>,
    /// Whether the broker is the one that the trainer names.
    pub(crate) uses_broker: bool,
    /// Has the program begin anew, with what is in the state folder then.
    pub(crate) begin_anew: Arc<dyn Fn() + Send + Sync>,
    /// The models of the command line: each serves as long as none of its name is deployed.
    pub(crate) given: Vec<PathBuf>,
    /// Whose models are trusted.
    pub(crate) keys: ModelKeys,
    /// What executes which model.
    pub(crate) engines: Engines,
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
    /// Puts the last good models into service, or else the given ones, and starts to follow the
    /// trainer. Waits for the first models to be in service: not for asynchronous threads, nor for
    /// one that [`Service::swap`] needs.
    ///
    /// # Errors
    /// A given model cannot serve and there is no other of its name; the state folder cannot be used.
    pub(crate) fn start(
        config: LinkConfig,
        service: Arc<dyn Service>,
        stop: Stop,
    ) -> anyhow::Result<Link> {
        let given = read_given(&config.given, &config.keys)?;
        let book = Book::load(&config.folder)?;
        let heartbeat_s =
            config.enrolled.as_ref().map_or(1, |enrolled| enrolled.device.heartbeat_s);
        let (trainer, membership) = config
            .enrolled
            .map(|Enrolled { device, identity }| {
                let (url, id) = (device.trainer.clone(), device.device_id.clone());
                let membership = Membership {
                    folder: Arc::clone(&config.folder),
                    device,
                    token: config.token,
                    uses_broker: config.uses_broker,
                    begin_anew: config.begin_anew,
                };
                (Arc::new(EnrolledTrainer::new(url, identity, id)), membership)
            })
            .unzip();
        let requests = Requests::new(&config.folder);
        let shop = Shop {
            folder: config.folder,
            trainer: trainer.clone(),
            service: Arc::clone(&service),
            keys: config.keys,
            engines: config.engines,
            memory_limit: MemoryLimit {
                limit_bytes: config.memory_limit_bytes,
                resident_bytes: crate::memory::resident_bytes,
            },
            loading: Arc::new(Mutex::new(())),
        };
        // Nothing is ever sent: it closes when all threads have ended.
        let (alive, ended) = sync_channel::<()>(1);
        let lanes = Lanes::new(shop, book, given, alive.clone())?;
        let parts = heartbeat::Parts {
            trainer,
            membership,
            service,
            status: config.status,
            stop: stop.clone(),
            pace: config.pace,
            heartbeat_s,
        };
        let mut heart = Heart::new(lanes, requests, parts);
        heart.boot()?;
        thread::Builder::new()
            .name("link".to_owned())
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

/// The models of the command line, by name: that of the file without its ending.
fn read_given(paths: &[PathBuf], keys: &ModelKeys) -> anyhow::Result<BTreeMap<String, GivenModel>> {
    let mut given = BTreeMap::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        ensure!(
            check_topic_level(&name),
            "{} gives its model a name that cannot be one: rename the file, without `+` and `#`",
            path.display()
        );
        let model = read_model(path, keys)?;
        if let Some(GivenModel { path: other, .. }) = given.insert(name, model) {
            return Err(anyhow!(
                "{} and {} have the same name, by which models are told apart: rename one",
                other.display(),
                path.display()
            ));
        }
    }
    Ok(given)
}

fn read_model(path: &Path, keys: &ModelKeys) -> anyhow::Result<GivenModel> {
    let name = path.display();
    let file = File::open(path)
        .and_then(|file| state_folder::read_bounded(file, FILE_BYTES_MAX as u64))
        .with_context(|| format!("{name} cannot be read"))?;
    let (artifact, signature) = (Digest::of(&file), signature_beside(path)?);
    keys.check(artifact, signature.as_ref()).map_err(|reason| anyhow!("{name}: {reason}"))?;
    Ok(GivenModel { artifact, signature, path: path.to_owned() })
}
