//! The worker: what takes long (downloads, proofs, swaps) on a thread of its own, one at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use model_format::id::Digest;
use model_format::protocol::DesiredModel;
use serde_json::Value;

use super::download::download;
use super::memory::MemoryLimit;
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

/// The model of the command line.
#[derive(Clone, Debug)]
pub(super) struct GivenModel {
    pub(super) path: PathBuf,
    pub(super) artifact: Digest,
}

pub(super) struct Worker {
    pub(super) folder: Arc<StateFolder>,
    pub(super) trainer: Option<Arc<EnrolledTrainer>>,
    pub(super) service: Arc<dyn Service>,
    pub(super) memory_limit: MemoryLimit,
    pub(super) given: Option<GivenModel>,
    /// Breaks the running download off.
    pub(super) abort: Arc<AtomicBool>,
    /// The candidate, proved and not yet in service.
    pub(super) ready: Option<ReadyModel>,
}

impl Worker {
    /// Works until no more tasks come.
    pub(super) fn run(mut self, tasks: &Receiver<Task>, events: &SyncSender<Event>) {
        while let Ok(task) = tasks.recv() {
            let event = self.work(task);
            if events.send(event).is_err() {
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
        self.memory_limit.check_before(model.artifact_bytes).map_err(DownloadFailure::Final)?;
        let result = download(&self.folder, self.trainer.as_deref(), model, &self.abort);
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
        let (ready, proof) = self.prepare_deployed(model)?;
        self.ready = Some(ready);
        Ok(proof)
    }

    fn swap(&mut self) -> Event {
        let windows = self.service.status().windows;
        match self.ready.take().map(|ready| self.service.swap(ready)) {
            Some(Ok(())) => Event::Swapped { windows },
            Some(Err(_)) | None => Event::Ending,
        }
    }

    fn restore(&mut self, good: &Good) -> Event {
        self.ready = None;
        let prepared = match good {
            Good::Deployed(model) => self.prepare_deployed(model),
            Good::Given(_) => self.prepare_given(),
        };
        match prepared {
            Err(reason) => Event::Restored(Err(reason)),
            Ok((ready, proof)) => match self.service.swap(ready) {
                Ok(()) => Event::Restored(Ok(proof)),
                Err(_) => Event::Ending,
            },
        }
    }

    fn take_out(&mut self) -> Event {
        self.ready = None;
        match self.service.take_out() {
            Ok(()) => Event::TakenOut,
            Err(_) => Event::Ending,
        }
    }

    fn prepare_deployed(&self, model: &DesiredModel) -> Result<(ReadyModel, Value), String> {
        let expected = Expected {
            artifact: model.artifact_sha256,
            name: model.model.clone(),
            version: Some(model.version),
        };
        let path = self.folder.model_path(model.artifact_sha256);
        prepare(&path, &expected, self.memory_limit)
    }

    fn prepare_given(&self) -> Result<(ReadyModel, Value), String> {
        let given = self.given.as_ref().ok_or("no model was given on the command line")?;
        let name = given.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let expected = Expected { artifact: given.artifact, name, version: None };
        prepare(&given.path, &expected, self.memory_limit)
    }
}
