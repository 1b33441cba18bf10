//! The queue: threads of their own carry out what waits in the store, one job each at a time.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{Notify, Semaphore};

use crate::api::problem::Problem;
use crate::data_folder::DataFolder;
use crate::progress::{Figures, Progress, Standing};
use crate::store::{Finished, Job, JobId, JobKind, StoreError};
use crate::training::Work;

pub mod evaluation;
pub mod import;
pub mod run;

/// Most clients that follow jobs at once.
const FOLLOWERS_MAX: usize = 100;

/// What a job came to: its result as JSON, or why not.
pub type Outcome = Result<serde_json::Value, Problem>;

/// The queue of jobs and those in work.
#[derive(Debug)]
pub struct Jobs {
    state: Mutex<State>,
    wake: Condvar,
    stop: Notify,
    followers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    running: HashMap<JobId, Running>,
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
            wake: Condvar::new(),
            stop: Notify::new(),
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        }
    }
}

impl Jobs {
    /// Says that a job waits.
    pub fn wake(&self) {
        drop(self.lock());
        self.wake.notify_one();
    }

    /// Asks a job in work to end early. False where it is not in work.
    pub fn cancel(&self, id: JobId) -> bool {
        let running = self.lock().running.get(&id).cloned();
        running.is_some_and(|running| {
            running.cancelled.store(true, Ordering::Relaxed);
            true
        })
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
            let outcome = self.carry_out(&job, &running);
            let stopping = {
                let mut state = self.jobs.lock();
                state.running.remove(&job.id);
                state.stopping
            };
            if stopping && outcome.is_err() {
                // It stays in work in the store: the next start marks it as interrupted.
                return;
            }
            if let Err(error) = self.note(&job, outcome) {
                tracing::error!(error = %error, "the end of the job cannot be noted");
            }
        }
    }

    /// The next job; waits for one. None where the queue stops.
    fn next(&self) -> Option<(Job, Running)> {
        let mut state = self.jobs.lock();
        loop {
            if state.stopping {
                return None;
            }
            match self.folder.store().begin_next_job() {
                Ok(Some(job)) => {
                    let running = Running { figures: Arc::default(), cancelled: Arc::default() };
                    state.running.insert(job.id, running.clone());
                    return Some((job, running));
                }
                Ok(None) => {}
                Err(error) => tracing::error!(error = %error, "the queue cannot be read"),
            }
            state = self.jobs.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
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
        }));
        done.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Problem::internal(&format!("a job panicked: {}", text.unwrap_or("no reason"))))
        })
    }

    fn note(&self, job: &Job, outcome: Outcome) -> Result<(), StoreError> {
        let finished = match outcome {
            Ok(result) => {
                tracing::info!("job succeeded");
                Finished::Succeeded(result)
            }
            Err(problem) if problem.kind() == crate::api::problem::CANCELLED => {
                tracing::info!("job was cancelled");
                Finished::Cancelled
            }
            Err(problem) => {
                tracing::warn!(
                    problem.code = problem.kind().code,
                    detail = problem.detail(),
                    "job failed"
                );
                let detail = problem.detail().to_owned();
                Finished::Failed { problem: problem.json(), detail }
            }
        };
        self.folder.store().finish_job(job, &finished)
    }
}
