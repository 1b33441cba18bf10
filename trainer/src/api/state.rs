//! What all handlers share.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::backoff::Backoff;
use super::install::EdgePrograms;
use super::metrics::Metrics;
use super::problem::{Problem, UNAVAILABLE};
use super::uploads::Writing;
use crate::broker::{Accounts, BrokerReach};
use crate::data_folder::DataFolder;
use crate::demo::Playing;
use crate::jobs::Jobs;
use crate::live::Live;
use crate::recorder::recorders::Recorders;
use crate::serve::{DeviceBroker, ServeConfig};
use crate::store::{Store, StoreError};

/// Most requests that wait for the disk at once; whoever comes later waits.
const BLOCKING_MAX: usize = 16;

/// Most passwords that are hashed at once: each takes 19 MiB.
const HASHING_MAX: usize = 2;

/// Most requests that replay recordings at once: each holds some of them in memory.
const REPLAYING_MAX: usize = 2;

/// Most requests that listen at a broker at once.
const LISTENING_MAX: usize = 4;

/// What all handlers share; cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// The parts of [`ApiState`].
pub struct Shared {
    /// The data folder with its store.
    pub folder: Arc<DataFolder>,
    /// The queue of jobs.
    pub jobs: Arc<Jobs>,
    /// Who has failed to sign in too often.
    pub backoff: Backoff,
    /// Figures for Prometheus.
    pub metrics: Metrics,
    /// What happens on devices, for those who follow them.
    pub live: Arc<Live>,
    /// The simulated machine of the demo, where this program plays one.
    pub playing: Playing,
    /// Access to the broker for devices, where there is one.
    pub broker: Option<DeviceBroker>,
    /// How the trainer itself reaches it.
    pub(super) own_broker: Option<BrokerReach>,
    /// What records what devices publish.
    pub(crate) recorders: Arc<Recorders>,
    /// The accounts of devices there, where the trainer makes them.
    pub(crate) accounts: Option<Accounts>,
    /// The edge runtime for boards.
    pub(super) edge_programs: EdgePrograms,
    /// True where browsers reach the trainer by HTTPS only.
    pub secure_cookies: bool,
    /// Time between two heartbeats of a device, in seconds.
    pub heartbeat_s: u32,
    /// When it started.
    pub started: Instant,
    /// The uploads that are being written to.
    pub(super) uploading: Writing,
    /// Held while a file that was sent is put into a dataset.
    pub(super) sending: Mutex<()>,
    blocking: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    replaying: Arc<Semaphore>,
    listening: Arc<Semaphore>,
}

impl std::ops::Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl ApiState {
    /// Puts the parts together.
    pub fn new(
        folder: Arc<DataFolder>,
        jobs: Arc<Jobs>,
        broker: Option<DeviceBroker>,
        own_broker: Option<BrokerReach>,
        accounts: Option<Accounts>,
        edge_programs: EdgePrograms,
        config: &ServeConfig,
    ) -> Self {
        let metrics = Metrics::default();
        let recorders = Arc::new(Recorders::new(Arc::clone(&folder), config.threads));
        ApiState(Arc::new(Shared {
            own_broker,
            recorders,
            folder,
            jobs,
            backoff: Backoff::default(),
            live: Arc::new(Live::new(metrics.live())),
            metrics,
            playing: Playing::default(),
            broker,
            accounts,
            edge_programs,
            secure_cookies: config.secure_cookies,
            heartbeat_s: config.heartbeat_s,
            started: Instant::now(),
            uploading: Writing::default(),
            sending: Mutex::default(),
            blocking: Arc::new(Semaphore::new(BLOCKING_MAX)),
            hashing: Arc::new(Semaphore::new(HASHING_MAX)),
            replaying: Arc::new(Semaphore::new(REPLAYING_MAX)),
            listening: Arc::new(Semaphore::new(LISTENING_MAX)),
        }))
    }

    /// Asks the store, on a thread that may wait.
    pub async fn store<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.blocking(move |state| Ok(ask(state.folder.store())?)).await
    }

    /// Does something that waits for the disk or computes, off the threads that serve requests.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ApiState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.within(&self.blocking, work).await
    }

    /// Hashes a password or compares one, which takes much memory: a few at once.
    pub(super) async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.within(&self.hashing, move |_| Ok(work())).await
    }

    /// Replays recordings, which takes memory and processors: a few at once.
    pub(super) async fn replaying<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ApiState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.within(&self.replaying, work).await
    }

    /// Listens at a broker, which takes a while: a few at once.
    pub(super) async fn listening<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ApiState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.within(&self.listening, work).await
    }

    /// Works on a thread of its own when there is a place. The place is kept until the work is done,
    /// also where the client has gone before.
    async fn within<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        work: impl FnOnce(&ApiState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let closed = |_| Problem::new(UNAVAILABLE, "the trainer is ending").retry_after(5);
        let place = Arc::clone(places).acquire_owned().await.map_err(closed)?;
        let (state, span) = (self.clone(), tracing::Span::current());
        let worked = tokio::task::spawn_blocking(move || {
            let _place = place;
            span.in_scope(|| work(&state))
        });
        match worked.await {
            Ok(outcome) => outcome,
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}
