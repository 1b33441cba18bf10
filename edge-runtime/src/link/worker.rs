//! The worker of one name: what takes long (downloads, proofs, swaps) on a thread of its own, one at a
//! time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use model_format::id::Digest;
use model_format::protocol::{DesiredModel, ModelSignature};
use serde_json::Value;

use super::download::download;
use super::engines::Engines;
use super::memory::MemoryLimit;
use super::model_keys::ModelKeys;
use super::prepare::{Expected, prepare};
use super::state::{DownloadFailure, Event, Good};
use super::state_folder::StateFolder;
use super::trainer::EnrolledTrainer;
use crate::service::{ReadyModel, Service};

/// One piece of work; each ends with one event.
#[derive(Debug)]
pub(super) enum Task {
    Download(DesiredModel),
    Prove(DesiredModel),
    Swap,
    Restore(Good),
    TakeOut,
}

/// A model of the command line.
#[derive(Clone, Debug)]
pub(super) struct GivenModel {
    pub(super) path: PathBuf,
    pub(super) artifact: Digest,
    pub(super) signature: Option<ModelSignature>,
}

/// What the workers of all names work with.
#[derive(Clone)]
pub(super) struct Shop {
    pub(super) folder: Arc<StateFolder>,
    pub(super) trainer: Option<Arc<EnrolledTrainer>>,
    pub(super) service: Arc<dyn Service>,
    pub(super) keys: ModelKeys,
    pub(super) engines: Engines,
    pub(super) memory_limit: MemoryLimit,
    /// Held while a model is loaded: one at a time, so that what memory it takes is known, and streams
    /// are answered meanwhile.
    pub(super) loading: Arc<Mutex<()>>,
}

pub(super) struct Worker {
    pub(super) shop: Shop,
    pub(super) name: String,
    pub(super) given: Option<GivenModel>,
    /// Breaks the running download off.
    pub(super) abort: Arc<AtomicBool>,
    /// The candidate, proved and not yet in service.
    pub(super) ready: Option<ReadyModel>,
}

impl Worker {
    /// Works until no more tasks come.
    pub(super) fn run(mut self, tasks: &Receiver<Task>, events: &SyncSender<(String, Event)>) {
        while let Ok(task) = tasks.recv() {
            let event = self.work(task);
            if events.send((self.name.clone(), event)).is_err() {
                break;
            }
        }
    }

    fn work(&mut self, task: Task) -> Event {
        match task {
            Task::Download(model) => Event::Downloaded(self.download(&model)),
            Task::Prove(model) => Event::Proved(self.prove(&model)),
            Task::Swap => self.swap(),
            Task::Restore(good) => self.restore(&good),
            Task::TakeOut => self.take_out(),
        }
    }

    fn download(&self, model: &DesiredModel) -> Result<(), DownloadFailure> {
        let Shop { folder, trainer, memory_limit, .. } = &self.shop;
        let memory_limit = memory_limit.with(model.limits.memory_bytes_max);
        memory_limit.check_before(model.artifact_bytes).map_err(DownloadFailure::Final)?;
        let result = download(folder, trainer.as_deref(), model, &self.abort);
        if let Err(DownloadFailure::Later(reason) | DownloadFailure::Damaged(reason)) = &result {
            tracing::warn!(
                model = model.model,
                version = model.version,
                reason,
                "the model did not arrive; it is asked for again"
            );
        }
        self.abort.store(false, Ordering::Relaxed);
        result
    }

    fn prove(&mut self, model: &DesiredModel) -> Result<Value, String> {
        self.ready = None;
        let memory_limit = self.shop.memory_limit.with(model.limits.memory_bytes_max);
        let (ready, proof) = self.prepare_deployed(model, memory_limit)?;
        self.ready = Some(ready);
        Ok(proof)
    }

    fn swap(&mut self) -> Event {
        match self.ready.take().map(|ready| self.shop.service.swap(ready)) {
            Some(Ok(())) => Event::Swapped,
            Some(Err(_)) | None => Event::Ending,
        }
    }

    fn restore(&mut self, good: &Good) -> Event {
        self.ready = None;
        let prepared = match good {
            Good::Deployed(model) => self.prepare_deployed(model, self.shop.memory_limit),
            Good::Given(_) => self.prepare_given(),
        };
        match prepared {
            Err(reason) => Event::Restored(Err(reason)),
            Ok((ready, proof)) => match self.shop.service.swap(ready) {
                Ok(()) => Event::Restored(Ok(proof)),
                Err(_) => Event::Ending,
            },
        }
    }

    fn take_out(&mut self) -> Event {
        self.ready = None;
        match self.shop.service.take_out(&self.name) {
            Ok(()) => Event::TakenOut,
            Err(_) => Event::Ending,
        }
    }

    fn prepare_deployed(
        &self,
        model: &DesiredModel,
        memory_limit: MemoryLimit,
    ) -> Result<(ReadyModel, Value), String> {
        let path = self.shop.folder.model_path(model.artifact_sha256);
        let expected = Expected::of(model);
        let _one_at_a_time = self.shop.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let Shop { keys, engines, .. } = &self.shop;
        prepare(&path, &expected, keys, engines, memory_limit)
    }

    fn prepare_given(&self) -> Result<(ReadyModel, Value), String> {
        let given = self.given.as_ref().ok_or("no model was given on the command line")?;
        let (artifact, signature) = (given.artifact, given.signature);
        let expected = Expected { artifact, name: self.name.clone(), version: None, signature };
        let _one_at_a_time = self.shop.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let Shop { keys, engines, memory_limit, .. } = &self.shop;
        prepare(&given.path, &expected, keys, engines, *memory_limit)
    }
}
