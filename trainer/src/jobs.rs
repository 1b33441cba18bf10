//! The queue: threads of their own carry out what waits in the store, one job each at a time.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::api::problem::{CANCELLED, Problem};
use crate::data_folder::DataFolder;
use crate::progress::{Figures, Progress, Standing};
use crate::store::{Finished, Job, JobId, JobKind, OwnerId, Store, StoreError};
use crate::training::Work;

pub mod evaluation;
pub mod import;
mod repair;
pub mod run;

/// Most clients that follow jobs at once.
const FOLLOWERS_MAX: usize = 100;

/// How long to wait where the store failed.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// What a job came to: its result as JSON, or why not.
pub type Outcome = Result<serde_json::Value, Problem>;

/// The queue of jobs and those in work.
#[derive(Debug)]
pub struct Jobs {
    state: Mutex<State>,
    /// Held while a job goes from waiting to being in work: between the two nobody could cancel it.
    beginning: Mutex<()>,
    wake: Condvar,
    stop: Notify,
    followers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    running: HashMap<JobId, Running>,
    /// How often something was put into the queue.
    wakes: u64,
    stopping: bool,
}

#[derive(Clone, Debug)]
struct Running {
    figures: Arc<Figures>,
    cancelled: Arc<AtomicBool>,
}

impl Default for Jobs {
    fn default() -> Self {
        Jobs {
            state: Mutex::default(),
            beginning: Mutex::default(),
            wake: Condvar::new(),
            stop: Notify::new(),
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        }
    }
}

impl Jobs {
    /// Says that a job waits.
    pub fn wake(&self) {
        self.lock().wakes += 1;
        self.wake.notify_one();
    }

    /// Ends a job early: at once where it waits, as soon as it can where it is in work. False where
    /// it had ended. Blocks as the store does.
    ///
    /// # Errors
    /// Where the owner has no such job.
    pub fn cancel(&self, store: &Store, owner: OwnerId, id: JobId) -> Result<bool, StoreError> {
        let _beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        if store.cancel_waiting_job(owner, id)? {
            return Ok(true);
        }
        let running = self.lock().running.get(&id).cloned();
        Ok(running.is_some_and(|running| {
            running.cancelled.store(true, Ordering::Relaxed);
            true
        }))
    }

    /// How far a job in work is.
    pub fn standing(&self, id: JobId) -> Option<Standing> {
        self.lock().running.get(&id).map(|running| running.figures.standing())
    }

    /// Places for those who follow jobs.
    pub fn followers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.followers)
    }

    /// Returns when the trainer ends.
    pub async fn stopping(&self) {
        let stopped = self.stop.notified();
        if !self.lock().stopping {
            stopped.await;
        }
    }

    /// Asks all to end. Jobs in work end early and are marked as interrupted at the next start.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for running in state.running.values() {
            running.cancelled.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.wake.notify_all();
        self.stop.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that carries out jobs until the queue stops. Each may use `threads` threads, and
/// `memory_bytes` bytes of memory.
///
/// # Errors
/// Where the system gives no thread.
pub fn start_worker(
    folder: Arc<DataFolder>,
    jobs: Arc<Jobs>,
    threads: usize,
    memory_bytes: u64,
) -> std::io::Result<JoinHandle<()>> {
    let worker = Worker { folder, jobs, threads, memory_bytes };
    std::thread::Builder::new().name("jobs".to_owned()).spawn(move || worker.work())
}

struct Worker {
    folder: Arc<DataFolder>,
    jobs: Arc<Jobs>,
    threads: usize,
    memory_bytes: u64,
}

impl Worker {
    fn work(&self) {
        while let Some((job, running)) = self.next() {
            let span = tracing::info_span!("job", job.id = %job.id, job.kind = job.kind.name());
            let _entered = span.enter();
            tracing::info!("job begins");
            // What the job writes has no row that names it before its end is noted.
            let files = self.folder.use_files();
            let outcome = self.carry_out(&job, &running);
            // Where it ends early as the queue stops, it stays in work in the store: the next start
            // marks it as interrupted.
            let ended_early = matches!(&outcome, Err(problem) if problem.kind() == CANCELLED);
            if !(ended_early && self.jobs.lock().stopping) {
                self.note(&job, outcome);
            }
            drop(files);
            self.jobs.lock().running.remove(&job.id);
            // What a job that failed has written is of no use to anybody.
            if let Err(error) = self.folder.sweep() {
                tracing::error!(error = %error, "loose files cannot be removed");
            }
        }
    }

    /// The next job; waits for one. None where the queue stops.
    fn next(&self) -> Option<(Job, Running)> {
        loop {
            let wakes = {
                let state = self.jobs.lock();
                if state.stopping {
                    return None;
                }
                state.wakes
            };
            let retry = match self.begin() {
                Ok(Some(begun)) => return Some(begun),
                Ok(None) => None,
                Err(error) => {
                    tracing::error!(error = %error, "the queue cannot be read");
                    Some(RETRY_EVERY)
                }
            };
            self.wait(retry, |state| state.wakes == wakes);
        }
    }

    /// Takes the job that waits longest into work.
    fn begin(&self) -> Result<Option<(Job, Running)>, StoreError> {
        let _beginning = self.jobs.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(job) = self.folder.store().begin_next_job()? else { return Ok(None) };
        let running = Running { figures: Arc::default(), cancelled: Arc::default() };
        let mut state = self.jobs.lock();
        running.cancelled.store(state.stopping, Ordering::Relaxed);
        state.running.insert(job.id, running.clone());
        Ok(Some((job, running)))
    }

    /// Waits while `idle`, at most so long, and not where the queue stops.
    fn wait(&self, at_most: Option<Duration>, idle: impl Fn(&State) -> bool) {
        let state = self.jobs.lock();
        let waits = |state: &mut State| !state.stopping && idle(state);
        let wake = &self.jobs.wake;
        match at_most {
            None => drop(wake.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner)),
            Some(time) => {
                drop(
                    wake.wait_timeout_while(state, time, waits)
                        .unwrap_or_else(PoisonError::into_inner),
                );
            }
        }
    }

    fn carry_out(&self, job: &Job, running: &Running) -> Outcome {
        let progress =
            Progress::figures(Arc::clone(&running.figures), Arc::clone(&running.cancelled));
        let work = Work {
            folder: &self.folder,
            owner: job.owner,
            threads: self.threads,
            progress: &progress,
        };
        let done = catch_unwind(AssertUnwindSafe(|| match job.kind {
            JobKind::Import => import::carry_out(work, job),
            JobKind::Run => run::carry_out(work, job, self.memory_bytes),
            JobKind::Evaluation => evaluation::carry_out(work, job),
            JobKind::Repair => repair::carry_out(work, job),
        }));
        done.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Problem::internal(&format!("a job panicked: {}", text.unwrap_or("no reason"))))
        })
    }

    /// Notes how a job ended. Where the store cannot take it (the disk may be full), again and again
    /// until it can or the queue stops: then the next start marks the job as interrupted.
    fn note(&self, job: &Job, outcome: Outcome) {
        let finished = finished(outcome);
        while let Err(error) = self.folder.store().finish_job(job, &finished) {
            tracing::error!(error = %error, "the end of the job cannot be noted");
            self.wait(Some(RETRY_EVERY), |_| true);
            if self.jobs.lock().stopping {
                return;
            }
        }
    }
}

/// An outcome as the store keeps it.
fn finished(outcome: Outcome) -> Finished {
    match outcome {
        Ok(result) => {
            tracing::info!("job succeeded");
            Finished::Succeeded(result)
        }
        Err(problem) if problem.kind() == CANCELLED => {
            tracing::info!("job was cancelled");
            Finished::Cancelled
        }
        Err(problem) => {
            let (code, detail) = (problem.kind().code, problem.detail().to_owned());
            tracing::warn!(problem.code = code, detail, "job failed");
            Finished::Failed { problem: problem.json(), detail }
        }
    }
}
