//! The recorders of the service: started, labelled, stopped, and kept by threads of their own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::keep::{self, Kept};
use super::session::{self, EndedBy, Handle, Session, Standing};
use super::{Plan, RecordError, RecordSettings};
use crate::broker::BrokerReach;
use crate::clock::now_ms;
use crate::data_folder::DataFolder;
use crate::progress::Progress;
use crate::store::{OwnerId, RecorderId};
use crate::training::Work;

use super::journal::Head;

/// Most recorders that work at once.
pub(crate) const WORKING_MAX: usize = 8;

/// Most recorders of one owner that have ended and are still told of.
pub(crate) const ENDED_MAX: usize = 100;

/// Ending of a journal's name.
const ENDING: &str = "journal";

/// A recorder.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Recorder {
    /// Identifier.
    pub(crate) id: RecorderId,
    /// Name of the dataset that its recordings are for.
    pub(crate) dataset: String,
    /// What it does.
    pub(crate) state: RecorderState,
    /// When it began, in milliseconds since 1970 UTC.
    pub(crate) began_ms: i64,
    /// Why it has ended.
    pub(crate) ended_by: Option<EndedBy>,
    /// Why its recordings are not kept.
    pub(crate) problem: Option<String>,
    /// What came up to now.
    #[serde(flatten)]
    pub(crate) standing: Standing,
    /// What was kept.
    #[schema(value_type = Option<Kept>)]
    pub(crate) kept: Option<Arc<Kept>>,
}

/// What a recorder does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecorderState {
    /// It records, or waits for the broker.
    Recording,
    /// It has ended, and its recordings are being written.
    Keeping,
    /// Its recordings are in the dataset.
    Kept,
    /// Its recordings could not be written. To stop it again tries it again, and so does the next start.
    Failed,
}

/// Why there is no such recorder, or no other one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordersError {
    #[error("there is no recorder {0}")]
    Unknown(RecorderId),
    #[error("{WORKING_MAX} recorders are at work, and no more: stop one")]
    TooMany,
    #[error("the recorder has ended")]
    Ended,
    #[error("the class was changed too often: wait a moment")]
    Labels,
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// All recorders of the service.
#[derive(Debug)]
pub(crate) struct Recorders {
    folder: Arc<DataFolder>,
    shutdown: CancellationToken,
    /// Ends what is being kept; the next start begins it anew.
    cancelled: Arc<AtomicBool>,
    threads: usize,
    inner: Mutex<BTreeMap<RecorderId, Known>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Known {
    owner: OwnerId,
    recorder: Recorder,
    handle: Option<Handle>,
}

impl Recorders {
    /// No recorders yet.
    pub(crate) fn new(folder: Arc<DataFolder>, threads: usize) -> Self {
        Recorders {
            folder,
            shutdown: CancellationToken::new(),
            cancelled: Arc::default(),
            threads,
            inner: Mutex::default(),
            workers: Mutex::default(),
        }
    }

    /// Tells again of those that ended under programs before this one, and keeps, on a thread of its own, what
    /// these had recorded.
    pub(crate) fn recover(self: &Arc<Self>) -> anyhow::Result<()> {
        for (owner, recorder) in self.folder.store().ended_recorders()? {
            self.lock().insert(recorder.id, Known { owner, recorder, handle: None });
        }
        let left = left_behind(&self.folder);
        if left.is_empty() {
            return Ok(());
        }
        for (id, path) in &left {
            let Ok((owner, dataset, began_ms)) = keep::head(path) else { continue };
            let mut recorder = Recorder::new(*id, dataset, began_ms);
            (recorder.state, recorder.ended_by) = (RecorderState::Keeping, Some(EndedBy::Restart));
            self.lock().insert(*id, Known { owner, recorder, handle: None });
        }
        let recorders = Arc::clone(self);
        self.spawn("keep", move || {
            for (id, path) in left {
                match keep::head(&path) {
                    Ok((owner, _, _)) => recorders.keep(id, owner),
                    Err(error) => leave(&path, &error),
                }
            }
        })?;
        Ok(())
    }

    /// Starts a recorder.
    pub(crate) fn start(
        self: &Arc<Self>,
        owner: OwnerId,
        dataset: String,
        settings: RecordSettings,
        plan: Plan,
        broker: BrokerReach,
    ) -> Result<Recorder, RecordersError> {
        let id = RecorderId::new();
        let began_ms = now_ms();
        let (handle, asked) = session::handle(self.shutdown.child_token());
        let recorder = Recorder::new(id, dataset.clone(), began_ms);
        {
            let mut inner = self.lock();
            if inner.values().filter(|known| known.is_at_work()).count() >= WORKING_MAX {
                return Err(RecordersError::TooMany);
            }
            forget_old(&mut inner, owner);
            let known = Known { owner, recorder: recorder.clone(), handle: Some(handle) };
            inner.insert(id, known);
        }
        let head = Head { owner, dataset, settings, began_ms };
        let session = Session { broker, plan: Arc::new(plan), head, fails_at_first: false };
        let (recorders, path) = (Arc::clone(self), self.path(id));
        let begun = self.spawn("recorder", move || {
            let ended = session.run(&path, asked);
            recorders.ended(id, owner, ended);
        });
        if let Err(error) = begun {
            self.lock().remove(&id);
            return Err(RecordError::Thread(error).into());
        }
        Ok(recorder)
    }

    /// The recorders of somebody, newest first.
    pub(crate) fn list(&self, owner: OwnerId) -> Vec<Recorder> {
        let inner = self.lock();
        let own = inner.values().rev().filter(|known| known.owner == owner);
        own.map(Known::shown).collect()
    }

    pub(crate) fn show(&self, owner: OwnerId, id: RecorderId) -> Result<Recorder, RecordersError> {
        self.known(owner, id, |known| Ok(known.shown()))
    }

    /// From now on, what comes has this class, or none.
    pub(crate) fn label(
        &self,
        owner: OwnerId,
        id: RecorderId,
        class: Option<String>,
    ) -> Result<(), RecordersError> {
        self.known(owner, id, |known| {
            let handle = known.handle.as_ref().ok_or(RecordersError::Ended)?;
            if handle.label(class) { Ok(()) } else { Err(RecordersError::Labels) }
        })
    }

    /// Ends a recorder: its recordings are being kept then. Where that has failed, it is tried again.
    pub(crate) fn stop(
        self: &Arc<Self>,
        owner: OwnerId,
        id: RecorderId,
    ) -> Result<Recorder, RecordersError> {
        let path = self.path(id);
        let mut inner = self.lock();
        let known = inner.get_mut(&id).filter(|known| known.owner == owner);
        let known = known.ok_or(RecordersError::Unknown(id))?;
        if let Some(handle) = &known.handle {
            handle.stop();
        } else if known.recorder.state == RecorderState::Failed && path.exists() {
            let recorders = Arc::clone(self);
            let begun = self.spawn("keep", move || recorders.keep(id, owner));
            begun.map_err(RecordError::Thread)?;
            (known.recorder.state, known.recorder.problem) = (RecorderState::Keeping, None);
        }
        Ok(known.shown())
    }

    /// Ends all, and waits until their journals are on the disk.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
        self.cancelled.store(true, Ordering::Relaxed);
        let workers =
            std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!("the thread of a recorder panicked");
            }
        }
    }

    fn known<T>(
        &self,
        owner: OwnerId,
        id: RecorderId,
        ask: impl FnOnce(&Known) -> Result<T, RecordersError>,
    ) -> Result<T, RecordersError> {
        let inner = self.lock();
        let known = inner.get(&id).filter(|known| known.owner == owner);
        ask(known.ok_or(RecordersError::Unknown(id))?)
    }

    fn ended(&self, id: RecorderId, owner: OwnerId, ended: Result<EndedBy, RecordError>) {
        // At the end of the service there is no time: the next start keeps it.
        let is_at_end = self.shutdown.is_cancelled();
        {
            let mut inner = self.lock();
            let Some(known) = inner.get_mut(&id) else { return };
            if let Some(handle) = known.handle.take() {
                known.recorder.standing = handle.standing();
            }
            match &ended {
                Ok(by) => {
                    (known.recorder.state, known.recorder.ended_by) =
                        (RecorderState::Keeping, Some(*by));
                }
                Err(error) => {
                    known.recorder.state = RecorderState::Failed;
                    known.recorder.problem = Some(error.to_string());
                }
            }
        }
        if ended.is_ok() && !is_at_end {
            self.keep(id, owner);
        }
    }

    fn keep(&self, id: RecorderId, owner: OwnerId) {
        let progress = Progress::figures(Arc::default(), Arc::clone(&self.cancelled));
        let (folder, threads) = (self.folder.as_ref(), self.threads);
        let work = Work { folder, owner, threads, progress: &progress };
        let kept = keep::keep(work, &self.path(id));
        let mut inner = self.lock();
        let Some(known) = inner.get_mut(&id) else { return };
        match kept {
            Ok(kept) => {
                tracing::info!(recorder = %id, recordings = kept.recordings.len(), "recordings kept");
                known.recorder.kept = Some(Arc::new(kept));
                known.recorder.state = RecorderState::Kept;
                let ended = known.recorder.clone();
                drop(inner);
                if let Err(error) = folder.store().note_recorder(owner, &ended) {
                    tracing::error!(recorder = %id, error = %error, "it is not told of after a start");
                }
            }
            Err(error) => {
                tracing::error!(recorder = %id, error = %error, "recordings cannot be kept");
                known.recorder.problem = Some(error.to_string());
                known.recorder.state = RecorderState::Failed;
            }
        }
    }

    fn path(&self, id: RecorderId) -> PathBuf {
        path(&self.folder, id)
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|worker| !worker.is_finished());
        workers.push(thread);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RecorderId, Known>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    fn new(id: RecorderId, dataset: String, began_ms: i64) -> Self {
        Recorder {
            id,
            dataset,
            state: RecorderState::Recording,
            began_ms,
            ended_by: None,
            problem: None,
            standing: Standing::default(),
            kept: None,
        }
    }
}

impl Known {
    fn is_at_work(&self) -> bool {
        matches!(self.recorder.state, RecorderState::Recording | RecorderState::Keeping)
    }

    fn shown(&self) -> Recorder {
        let standing = self.handle.as_ref().map(Handle::standing);
        let standing = standing.unwrap_or_else(|| self.recorder.standing.clone());
        Recorder { standing, ..self.recorder.clone() }
    }
}

fn forget_old(inner: &mut BTreeMap<RecorderId, Known>, owner: OwnerId) {
    let ended = |known: &Known| known.owner == owner && !known.is_at_work();
    let ended: Vec<RecorderId> =
        inner.iter().filter(|(_, known)| ended(known)).map(|(id, _)| *id).collect();
    for id in ended.iter().take(ended.len().saturating_sub(ENDED_MAX)) {
        inner.remove(id);
    }
}

/// Where the journal of a recorder lies.
pub(crate) fn path(folder: &DataFolder, id: RecorderId) -> PathBuf {
    folder.recorders_path().join(format!("{id}.{ENDING}"))
}

/// Journals that no program writes any more, oldest first: whoever has the data folder is alone there.
pub(crate) fn left_behind(folder: &DataFolder) -> Vec<(RecorderId, PathBuf)> {
    let Ok(files) = fs::read_dir(folder.recorders_path()) else { return Vec::new() };
    let mut left: Vec<(RecorderId, PathBuf)> = files
        .flatten()
        .filter_map(|file| {
            let path = file.path();
            let is_one = path.extension().is_some_and(|ending| ending == ENDING);
            let id = path.file_stem()?.to_str()?.parse().ok()?;
            is_one.then_some((id, path))
        })
        .collect();
    left.sort();
    left
}

/// Removes a journal in which nothing had been recorded; one that is damaged stays for whoever can help.
pub(crate) fn leave(path: &Path, error: &RecordError) {
    tracing::warn!(error = %error, "a journal becomes no recordings");
    if matches!(error, RecordError::Empty(_))
        && let Err(error) = fs::remove_file(path)
    {
        tracing::warn!(path = %path.display(), error = %error, "cannot be removed");
    }
}
