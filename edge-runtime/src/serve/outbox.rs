//! Results on their way to the broker: kept until it has acknowledged them, within bounds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::Notify;

use crate::answer::Latencies;

/// Most results that are kept.
const RESULTS_MAX: usize = 10_000;
/// Most bytes that are kept.
const BYTES_MAX: usize = 32 << 20;

/// A result to publish.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) stream: String,
    pub(super) payload: Bytes,
    /// When the sample came that completed the window.
    pub(super) received: Instant,
}

/// The pure part: what is kept, in which order it leaves.
#[derive(Default)]
struct Kept {
    /// By number; numbers rise.
    results: BTreeMap<u64, Outgoing>,
    bytes: usize,
    /// Number of the next result that comes.
    next: u64,
    /// The first number that this connection has not been given.
    unsent: u64,
    dropped: u64,
}

impl Kept {
    fn push(&mut self, result: Outgoing, results_max: usize, bytes_max: usize) {
        self.bytes += result.payload.len();
        self.results.insert(self.next, result);
        self.next += 1;
        while self.results.len() > results_max || self.bytes > bytes_max {
            let Some((_, oldest)) = self.results.pop_first() else { return };
            self.bytes -= oldest.payload.len();
            self.dropped += 1;
        }
    }

    fn take(&mut self) -> Option<(u64, Outgoing)> {
        let (number, result) = self.results.range(self.unsent..).next()?;
        self.unsent = number + 1;
        Some((*number, result.clone()))
    }

    fn acknowledge(&mut self, number: u64) {
        if let Some(result) = self.results.remove(&number) {
            self.bytes -= result.payload.len();
        }
    }
}

/// What the inference thread fills and the broker's client empties.
#[derive(Default)]
pub(super) struct Outbox {
    kept: Mutex<Kept>,
    changed: Notify,
    delays: Mutex<Latencies>,
}

impl Outbox {
    pub(super) fn push(&self, result: Outgoing) {
        self.kept().push(result, RESULTS_MAX, BYTES_MAX);
        self.changed.notify_one();
    }

    /// The next result for this connection, with its number.
    pub(super) fn take(&self) -> Option<(u64, Outgoing)> {
        self.kept().take()
    }

    /// The broker has it.
    pub(super) fn acknowledge(&self, number: u64) {
        self.kept().acknowledge(number);
        self.changed.notify_one();
    }

    /// A new connection: what was not acknowledged leaves again, in its order.
    pub(super) fn rewind(&self) {
        self.kept().unsent = 0;
    }

    /// Waits until something came or was acknowledged.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept().results.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.kept().results.len()
    }

    /// Results that were dropped for newer ones.
    pub(super) fn dropped(&self) -> u64 {
        self.kept().dropped
    }

    /// Notes the time from a sample to the broker's client.
    pub(super) fn note_delay(&self, delay: Duration) {
        lock(&self.delays).add(delay);
    }

    /// That time, which a share of the results does not exceed.
    pub(super) fn delay_us(&self, share: f64) -> f64 {
        lock(&self.delays).quantile_us(share)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

/// What these locks guard is whole between two statements: a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(size: usize) -> Outgoing {
        Outgoing {
            stream: "s".to_owned(),
            payload: Bytes::from(vec![b'x'; size]),
            received: Instant::now(),
        }
    }

    fn taken(kept: &mut Kept) -> Vec<u64> {
        std::iter::from_fn(|| kept.take().map(|(number, _)| number)).collect()
    }

    #[test]
    fn what_is_not_acknowledged_leaves_again_in_order() {
        let outbox = Outbox::default();
        let taken = || -> Vec<u64> {
            std::iter::from_fn(|| outbox.take().map(|(number, _)| number)).collect()
        };
        (0..4).for_each(|_| outbox.push(result(1)));
        assert_eq!(taken(), [0, 1, 2, 3]);
        outbox.acknowledge(1);
        assert!(taken().is_empty(), "on one connection each leaves once");
        outbox.rewind();
        outbox.push(result(1));
        assert_eq!(taken(), [0, 2, 3, 4]);
        [0, 2, 3, 4].into_iter().for_each(|number| outbox.acknowledge(number));
        assert!(outbox.is_empty());
        let Kept { bytes, dropped, .. } = &*outbox.kept();
        assert_eq!((*bytes, *dropped), (0, 0));
    }

    #[test]
    fn the_oldest_are_dropped_beyond_either_bound() {
        let mut kept = Kept::default();
        (0..5).for_each(|_| kept.push(result(1), 3, 100));
        assert_eq!(taken(&mut kept), [2, 3, 4]);
        kept.push(result(99), 3, 100);
        assert_eq!((kept.dropped, kept.bytes), (4, 100));
        kept.acknowledge(2);
        kept.push(result(101), 3, 100);
        assert_eq!((kept.results.len(), kept.bytes), (0, 0));
    }
}
