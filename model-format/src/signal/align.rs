//! Carries the values of slower channels to the rows of the pipeline's clock.

use std::collections::VecDeque;

use crate::pipeline::check::held_rows_max;
use crate::pipeline::{AlignMethod, Pipeline};

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aligned {
    /// It is passed on, now or later.
    Row,
    /// It only brought values of slower channels.
    Update,
    /// A channel of the clock has no value.
    Missing,
}

#[derive(Debug)]
struct Slow {
    channel: usize,
    method: AlignMethod,
    age_max_ns: i64,
    last: Option<(i64, f32)>,
    /// How many of the waiting rows, from the front, have their value of this channel.
    resolved: usize,
}

/// Gives every row of the clock a value of each slower channel, or NaN where there is none.
#[derive(Debug)]
pub(super) struct Aligner {
    channels: usize,
    clock: Vec<usize>,
    slow: Vec<Slow>,
    rows_max: usize,
    /// Rows that wait for the later end of a straight line.
    times: VecDeque<i64>,
    values: VecDeque<f32>,
    row: Vec<f32>,
}

impl Aligner {
    /// None where no channel is to be aligned.
    pub(super) fn new(pipeline: &Pipeline) -> Option<Self> {
        let channels = pipeline.channels.len();
        let (mut clock, mut slow) = (Vec::new(), Vec::new());
        for (channel, definition) in pipeline.channels.iter().enumerate() {
            match &definition.align {
                None => clock.push(channel),
                Some(align) => slow.push(Slow {
                    channel,
                    method: align.method,
                    age_max_ns: i64::from(align.age_max_ms) * 1_000_000,
                    last: None,
                    resolved: 0,
                }),
            }
        }
        (!slow.is_empty()).then(|| Aligner {
            channels,
            clock,
            slow,
            rows_max: held_rows_max(channels),
            times: VecDeque::new(),
            values: VecDeque::new(),
            row: Vec::with_capacity(channels),
        })
    }

    /// Takes a row, times not decreasing, and passes on the rows that have all their values.
    pub(super) fn row(
        &mut self,
        time_ns: i64,
        values: &[f32],
        next: &mut impl FnMut(i64, &[f32]),
    ) -> Aligned {
        for slow in &mut self.slow {
            slow.advance(
                time_ns,
                values[slow.channel],
                &self.times,
                &mut self.values,
                self.channels,
            );
        }
        let finite = |channel: &usize| values[*channel].is_finite();
        let aligned = if self.clock.iter().all(finite) {
            self.enqueue(time_ns, values);
            Aligned::Row
        } else if !self.clock.iter().any(finite) && values.iter().any(|v| v.is_finite()) {
            Aligned::Update
        } else {
            Aligned::Missing
        };
        if self.times.len() > self.rows_max {
            self.give_up();
        }
        self.pass_on(next);
        aligned
    }

    /// Passes on everything that waits and forgets all values.
    pub(super) fn finish(&mut self, next: &mut impl FnMut(i64, &[f32])) {
        self.give_up();
        self.pass_on(next);
        for slow in &mut self.slow {
            slow.last = None;
        }
    }

    fn enqueue(&mut self, time_ns: i64, values: &[f32]) {
        let waiting = self.times.len();
        let start = self.values.len();
        self.times.push_back(time_ns);
        self.values.extend(values);
        for slow in &mut self.slow {
            if let Some(value) = slow.now(time_ns, values[slow.channel]) {
                self.values[start + slow.channel] = value;
                slow.resolved = waiting + 1;
            }
        }
    }

    /// What still waits will get no value any more.
    fn give_up(&mut self) {
        for slow in &mut self.slow {
            slow.resolve(f32::NAN, &self.times, &mut self.values, self.channels);
        }
    }

    fn pass_on(&mut self, next: &mut impl FnMut(i64, &[f32])) {
        let waiting = self.times.len();
        let ready = self.slow.iter().map(|slow| slow.resolved).min().unwrap_or(waiting);
        for time_ns in self.times.drain(..ready) {
            self.row.clear();
            self.row.extend(self.values.drain(..self.channels));
            next(time_ns, &self.row);
        }
        for slow in &mut self.slow {
            slow.resolved -= ready;
        }
    }
}

impl Slow {
    /// Time has come to `time_ns`, where the channel has this value or none: completes the waiting
    /// rows for which that decides something.
    fn advance(
        &mut self,
        time_ns: i64,
        value: f32,
        times: &VecDeque<i64>,
        values: &mut VecDeque<f32>,
        channels: usize,
    ) {
        let reaches = self
            .last
            .is_some_and(|(last_ns, _)| time_ns.saturating_sub(last_ns) <= self.age_max_ns);
        match self.last {
            Some((last_ns, last)) if reaches && value.is_finite() => {
                let span = (time_ns - last_ns).max(1) as f64;
                for row in self.resolved..times.len() {
                    let share = (times[row] - last_ns) as f64 / span;
                    let line = f64::from(last) + (f64::from(value) - f64::from(last)) * share;
                    values[row * channels + self.channel] = line as f32;
                }
                self.resolved = times.len();
            }
            _ if !reaches => self.resolve(f32::NAN, times, values, channels),
            _ => {}
        }
        if value.is_finite() {
            self.last = Some((time_ns, value));
        }
    }

    /// The channel's value in a row that arrives now; none if the row must wait.
    fn now(&self, time_ns: i64, value: f32) -> Option<f32> {
        match self.last {
            _ if value.is_finite() => Some(value),
            Some((last_ns, last)) if time_ns.saturating_sub(last_ns) <= self.age_max_ns => {
                match self.method {
                    AlignMethod::Hold => Some(last),
                    AlignMethod::Linear if last_ns == time_ns => Some(last),
                    AlignMethod::Linear => None,
                }
            }
            _ => Some(f32::NAN),
        }
    }

    fn resolve(
        &mut self,
        value: f32,
        times: &VecDeque<i64>,
        values: &mut VecDeque<f32>,
        channels: usize,
    ) {
        for row in self.resolved..times.len() {
            values[row * channels + self.channel] = value;
        }
        self.resolved = times.len();
    }
}
