//! The thread between queue and disk: writes what comes, reads what is next, clears away what is done.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Bytes;

use super::queue::{Place, Queue};
use super::record::{self, Entry, Scan};
use super::{Body, Kind, Shared};

/// Most bytes of items that one write takes.
const WRITE_BYTES: usize = 256 << 10;
/// Most numbers in one record of items that are gone.
const GONE_MAX: usize = 4096;
/// Longest time until the disk is told what is gone.
const GONE_AGE_MAX: Duration = Duration::from_millis(50);
/// Least time between two writes of results: what the broker acknowledges meanwhile is not written.
pub(super) const GATHERING: Duration = Duration::from_millis(1);
/// Wait before a disk that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Most files.
const SEGMENTS_MAX: usize = 512;
/// Largest file: it is read whole at the start.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;

/// Where segments are. Numbers of segments rise.
pub(super) trait Disk {
    /// The segments that are there, in their order.
    fn segments(&mut self) -> io::Result<Vec<u32>>;
    /// Begins a segment; what is appended goes there from now on.
    fn create(&mut self, segment: u32) -> io::Result<()>;
    /// Adds bytes to the newest segment. They are synced soon; at once if it is urgent.
    fn append(&mut self, bytes: &[u8], is_urgent: bool) -> io::Result<()>;
    /// A part of a segment.
    fn read(&mut self, place: Place) -> io::Result<Vec<u8>>;
    /// A whole segment.
    fn read_all(&mut self, segment: u32) -> io::Result<Vec<u8>>;
    /// Removes a segment.
    fn delete(&mut self, segment: u32) -> io::Result<()>;
    /// Returns when all that was appended is on the disk for good.
    fn sync(&mut self) -> io::Result<()>;
}

/// How the files share their place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// A segment is ended before it grows beyond this.
    pub(super) segment_bytes: u64,
    /// Beyond so many bytes in all, what waits in the oldest segment is copied to the newest.
    pub(super) compact_beyond_bytes: u64,
}

impl Sizes {
    /// Three quarters of the place are for what waits; the rest is for what is acknowledged and not
    /// cleared away yet.
    pub(super) fn of(bytes_max: u64) -> (Sizes, u64) {
        let sizes = Sizes {
            segment_bytes: (bytes_max / 32).min(SEGMENT_BYTES_MAX),
            compact_beyond_bytes: bytes_max / 8 * 7,
        };
        (sizes, bytes_max / 4 * 3)
    }

    /// The largest record.
    pub(super) fn record_bytes_max(&self) -> usize {
        usize::try_from(self.segment_bytes / 2).unwrap_or(usize::MAX)
    }
}

/// Keeps the queue's files.
pub(super) struct Keeper<D> {
    disk: D,
    shared: Arc<Shared>,
    sizes: Sizes,
    /// Bytes of each segment.
    segments: BTreeMap<u32, u64>,
    /// What is appended goes there; none where the next write begins a segment.
    current: Option<u32>,
    next_segment: u32,
    /// When the disk is tried again.
    failed_until: Option<Instant>,
    /// The log says that the disk fails.
    has_told_failure: bool,
    gone_told: Instant,
    /// When items were written last.
    wrote: Instant,
}

impl<D: Disk> Keeper<D> {
    /// Reads what a run before has left into the queue.
    pub(super) fn open(mut disk: D, shared: Arc<Shared>, sizes: Sizes) -> io::Result<Self> {
        let (mut segments, mut next_segment) = (BTreeMap::new(), 0);
        let mut queue = shared.queue();
        for segment in disk.segments()? {
            let bytes = disk.read_all(segment)?;
            let mut scan = Scan::new(&bytes);
            for (range, entry) in scan.by_ref() {
                match entry {
                    Entry::Item { number, kind, .. } => {
                        let offset = range.start as u32;
                        let bytes = range.len() as u32;
                        queue.restore(number, kind, Place { segment, offset, bytes });
                    }
                    Entry::Gone(numbers) => {
                        numbers.into_iter().for_each(|number| queue.restore_gone(number));
                    }
                }
            }
            shared.damaged.add(scan.damaged);
            segments.insert(segment, bytes.len() as u64);
            next_segment = segment.saturating_add(1);
        }
        queue.restored();
        drop(queue);
        let mut keeper = Keeper {
            disk,
            shared,
            sizes,
            segments,
            current: None,
            next_segment,
            failed_until: None,
            has_told_failure: false,
            gone_told: Instant::now(),
            wrote: Instant::now(),
        };
        keeper.delete_dead();
        Ok(keeper)
    }

    /// Works until the outbox ends.
    pub(super) fn run(mut self) {
        loop {
            self.step(Instant::now());
            let shared = Arc::clone(&self.shared);
            let mut queue = shared.queue();
            loop {
                if shared.is_ending() {
                    drop(queue);
                    self.finish();
                    return;
                }
                let now = Instant::now();
                let wait = self.wait(&queue, now);
                if wait.is_zero() {
                    break;
                }
                shared.keeper_is_timed.store(queue.has_unwritten(), Ordering::Relaxed);
                queue = shared.wait(queue, wait);
            }
        }
    }

    /// How long there is nothing to do.
    pub(super) fn wait(&self, queue: &Queue, now: Instant) -> Duration {
        if queue.is_starved() {
            return Duration::ZERO;
        }
        if let Some(until) = self.failed_until {
            return until.saturating_duration_since(now);
        }
        match (queue.has_unwritten(), queue.gone_len()) {
            (true, _) if queue.has_unwritten_alarms() => Duration::ZERO,
            (true, _) => (self.wrote + GATHERING).saturating_duration_since(now),
            (false, 0) => Duration::from_secs(3600),
            (false, _) => (self.gone_told + GONE_AGE_MAX).saturating_duration_since(now),
        }
    }

    /// Does all that is due.
    pub(super) fn step(&mut self, now: Instant) {
        self.load();
        if self.failed_until.is_some_and(|until| now < until) {
            return;
        }
        let wrote = self.write(now).and_then(|wrote| self.tidy().map(|()| wrote));
        match wrote {
            Err(error) => return self.failed(&error, now),
            Ok(true) if std::mem::take(&mut self.has_told_failure) => {
                tracing::info!("the disk takes results and alarms again");
            }
            Ok(_) => {}
        }
        self.failed_until = None;
    }

    /// The end: everything is written and synced.
    pub(super) fn finish(&mut self) {
        loop {
            let now = self.gone_told + GONE_AGE_MAX;
            match self.write(now) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return self.failed(&error, now),
            }
        }
        if let Err(error) = self.disk.sync() {
            self.failed(&error, self.gone_told);
        }
    }

    /// The queue goes on in memory; the disk is tried again later.
    fn failed(&mut self, error: &io::Error, now: Instant) {
        self.shared.disk_errors.add(1);
        if !std::mem::replace(&mut self.has_told_failure, true) {
            tracing::error!(
                %error,
                "results and alarms that wait cannot be written: they are kept in memory alone, \
                 and the oldest are dropped when there are too many; make room on the disk of the \
                 state folder, or name another with --state"
            );
        }
        self.failed_until = Some(now + RETRY);
    }

    /// Writes what came, and what is gone if that is due. False where there was nothing to write.
    fn write(&mut self, now: Instant) -> io::Result<bool> {
        let (batch, gone) = {
            let mut queue = self.shared.queue();
            let batch = queue.to_write(WRITE_BYTES.min(self.sizes.record_bytes_max()));
            let is_due = !batch.is_empty() || now >= self.gone_told + GONE_AGE_MAX;
            (batch, if is_due { queue.take_gone(GONE_MAX) } else { Vec::new() })
        };
        if batch.is_empty() && gone.is_empty() {
            return Ok(false);
        }
        self.wrote = now;
        let (mut bytes, mut starts) = (Vec::new(), Vec::with_capacity(batch.len()));
        for (number, body) in &batch {
            starts.push((*number, bytes.len()));
            record::write_item(&mut bytes, *number, body.kind, &body.stream, &body.payload);
        }
        let items_end = bytes.len();
        if !gone.is_empty() {
            record::write_gone(&mut bytes, &gone);
            self.gone_told = now;
        }
        let is_urgent = batch.iter().any(|(_, body)| body.kind == Kind::Alarm);
        match self.append(&bytes, is_urgent) {
            Ok((segment, start)) => {
                let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([items_end]);
                let mut queue = self.shared.queue();
                for (&(number, from), to) in starts.iter().zip(ends) {
                    let (offset, bytes) = (start + from as u32, (to - from) as u32);
                    queue.written(number, Place { segment, offset, bytes });
                }
                drop(queue);
                Ok(true)
            }
            Err(error) => {
                let mut queue = self.shared.queue();
                queue.untold(gone);
                queue.may_be_written(batch.iter().map(|(number, _)| *number));
                drop(queue);
                Err(error)
            }
        }
    }

    /// Adds bytes to a segment that has room for them; tells where they begin.
    fn append(&mut self, bytes: &[u8], is_urgent: bool) -> io::Result<(u32, u32)> {
        let has_room =
            |segment: &u32| self.segments[segment] + bytes.len() as u64 <= self.sizes.segment_bytes;
        let segment = match self.current.filter(has_room) {
            Some(segment) if !self.shared.take_sync_failed() => segment,
            _ => {
                let segment = self.next_segment;
                self.disk.create(segment)?;
                self.next_segment = segment.saturating_add(1);
                self.segments.insert(segment, 0);
                self.current = Some(segment);
                segment
            }
        };
        let appended = self.disk.append(bytes, is_urgent);
        let size = self.segments.entry(segment).or_default();
        let start = *size as u32;
        // Where it failed, any part of it may be there.
        *size += bytes.len() as u64;
        self.shared.disk_bytes.set(self.segments.values().sum());
        if appended.is_err() {
            // What was written in part must not be followed by more.
            self.current = None;
            if start == 0 && self.disk.delete(segment).is_ok() {
                self.segments.remove(&segment);
            }
        }
        appended.map(|()| (segment, start))
    }

    /// Reads what is next to leave.
    fn load(&mut self) {
        let wanted = self.shared.queue().take_wanted();
        if wanted.is_empty() {
            return;
        }
        for (number, place) in wanted {
            let read = self.disk.read(place);
            let mut queue = self.shared.queue();
            match read.as_deref().map(record::read) {
                Ok(Some((Entry::Item { number: found, kind, stream, payload }, _)))
                    if found == number =>
                {
                    let (stream, payload) = (stream.to_owned(), Bytes::copy_from_slice(payload));
                    queue.loaded(number, Body { kind, stream, payload, received: None });
                }
                Ok(_) => {
                    self.shared.damaged.add(1);
                    queue.remove(number);
                }
                Err(error) => {
                    tracing::error!(%error, number, "what waits cannot be read again, and is lost");
                    self.shared.damaged.add(1);
                    queue.remove(number);
                }
            }
        }
        self.shared.tell();
    }

    /// Clears away what is done, so that there is room.
    fn tidy(&mut self) -> io::Result<()> {
        self.delete_dead();
        for _ in 0..self.segments.len() {
            let total: u64 = self.segments.values().sum();
            let is_much =
                total > self.sizes.compact_beyond_bytes || self.segments.len() > SEGMENTS_MAX;
            match self.segments.first_key_value() {
                Some((&oldest, _)) if is_much && Some(oldest) != self.current => {
                    self.compact(oldest)?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// Deletes segments in which nothing waits, from the oldest on: a later one may say what is
    /// gone from an earlier one.
    fn delete_dead(&mut self) {
        while let Some((&oldest, _)) = self.segments.first_key_value() {
            if Some(oldest) == self.current || !self.shared.queue().is_dead(oldest) {
                break;
            }
            if let Err(error) = self.disk.delete(oldest) {
                self.shared.disk_errors.add(1);
                tracing::debug!(%error, segment = oldest, "a segment cannot be deleted yet");
                break;
            }
            self.segments.remove(&oldest);
        }
        self.shared.disk_bytes.set(self.segments.values().sum());
    }

    /// Copies what waits in the oldest segment to the newest, and deletes it.
    fn compact(&mut self, oldest: u32) -> io::Result<()> {
        let bytes = self.disk.read_all(oldest)?;
        let live = self.shared.queue().in_segment(oldest);
        for (number, place) in live {
            let start = place.offset as usize;
            let whole = bytes.get(start..start + place.bytes as usize);
            match whole.filter(|whole| record::read(whole).is_some()) {
                Some(whole) => {
                    let (segment, offset) = self.append(whole, false)?;
                    let place = Place { segment, offset, bytes: place.bytes };
                    self.shared.queue().moved(number, place);
                }
                None => {
                    self.shared.damaged.add(1);
                    self.shared.queue().remove(number);
                }
            }
        }
        self.disk.sync()?;
        self.delete_dead();
        Ok(())
    }
}
