//! The way to the inference thread: bounded by number and by bytes; what does not fit is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use engine::Outputs;
use model_format::id::Digest;
use tokio::sync::{Notify, oneshot};

use super::state::{InferError, Refused, SwapError};
use crate::service::ReadyModel;

/// Most works that wait.
const WORKS_MAX: usize = 1024;
/// Most bytes that wait; one work may be larger if it is alone.
const BYTES_MAX: usize = 32 << 20;

/// What the inference thread is asked to do.
pub(super) enum Work {
    Samples(Samples),
    Infer(Infer),
    Swap(Box<ReadyModel>, SyncSender<Result<(), SwapError>>),
    /// Let the model of this name answer what is held back, and take it out of service.
    TakeOut(String, SyncSender<()>),
    /// The connection to the broker was lost: something may have been missed.
    ConnectionLost,
    /// Answer what is held back, and end.
    End,
}

/// Where a message came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the broker, on this topic.
    Topic(String),
    /// From a program that names the stream itself.
    Stream(String),
}

/// A message with samples.
pub(super) struct Samples {
    pub(super) origin: Origin,
    pub(super) payload: Bytes,
    pub(super) arrival_ns: i64,
    pub(super) received: Instant,
    /// Who waits for the results.
    pub(super) answer: Option<oneshot::Sender<Result<Vec<String>, Refused>>>,
}

/// Windows that somebody else has cut.
pub(super) struct Infer {
    pub(super) artifact: Digest,
    pub(super) windows: Vec<f32>,
    pub(super) count: usize,
    /// When it was put here.
    pub(super) asked: Instant,
    pub(super) answer: oneshot::Sender<Result<Inferred, InferError>>,
}

/// The answer to [`Infer`].
#[derive(Debug)]
pub(super) struct Inferred {
    pub(super) outputs: Outputs,
    /// How long the windows waited for their turn.
    pub(super) waited: Duration,
    /// How long the engine took.
    pub(super) took: Duration,
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Work::Samples(samples) => samples.payload.len(),
            Work::Infer(infer) => 4 * infer.windows.len(),
            Work::Swap(..) | Work::TakeOut(..) | Work::ConnectionLost | Work::End => 0,
        }
    }
}

/// Why a work was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("the device is busy: try again later")]
    Full,
    #[error("the service is ending")]
    Ended,
}

/// The entrance.
#[derive(Clone)]
pub(super) struct Inbox {
    sender: SyncSender<Work>,
    load: Arc<Load>,
}

/// The exit.
pub(super) struct Works {
    receiver: Receiver<Work>,
    load: Arc<Load>,
}

#[derive(Default)]
struct Load {
    bytes: AtomicUsize,
    /// A work has left.
    left: Notify,
    works: AtomicUsize,
    /// Messages that found no place.
    dropped: AtomicU64,
}

pub(super) fn inbox() -> (Inbox, Works) {
    let (sender, receiver) = sync_channel(WORKS_MAX);
    let load = Arc::new(Load::default());
    (Inbox { sender, load: Arc::clone(&load) }, Works { receiver, load })
}

impl Inbox {
    /// Leaves a work there, unless there is no place.
    pub(super) fn try_push(&self, work: Work) -> Result<(), NotTaken> {
        let bytes = work.bytes();
        let is_message = matches!(&work, Work::Samples(samples) if samples.answer.is_none());
        let before = self.load.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.load.works.fetch_add(1, Ordering::Relaxed);
        let pushed = match before > 0 && before + bytes > BYTES_MAX {
            true => Err(NotTaken::Full),
            false => self.sender.try_send(work).map_err(|error| match error {
                TrySendError::Full(_) => NotTaken::Full,
                TrySendError::Disconnected(_) => NotTaken::Ended,
            }),
        };
        if pushed.is_err() {
            self.load.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.load.works.fetch_sub(1, Ordering::Relaxed);
            self.load.dropped.fetch_add(u64::from(is_message), Ordering::Relaxed);
        }
        pushed
    }

    /// Leaves a message there; where there is no place, it waits for one until the time is over.
    pub(super) async fn push_message(&self, samples: Samples, wait_max: Duration) {
        let deadline = tokio::time::Instant::now() + wait_max;
        let bytes = samples.payload.len();
        while !self.has_place(bytes) {
            let waited = tokio::time::timeout_at(deadline, self.load.left.notified()).await;
            if waited.is_err() {
                break;
            }
        }
        // A message that finds no place is counted.
        let _ = self.try_push(Work::Samples(samples));
    }

    fn has_place(&self, bytes: usize) -> bool {
        let before = self.load.bytes.load(Ordering::Relaxed);
        let works = self.load.works.load(Ordering::Relaxed);
        works < WORKS_MAX && (before == 0 || before + bytes <= BYTES_MAX)
    }

    /// Leaves a work there and waits for the place: never on an async worker.
    pub(super) fn push(&self, work: Work) -> Result<(), NotTaken> {
        self.load.bytes.fetch_add(work.bytes(), Ordering::Relaxed);
        self.load.works.fetch_add(1, Ordering::Relaxed);
        self.sender.send(work).map_err(|_| NotTaken::Ended)
    }

    /// Messages that found no place.
    pub(super) fn dropped(&self) -> u64 {
        self.load.dropped.load(Ordering::Relaxed)
    }
}

impl Works {
    /// The next work; none after a while without one if `until` says so.
    pub(super) fn next(&self, until: Option<Instant>) -> Next {
        let received = match until {
            None => self.receiver.recv().map_err(|_| Next::Ended),
            Some(until) => {
                let wait = until.saturating_duration_since(Instant::now());
                self.receiver.recv_timeout(wait).map_err(|error| match error {
                    std::sync::mpsc::RecvTimeoutError::Timeout => Next::Nothing,
                    std::sync::mpsc::RecvTimeoutError::Disconnected => Next::Ended,
                })
            }
        };
        match received {
            Ok(work) => {
                self.load.bytes.fetch_sub(work.bytes(), Ordering::Relaxed);
                self.load.works.fetch_sub(1, Ordering::Relaxed);
                self.load.left.notify_one();
                Next::Work(work)
            }
            Err(next) => next,
        }
    }
}

/// What [`Works::next`] gives.
pub(super) enum Next {
    Work(Work),
    Nothing,
    Ended,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Work {
        Work::Samples(Samples {
            origin: Origin::Stream("s".to_owned()),
            payload: Bytes::from(vec![0; size]),
            arrival_ns: 0,
            received: Instant::now(),
            answer: None,
        })
    }

    #[test]
    fn what_does_not_fit_is_counted_and_what_left_makes_room() {
        let (inbox, works) = inbox();
        inbox.try_push(message(BYTES_MAX)).unwrap();
        assert_eq!(inbox.try_push(message(1)), Err(NotTaken::Full));
        assert!(matches!(works.next(None), Next::Work(_)));
        (0..WORKS_MAX).for_each(|_| inbox.try_push(message(1)).unwrap());
        assert_eq!(inbox.try_push(message(0)), Err(NotTaken::Full));
        assert_eq!(inbox.dropped(), 2);
        drop(works);
        assert_eq!(inbox.push(Work::End), Err(NotTaken::Ended));
    }
}
