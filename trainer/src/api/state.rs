//! What all handlers share.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::backoff::Backoff;
use super::metrics::Metrics;
use super::problem::{Problem, UNAVAILABLE};
use crate::data_folder::DataFolder;
use crate::jobs::Jobs;
use crate::store::{Store, StoreError};

/// Most requests that wait for the disk or hash a password at once; whoever comes later waits.
const BLOCKING_MAX: usize = 16;

/// Most passwords that are hashed at once: each takes 19 MiB.
const HASHING_MAX: usize = 2;

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
    /// Access to the broker for devices, where there is one.
    pub broker: Option<crate::serve::DeviceBroker>,
    /// True where browsers reach the trainer by HTTPS only.
    pub secure_cookies: bool,
    /// When it started.
    pub started: Instant,
    /// Held while a part of an upload is written.
    pub(super) uploading: std::sync::Mutex<()>,
    blocking: Semaphore,
    pub(super) hashing: Semaphore,
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
        broker: Option<crate::serve::DeviceBroker>,
        secure_cookies: bool,
    ) -> Self {
        ApiState(Arc::new(Shared {
            folder,
            jobs,
            backoff: Backoff::default(),
            metrics: Metrics::default(),
            broker,
            secure_cookies,
            started: Instant::now(),
            uploading: std::sync::Mutex::new(()),
            blocking: Semaphore::new(BLOCKING_MAX),
            hashing: Semaphore::new(HASHING_MAX),
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
        let closed = |_| Problem::new(UNAVAILABLE, "the trainer is ending").retry_after(5);
        let _place = self.blocking.acquire().await.map_err(closed)?;
        let state = self.clone();
        match tokio::task::spawn_blocking(move || work(&state)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}
