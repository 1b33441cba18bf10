//! Results and alarms on their way to the broker: on the disk until it has acknowledged them.
//!
//! The inference thread pushes into memory and waits for nothing. What came leaves at once; a thread of
//! the outbox writes what is not acknowledged by then, another brings it to the disk for good. A disk
//! that fails costs the promise that nothing is lost with the program, not the service.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::Bytes;
use tokio::sync::Notify;

use crate::answer::Latencies;

mod folder;
mod keeper;
mod queue;
mod record;
#[cfg(test)]
mod tests;

use folder::{Folder, Syncer};
use keeper::{Keeper, Sizes};
use queue::{Bounds, Queue};

/// Most items that wait.
const ITEMS_MAX: usize = 100_000;
/// Most bytes that wait in memory alone.
const MEMORY_BYTES_MAX: usize = 8 << 20;
/// Bytes in memory of what is on the disk, too.
const WINDOW_BYTES: usize = 512 << 10;

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The answer for one window.
    Result,
    /// An alarm that is raised, cleared or acknowledged.
    Alarm,
}

/// A result or an alarm to publish.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) kind: Kind,
    pub(super) stream: String,
    pub(super) payload: Bytes,
    /// When the sample came that completed the window.
    pub(super) received: Instant,
}

/// A result or an alarm that leaves.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) stream: String,
    pub(super) payload: Bytes,
    /// When the sample came that completed the window; none where it was read from the disk.
    pub(super) received: Option<Instant>,
}

/// How the outbox is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) results_waiting: u64,
    pub(super) alarms_waiting: u64,
    pub(super) results_dropped: u64,
    pub(super) alarms_dropped: u64,
    /// Publications that the broker refused.
    pub(super) refused: u64,
    /// Records on the disk that could not be read.
    pub(super) damaged: u64,
    /// Failures to write, sync or delete.
    pub(super) disk_errors: u64,
    pub(super) disk_bytes: u64,
}

/// A count that several threads add to.
#[derive(Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the threads share.
struct Shared {
    queue: Mutex<Queue>,
    /// The queue has changed, for the keeper.
    changed: Condvar,
    /// The keeper looks again in a moment by itself: results need not wake it.
    keeper_is_timed: AtomicBool,
    /// Something may leave or was acknowledged, for the broker's client.
    told: Notify,
    is_ending: AtomicBool,
    sync_has_failed: AtomicBool,
    refused: Count,
    damaged: Count,
    disk_errors: Count,
    disk_bytes: Count,
}

impl Shared {
    fn new(bounds: Bounds) -> Shared {
        Shared {
            queue: Mutex::new(Queue::new(bounds)),
            changed: Condvar::new(),
            keeper_is_timed: AtomicBool::new(false),
            told: Notify::new(),
            is_ending: AtomicBool::new(false),
            sync_has_failed: AtomicBool::new(false),
            refused: Count::default(),
            damaged: Count::default(),
            disk_errors: Count::default(),
            disk_bytes: Count::default(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>, wait: Duration) -> MutexGuard<'a, Queue> {
        self.changed.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0
    }

    fn tell(&self) {
        self.told.notify_one();
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    fn sync_failed(&self, error: &io::Error) {
        self.disk_errors.add(1);
        if !self.sync_has_failed.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "results and alarms that wait may not survive a power cut");
        }
    }

    /// Whether a sync has failed since this was asked: nobody knows what a file holds then.
    fn take_sync_failed(&self) -> bool {
        self.sync_has_failed.swap(false, Ordering::Relaxed)
    }
}

/// What the inference thread fills and the broker's client empties.
pub(super) struct Outbox {
    shared: Arc<Shared>,
    syncer: Arc<Syncer>,
    record_bytes_max: usize,
    has_told_large: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    delays: Mutex<Latencies>,
}

impl Outbox {
    /// Opens the queue in this folder and reads what a run before has left there.
    ///
    /// # Errors
    /// The folder cannot be used, or the system gives no thread.
    pub(super) fn open(path: &Path, bytes_max: u64) -> anyhow::Result<Outbox> {
        let name = path.display();
        let (sizes, disk_bytes_max) = Sizes::of(bytes_max);
        let shared = Arc::new(Shared::new(Bounds {
            items_max: ITEMS_MAX,
            disk_bytes_max,
            memory_bytes_max: MEMORY_BYTES_MAX,
            window_bytes: WINDOW_BYTES,
        }));
        let syncer = Arc::new(Syncer::default());
        let folder = Folder::open(path, Arc::clone(&syncer));
        let folder = folder.with_context(|| format!("the folder {name} cannot be made"))?;
        let keeper = Keeper::open(folder, Arc::clone(&shared), sizes);
        let keeper = keeper.with_context(|| format!("what waits in {name} cannot be read"))?;
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let keeping =
            named("outbox").spawn(move || keeper.run()).context("the system gives no thread")?;
        let (sync, of) = (Arc::clone(&syncer), Arc::clone(&shared));
        let syncing = named("outbox-sync")
            .spawn(move || sync.run(&of))
            .context("the system gives no thread")?;
        let outbox = Outbox {
            shared,
            syncer,
            record_bytes_max: sizes.record_bytes_max(),
            has_told_large: AtomicBool::new(false),
            threads: Mutex::new(vec![syncing, keeping]),
            delays: Mutex::new(Latencies::default()),
        };
        let Figures { results_waiting, alarms_waiting, damaged, .. } = outbox.figures();
        if results_waiting + alarms_waiting > 0 {
            tracing::info!(
                results = results_waiting,
                alarms = alarms_waiting,
                "what the run before has left waits for the broker"
            );
        }
        if damaged > 0 {
            tracing::warn!(damaged, folder = %name, "records on the disk are damaged, and were left out");
        }
        Ok(outbox)
    }

    pub(super) fn push(&self, outgoing: Outgoing) {
        let Outgoing { kind, stream, payload, received } = outgoing;
        let body = Arc::new(Body { kind, stream, payload, received: Some(received) });
        let mut queue = self.shared.queue();
        if record::item_bytes(&body.stream, &body.payload) > self.record_bytes_max {
            queue.refuse_large(kind);
            drop(queue);
            if !self.has_told_large.swap(true, Ordering::Relaxed) {
                let (stream, bytes) = (&body.stream, body.payload.len());
                tracing::error!(
                    stream,
                    bytes,
                    bytes_max = self.record_bytes_max,
                    "a result is too large for the queue, and was dropped: allow more with \
                     --outbox-mb"
                );
            }
            return;
        }
        queue.push(body);
        let is_timed = self.shared.keeper_is_timed.load(Ordering::Relaxed);
        drop(queue);
        if kind == Kind::Alarm || !is_timed {
            self.shared.changed.notify_one();
        }
        self.shared.tell();
    }

    /// The next result or alarm for this connection, with its number.
    pub(super) fn take(&self) -> Option<(u64, Arc<Body>)> {
        let mut queue = self.shared.queue();
        let taken = queue.take();
        let is_starved = queue.is_starved();
        drop(queue);
        if is_starved {
            self.shared.changed.notify_one();
        }
        taken
    }

    /// The broker has it.
    pub(super) fn acknowledge(&self, number: u64) {
        let mut queue = self.shared.queue();
        queue.remove(number);
        let is_first_gone = queue.gone_len() == 1;
        drop(queue);
        if is_first_gone {
            self.shared.changed.notify_one();
        }
        self.shared.tell();
    }

    /// The broker will never take it.
    pub(super) fn refused(&self, number: u64) {
        self.shared.refused.add(1);
        self.acknowledge(number);
    }

    /// A new connection: what was not acknowledged leaves again, in its order.
    pub(super) fn rewind(&self) {
        self.shared.queue().rewind();
    }

    /// Waits until something may leave or was acknowledged.
    pub(super) async fn changed(&self) {
        self.shared.told.notified().await;
    }

    pub(super) fn len(&self) -> usize {
        let queue = self.shared.queue();
        queue.waiting(Kind::Result) + queue.waiting(Kind::Alarm)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn figures(&self) -> Figures {
        let Shared { refused, damaged, disk_errors, disk_bytes, .. } = &*self.shared;
        let queue = self.shared.queue();
        Figures {
            results_waiting: queue.waiting(Kind::Result) as u64,
            alarms_waiting: queue.waiting(Kind::Alarm) as u64,
            results_dropped: queue.dropped(Kind::Result),
            alarms_dropped: queue.dropped(Kind::Alarm),
            refused: refused.get(),
            damaged: damaged.get(),
            disk_errors: disk_errors.get(),
            disk_bytes: disk_bytes.get(),
        }
    }

    /// Notes the time from a sample to the broker's client.
    pub(super) fn note_delay(&self, delay: Duration) {
        lock(&self.delays).add(delay);
    }

    /// That time, which a share of the results does not exceed.
    pub(super) fn delay_us(&self, share: f64) -> f64 {
        lock(&self.delays).quantile_us(share)
    }

    /// Writes and syncs everything, and ends the threads: not for asynchronous threads.
    pub(super) fn end(&self) {
        {
            // Whoever is about to wait looks at this under the same locks.
            let _queue = self.shared.queue();
            self.shared.is_ending.store(true, Ordering::Release);
        }
        self.shared.changed.notify_one();
        self.syncer.wake();
        for thread in lock(&self.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the outbox has failed");
            }
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.end();
    }
}

/// What these locks guard is whole between two statements: a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
