//! Brings samples into the order of their time, within the pipeline's lateness, and joins parts of
//! one row.

use std::collections::VecDeque;

use crate::pipeline::check::held_rows_max;
use crate::pipeline::{Pipeline, Rate, TimeSource};

/// A clock that was set back is followed when it went back by more than this. Until then late
/// samples are what a repeated delivery looks like.
const CLOCK_BACK_NS: i64 = 60_000_000_000;
/// … and when so many samples in a row say so, each later than the one before: one sample with a
/// wrong time does not end a segment.
const CLOCK_BACK_SAMPLES: u32 = 32;
/// Rows that are held beyond what rate and lateness call for.
const SPARE_ROWS: usize = 64;

/// A sample, or the value of one of its channels.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A value for each channel; NaN where there is none.
    Row(&'a [f32]),
    /// The value of one channel.
    One(usize, f32),
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is a row, passed on or held.
    Row,
    /// It was joined to a row that is still held.
    Joined,
    /// Too old.
    Late,
    /// The last of many that say that the clock was set back: too old, and everything must start
    /// anew after it.
    ClockBack,
    /// There are values for that time already.
    Duplicate,
    /// Nothing to join.
    Empty,
}

#[derive(Debug)]
struct Held {
    time_ns: i64,
    /// Which row of the store.
    slot: usize,
}

/// Holds rows until none that belongs before them can come.
#[derive(Debug)]
pub(super) struct Order {
    channels: usize,
    /// The channels that make a row complete: those that are not carried to the clock of others.
    clock: Vec<usize>,
    lateness_ns: i64,
    rows_max: usize,
    /// Sorted by time.
    held: VecDeque<Held>,
    store: Vec<f32>,
    free: Vec<usize>,
    newest_ns: Option<i64>,
    released_ns: Option<i64>,
    backwards: u32,
    backwards_ns: i64,
}

impl Order {
    pub(super) fn new(pipeline: &Pipeline) -> Self {
        let channels = pipeline.channels.len();
        // Arrival has no order but its own: there is nothing to wait for.
        let lateness_ms = match pipeline.time {
            TimeSource::Event => pipeline.lateness_ms,
            TimeSource::Arrival => 0,
        };
        let lateness_s = f64::from(lateness_ms) / 1e3;
        let rows_max = match pipeline.rate {
            Rate::None => held_rows_max(channels),
            Rate::Fixed { hz, tolerance, .. } => {
                let rows = (lateness_s * hz * (1.0 + tolerance)).ceil() as usize + SPARE_ROWS;
                rows.min(held_rows_max(channels) + SPARE_ROWS)
            }
        };
        let clock = pipeline.channels.iter().enumerate();
        Order {
            channels,
            clock: clock.filter(|(_, c)| c.align.is_none()).map(|(index, _)| index).collect(),
            lateness_ns: i64::from(lateness_ms) * 1_000_000,
            rows_max,
            held: VecDeque::new(),
            store: Vec::new(),
            free: Vec::new(),
            newest_ns: None,
            released_ns: None,
            backwards: 0,
            backwards_ns: 0,
        }
    }

    /// Holds rows of no pipeline: each channel may come with any row.
    pub(super) fn of_rows(lateness_ms: u32) -> Self {
        Order {
            channels: 0,
            clock: Vec::new(),
            lateness_ns: i64::from(lateness_ms) * 1_000_000,
            rows_max: held_rows_max(0),
            held: VecDeque::new(),
            store: Vec::new(),
            free: Vec::new(),
            newest_ns: None,
            released_ns: None,
            backwards: 0,
            backwards_ns: 0,
        }
    }

    /// From now on there are more channels; rows that are held have no value of them yet.
    pub(super) fn widen(&mut self, channels: usize) {
        let before = self.channels;
        let mut store = Vec::with_capacity(self.store.len() / before.max(1) * channels);
        if before > 0 {
            for row in self.store.chunks_exact(before) {
                store.extend_from_slice(row);
                store.resize(store.len() + channels - before, f32::NAN);
            }
        }
        self.store = store;
        self.clock.extend(before..channels);
        (self.channels, self.rows_max) = (channels, held_rows_max(channels));
    }

    /// Places one part and passes on the rows that nothing can come before any more.
    pub(super) fn place(
        &mut self,
        time_ns: i64,
        part: Part<'_>,
        next: &mut impl FnMut(i64, &[f32]),
    ) -> Placed {
        if self.released_ns.is_some_and(|released| time_ns <= released)
            || self
                .newest_ns
                .is_some_and(|newest| time_ns < newest.saturating_sub(self.lateness_ns))
        {
            return self.place_behind(time_ns, part, next);
        }
        self.backwards = 0;
        if let Part::Row(values) = part
            && self.lateness_ns == 0
            && self.held.is_empty()
            && is_complete(&self.clock, values)
        {
            (self.newest_ns, self.released_ns) = (Some(time_ns), Some(time_ns));
            next(time_ns, values);
            return Placed::Row;
        }
        let placed = self.hold(time_ns, part);
        self.newest_ns = Some(self.newest_ns.map_or(time_ns, |newest| newest.max(time_ns)));
        self.release(next);
        placed
    }

    /// The latest time seen.
    pub(super) fn newest_ns(&self) -> Option<i64> {
        self.newest_ns
    }

    /// Passes on everything that is held and forgets what time it is.
    pub(super) fn finish(&mut self, next: &mut impl FnMut(i64, &[f32])) {
        while !self.held.is_empty() {
            self.release_first(next);
        }
        (self.newest_ns, self.released_ns, self.backwards) = (None, None, 0);
    }

    /// A part whose time has been passed on already, or lies too far back.
    fn place_behind(
        &mut self,
        time_ns: i64,
        part: Part<'_>,
        next: &mut impl FnMut(i64, &[f32]),
    ) -> Placed {
        if self.released_ns == Some(time_ns) {
            // The row is gone, but a slower channel's value may still count for the rows after it.
            if self.is_clockless(part) {
                let slot = self.fill_slot(part);
                next(time_ns, &self.store[slot * self.channels..][..self.channels]);
                self.free.push(slot);
                return Placed::Row;
            }
            return Placed::Duplicate;
        }
        let newest = self.newest_ns.unwrap_or(time_ns);
        if newest.saturating_sub(time_ns) <= self.lateness_ns.saturating_add(CLOCK_BACK_NS) {
            self.backwards = 0;
            return Placed::Late;
        }
        let follows = self.backwards > 0 && time_ns > self.backwards_ns;
        self.backwards = if follows { self.backwards + 1 } else { 1 };
        self.backwards_ns = time_ns;
        if self.backwards < CLOCK_BACK_SAMPLES { Placed::Late } else { Placed::ClockBack }
    }

    fn hold(&mut self, time_ns: i64, part: Part<'_>) -> Placed {
        let mut position = self.held.len();
        while position > 0 && self.held[position - 1].time_ns > time_ns {
            position -= 1;
        }
        match position.checked_sub(1).map(|before| &self.held[before]) {
            Some(held) if held.time_ns == time_ns => {
                let slot = held.slot;
                self.join(slot, part)
            }
            _ => {
                let slot = self.fill_slot(part);
                self.held.insert(position, Held { time_ns, slot });
                Placed::Row
            }
        }
    }

    /// Joins a part to a held row, unless one of its values is there already.
    fn join(&mut self, slot: usize, part: Part<'_>) -> Placed {
        let row = &mut self.store[slot * self.channels..][..self.channels];
        let one;
        let (first, values) = match part {
            Part::Row(values) => (0, values),
            Part::One(channel, value) => {
                one = [value];
                (channel, &one[..])
            }
        };
        let row = &mut row[first..][..values.len()];
        if !values.iter().any(|value| value.is_finite()) {
            return Placed::Empty;
        }
        if row.iter().zip(values).any(|(there, value)| there.is_finite() && value.is_finite()) {
            return Placed::Duplicate;
        }
        for (there, value) in row.iter_mut().zip(values) {
            if value.is_finite() {
                *there = *value;
            }
        }
        Placed::Joined
    }

    fn release(&mut self, next: &mut impl FnMut(i64, &[f32])) {
        while let Some(first) = self.held.front() {
            let settled =
                self.newest_ns.is_some_and(|n| first.time_ns < n.saturating_sub(self.lateness_ns));
            let row = &self.store[first.slot * self.channels..][..self.channels];
            // A row from parts may still get values of slower channels while time stands.
            let at_once = self.lateness_ns == 0 && row.iter().all(|value| value.is_finite());
            if !settled && !at_once && self.held.len() <= self.rows_max {
                return;
            }
            self.release_first(next);
        }
    }

    fn release_first(&mut self, next: &mut impl FnMut(i64, &[f32])) {
        if let Some(Held { time_ns, slot }) = self.held.pop_front() {
            self.released_ns = Some(time_ns);
            next(time_ns, &self.store[slot * self.channels..][..self.channels]);
            self.free.push(slot);
        }
    }

    /// Puts a part into an unused row of the store, NaN where it has no value.
    fn fill_slot(&mut self, part: Part<'_>) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.store.resize(self.store.len() + self.channels, f32::NAN);
            self.store.len() / self.channels - 1
        });
        let row = &mut self.store[slot * self.channels..][..self.channels];
        match part {
            Part::Row(values) => row.copy_from_slice(values),
            Part::One(channel, value) => {
                row.fill(f32::NAN);
                row[channel] = value;
            }
        }
        slot
    }

    /// True for values of slower channels alone.
    fn is_clockless(&self, part: Part<'_>) -> bool {
        match part {
            Part::One(channel, value) => value.is_finite() && !self.clock.contains(&channel),
            Part::Row(values) => {
                values.iter().any(|value| value.is_finite())
                    && !self.clock.iter().any(|channel| values[*channel].is_finite())
            }
        }
    }
}

fn is_complete(clock: &[usize], values: &[f32]) -> bool {
    clock.iter().all(|channel| values[*channel].is_finite())
}
