//! What waits for the broker, in which order it leaves, and what is dropped. No IO, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::record::item_bytes;
use super::{Body, Kind};

/// Where the record of an item stands on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) bytes: u32,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most items: each takes some bytes of memory, wherever its payload is.
    pub(super) items_max: usize,
    /// Most bytes of the records of all items.
    pub(super) disk_bytes_max: u64,
    /// Most bytes that are not on the disk (yet).
    pub(super) memory_bytes_max: usize,
    /// Beyond so many bytes in memory, the payloads of what is on the disk are left there.
    pub(super) window_bytes: usize,
}

struct Item {
    /// None where it is in memory alone.
    place: Option<Place>,
    /// None where it is on the disk alone.
    body: Option<Arc<Body>>,
    record_bytes: u32,
    /// A write that failed may have left its record on the disk.
    may_be_written: bool,
}

/// Items of one kind, by number.
#[derive(Default)]
struct Lane {
    items: BTreeMap<u64, Item>,
    /// Those without a place.
    unwritten: BTreeSet<u64>,
    dropped: u64,
}

impl Lane {
    /// Where its items stand, from this number on.
    fn places(&self, from: u64) -> impl Iterator<Item = (&u64, Option<Place>)> {
        self.items.range(from..).map(|(number, item)| (number, item.place))
    }
}

/// Everything that waits. Numbers rise in the order in which items come.
pub(super) struct Queue {
    bounds: Bounds,
    results: Lane,
    alarms: Lane,
    /// Number of the next item that comes.
    next: u64,
    /// The first number that this connection has not been given.
    unsent: u64,
    record_bytes: u64,
    unwritten_bytes: usize,
    memory_bytes: usize,
    /// Items with a place, by segment.
    live: BTreeMap<u32, u64>,
    /// Numbers that the disk must be told of.
    gone: Vec<u64>,
    /// What is next to leave has no payload in memory.
    is_starved: bool,
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        Queue {
            bounds,
            results: Lane::default(),
            alarms: Lane::default(),
            next: 0,
            unsent: 0,
            record_bytes: 0,
            unwritten_bytes: 0,
            memory_bytes: 0,
            live: BTreeMap::new(),
            gone: Vec::new(),
            is_starved: false,
        }
    }

    /// A record that a run before has left.
    pub(super) fn restore(&mut self, number: u64, kind: Kind, place: Place) {
        self.forget(number);
        self.next = self.next.max(number.saturating_add(1));
        *self.live.entry(place.segment).or_default() += 1;
        self.record_bytes += u64::from(place.bytes);
        let item = Item {
            place: Some(place),
            body: None,
            record_bytes: place.bytes,
            may_be_written: true,
        };
        self.lane(kind).items.insert(number, item);
    }

    /// A record that says that an item is gone.
    pub(super) fn restore_gone(&mut self, number: u64) {
        self.forget(number);
        self.next = self.next.max(number.saturating_add(1));
    }

    /// All records of the run before are told.
    pub(super) fn restored(&mut self) {
        self.shrink();
    }

    /// Adds an item. What there is no place for any more is dropped and counted.
    pub(super) fn push(&mut self, body: Arc<Body>) -> u64 {
        let number = self.next;
        self.next += 1;
        let bytes = item_bytes(&body.stream, &body.payload);
        self.record_bytes += bytes as u64;
        self.unwritten_bytes += bytes;
        self.memory_bytes += bytes;
        let lane = self.lane(body.kind);
        let record_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        lane.items.insert(
            number,
            Item { place: None, body: Some(body), record_bytes, may_be_written: false },
        );
        lane.unwritten.insert(number);
        self.shrink();
        number
    }

    /// The oldest items that are not on the disk, of about so many bytes.
    pub(super) fn to_write(&self, bytes_max: usize) -> Vec<(u64, Arc<Body>)> {
        let mut bytes = 0;
        let results = self.results.unwritten.iter().map(|number| (number, &self.results));
        let alarms = self.alarms.unwritten.iter().map(|number| (number, &self.alarms));
        merged(results, alarms)
            .filter_map(|(number, lane)| {
                let body = lane.items.get(number)?.body.as_ref()?;
                Some((*number, Arc::clone(body)))
            })
            .take_while(|(_, body)| {
                let fits = bytes < bytes_max;
                bytes += item_bytes(&body.stream, &body.payload);
                fits
            })
            .collect()
    }

    /// A record was written. Where its item has gone meanwhile, the disk is told.
    pub(super) fn written(&mut self, number: u64, place: Place) {
        self.put(number, place);
        let (is_sent, is_full) =
            (number < self.unsent, self.memory_bytes > self.bounds.window_bytes);
        if (is_sent || is_full)
            && let Some(item) = self.item(number)
            && item.body.take().is_some()
        {
            self.memory_bytes -= place.bytes as usize;
        }
    }

    /// A write failed that had the records of these: any of them may be on the disk. Where an item
    /// has gone meanwhile, the disk is told.
    pub(super) fn may_be_written(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            match self.item(number) {
                Some(item) => item.may_be_written = true,
                None => self.gone.push(number),
            }
        }
    }

    /// A record was copied elsewhere.
    pub(super) fn moved(&mut self, number: u64, place: Place) {
        self.put(number, place);
    }

    fn put(&mut self, number: u64, place: Place) {
        let Some(item) = self.item(number) else {
            self.gone.push(number);
            return;
        };
        match item.place.replace(place) {
            Some(before) => self.leave_segment(before.segment),
            None => {
                self.unwritten_bytes -= place.bytes as usize;
                self.results.unwritten.remove(&number);
                self.alarms.unwritten.remove(&number);
            }
        }
        *self.live.entry(place.segment).or_default() += 1;
    }

    /// Counts an item that is too large to wait.
    pub(super) fn refuse_large(&mut self, kind: Kind) {
        self.lane(kind).dropped += 1;
    }

    /// The next item for this connection, if its payload is in memory. Whether it is on the disk, too,
    /// is not waited for.
    pub(super) fn take(&mut self) -> Option<(u64, Arc<Body>)> {
        let unsent = self.unsent;
        let next = |lane: &Lane| lane.items.range(unsent..).next().map(|(number, _)| *number);
        let number = [next(&self.results), next(&self.alarms)].into_iter().flatten().min()?;
        let item = self.item(number)?;
        let (body, is_written) = (item.body.clone(), item.place.is_some());
        let Some(body) = body else {
            self.is_starved = true;
            return None;
        };
        if is_written {
            item.body = None;
            self.memory_bytes -= item_bytes(&body.stream, &body.payload);
        }
        self.unsent = number + 1;
        Some((number, body))
    }

    /// Whether what is next to leave must be read first.
    pub(super) fn is_starved(&self) -> bool {
        self.is_starved
    }

    /// What is next to leave and must be read first.
    pub(super) fn take_wanted(&mut self) -> Vec<(u64, Place)> {
        if !std::mem::take(&mut self.is_starved) {
            return Vec::new();
        }
        let mut bytes = 0;
        let window_bytes = self.bounds.window_bytes;
        merged(self.results.places(self.unsent), self.alarms.places(self.unsent))
            .map_while(|(&number, place)| Some((number, place?)))
            .take_while(|(_, place)| {
                let fits = bytes < window_bytes;
                bytes += place.bytes as usize;
                fits
            })
            .collect()
    }

    /// The payload that was read.
    pub(super) fn loaded(&mut self, number: u64, body: Body) {
        let bytes = item_bytes(&body.stream, &body.payload);
        if let Some(item) = self.item(number)
            && item.body.is_none()
        {
            item.body = Some(Arc::new(body));
            self.memory_bytes += bytes;
        }
    }

    /// The broker has it, or will never take it, or the disk has lost it.
    pub(super) fn remove(&mut self, number: u64) {
        if self.forget(number).is_some_and(|item| item.place.is_some() || item.may_be_written) {
            self.gone.push(number);
        }
    }

    /// A new connection: what was not acknowledged leaves again, in its order.
    pub(super) fn rewind(&mut self) {
        self.unsent = 0;
    }

    /// At most so many numbers that the disk must be told of; they are not asked for again.
    pub(super) fn take_gone(&mut self, count_max: usize) -> Vec<u64> {
        let left = self.gone.len().saturating_sub(count_max);
        self.gone.split_off(left)
    }

    /// The disk could not be told of these.
    pub(super) fn untold(&mut self, numbers: Vec<u64>) {
        self.gone.extend(numbers);
    }

    /// How many numbers the disk must be told of.
    pub(super) fn gone_len(&self) -> usize {
        self.gone.len()
    }

    /// Whether nothing that waits stands in this segment.
    pub(super) fn is_dead(&self, segment: u32) -> bool {
        !self.live.contains_key(&segment)
    }

    /// What waits and stands in this segment.
    pub(super) fn in_segment(&self, segment: u32) -> Vec<(u64, Place)> {
        merged(self.results.places(0), self.alarms.places(0))
            .filter_map(|(&number, place)| Some((number, place?)))
            .filter(|(_, place)| place.segment == segment)
            .collect()
    }

    pub(super) fn has_unwritten(&self) -> bool {
        self.has_unwritten_alarms() || !self.results.unwritten.is_empty()
    }

    pub(super) fn has_unwritten_alarms(&self) -> bool {
        !self.alarms.unwritten.is_empty()
    }

    /// How many of a kind wait.
    pub(super) fn waiting(&self, kind: Kind) -> usize {
        match kind {
            Kind::Result => self.results.items.len(),
            Kind::Alarm => self.alarms.items.len(),
        }
    }

    /// How many of a kind were dropped.
    pub(super) fn dropped(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Result => self.results.dropped,
            Kind::Alarm => self.alarms.dropped,
        }
    }

    fn lane(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Result => &mut self.results,
            Kind::Alarm => &mut self.alarms,
        }
    }

    fn item(&mut self, number: u64) -> Option<&mut Item> {
        self.results.items.get_mut(&number).or_else(|| self.alarms.items.get_mut(&number))
    }

    /// Drops what is beyond the bounds: results before alarms, the oldest first.
    fn shrink(&mut self) {
        let is_beyond = |queue: &Queue| {
            queue.results.items.len() + queue.alarms.items.len() > queue.bounds.items_max
                || queue.record_bytes > queue.bounds.disk_bytes_max
        };
        while is_beyond(self) {
            let unsent = self.unsent;
            // What is on its way to the broker already would arrive and be counted as dropped.
            let oldest = |lane: &Lane| {
                let first = lane.items.range(unsent..).next().or_else(|| lane.items.iter().next());
                first.map(|(number, _)| *number)
            };
            let Some((kind, number)) = first_of(&self.results, &self.alarms, oldest) else {
                return;
            };
            self.drop_item(kind, number);
        }
        while self.unwritten_bytes > self.bounds.memory_bytes_max {
            let oldest = |lane: &Lane| lane.unwritten.first().copied();
            let Some((kind, number)) = first_of(&self.results, &self.alarms, oldest) else {
                return;
            };
            self.drop_item(kind, number);
        }
    }

    fn drop_item(&mut self, kind: Kind, number: u64) {
        self.remove(number);
        self.lane(kind).dropped += 1;
    }

    fn forget(&mut self, number: u64) -> Option<Item> {
        let results = &mut self.results;
        let lane = match results.items.contains_key(&number) {
            true => results,
            false => &mut self.alarms,
        };
        let item = lane.items.remove(&number)?;
        lane.unwritten.remove(&number);
        let bytes = item.record_bytes as usize;
        self.record_bytes -= bytes as u64;
        if item.body.is_some() {
            self.memory_bytes -= bytes;
        }
        match item.place {
            Some(place) => self.leave_segment(place.segment),
            None => self.unwritten_bytes -= bytes,
        }
        Some(item)
    }

    fn leave_segment(&mut self, segment: u32) {
        if let Some(count) = self.live.get_mut(&segment) {
            *count -= 1;
            if *count == 0 {
                self.live.remove(&segment);
            }
        }
    }
}

/// What `find` finds among the results, else among the alarms.
fn first_of(
    results: &Lane,
    alarms: &Lane,
    find: impl Fn(&Lane) -> Option<u64>,
) -> Option<(Kind, u64)> {
    let result = find(results).map(|number| (Kind::Result, number));
    result.or_else(|| find(alarms).map(|number| (Kind::Alarm, number)))
}

/// Two rising sequences as one.
fn merged<'a, T>(
    a: impl Iterator<Item = (&'a u64, T)>,
    b: impl Iterator<Item = (&'a u64, T)>,
) -> impl Iterator<Item = (&'a u64, T)> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some((x, _)), Some((y, _))) if y < x => b.next(),
        (None, _) => b.next(),
        _ => a.next(),
    })
}
