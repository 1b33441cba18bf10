//! A stream: the samples of one asset in, the pipeline's windows out.
//!
//! Stages, each in a file of its own: time and order (`order`), slower channels (`align`), the rate
//! (`rate`), gaps (`segment`), resampling (`resample`), windows (`window`).

use serde::{Deserialize, Serialize};

use super::align::{Aligned, Aligner};
pub use super::drops::Drops;
use super::order::{Order, Part, Placed};
use super::rate::{Judge, Step, Verdict};
use super::resample::Resampler;
pub use super::sample::{Sample, WindowRef};
use super::segment::Segment;
use crate::pipeline::{Gap, Pipeline, PipelineError, Rate, TimeSource};

/// How far an arrival may lie behind the one before it and still follow it: samples that arrive at
/// the same time are put one nanosecond apart.
const ARRIVAL_BEHIND_NS: i64 = 1_000_000;

/// The samples of one asset on their way to windows.
///
/// What comes out depends on the samples and their order alone, never on how they were grouped
/// into messages, on a clock or on a random number.
///
/// Windows leave as soon as they are certain. What makes them wait: `lateness_ms`; the first rows
/// after the start and after a change of rate, until the rate is measured (over one window, at
/// least 8 and at most 32 intervals); a row without all its values, until the next time comes; a
/// straight line, until its later end is there; the resampler ([`Stream::filter_delay_ns`]).
#[derive(Debug)]
pub struct Stream {
    channels: usize,
    time: TimeSource,
    order: Order,
    /// How rows without a rate are told apart where they carry no time.
    untimed: Untimed,
    rows: Rows,
}

/// How many samples came and what became of them. After [`Stream::finish`],
/// `pushed = rows + joined + drops.total()`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counts {
    /// Samples and single values given to the stream.
    pub pushed: u64,
    /// Rows that lie in a segment.
    pub rows: u64,
    /// Samples that were joined to a row of the same time, or only brought values of slower
    /// channels.
    pub joined: u64,
    /// Rows that were made up to fill gaps.
    pub filled: u64,
    /// Samples that did not reach a segment, by reason.
    pub drops: Drops,
}

/// Whether rows carry a time, decided by the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Untimed {
    /// The pipeline has a rate: rows need a time.
    Never,
    /// No row has come.
    Undecided,
    /// The first row had a time.
    No,
    /// The first row had none: rows are counted, this is the next one's number.
    Next(i64),
}

impl Stream {
    /// A stream that has seen nothing yet.
    ///
    /// # Errors
    /// The pipeline does not pass [`Pipeline::check`].
    pub fn new(pipeline: &Pipeline) -> Result<Stream, PipelineError> {
        pipeline.check()?;
        Ok(Stream {
            channels: pipeline.channels.len(),
            time: pipeline.time,
            order: Order::new(pipeline),
            untimed: match pipeline.rate {
                Rate::None => Untimed::Undecided,
                Rate::Fixed { .. } => Untimed::Never,
            },
            rows: Rows::new(pipeline),
        })
    }

    /// Takes one sample and hands out every window that it completes.
    ///
    /// A value that is NaN or infinite is missing. Samples of the same time are joined where they
    /// give different channels and the row has not left yet. Under the rate `none`, samples need no
    /// event time: if the first has none, the samples are counted, and the count is their time.
    pub fn push(&mut self, sample: Sample<'_>, emit: &mut dyn FnMut(WindowRef<'_>)) {
        self.rows.counts.pushed += 1;
        if sample.values.len() != self.channels {
            self.rows.counts.drops.wrong_width += 1;
            return;
        }
        match self.time_of(sample.event_ns, sample.arrival_ns) {
            Some(time_ns) => self.place(time_ns, Part::Row(sample.values), emit),
            None => self.push_untimed(sample, emit),
        }
    }

    /// Takes the value of one channel at one time, for sources that give channels one by one.
    /// Values of the same time form a row; it leaves when every channel has its value, or when a
    /// value of a later time (by more than `lateness_ms`) comes.
    pub fn push_value(
        &mut self,
        channel: usize,
        event_ns: Option<i64>,
        arrival_ns: i64,
        value: f32,
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) {
        self.rows.counts.pushed += 1;
        if channel >= self.channels {
            self.rows.counts.drops.wrong_width += 1;
            return;
        }
        match self.time_of(event_ns, arrival_ns) {
            Some(time_ns) => self.place(time_ns, Part::One(channel, value), emit),
            None => self.rows.counts.drops.no_event_time += 1,
        }
    }

    /// The end of the input: hands out the windows of what was held back. The next sample starts
    /// a new segment.
    pub fn finish(&mut self, emit: &mut dyn FnMut(WindowRef<'_>)) {
        let rows = &mut self.rows;
        self.order.finish(&mut |time_ns, values| rows.row(time_ns, values, emit));
        rows.finish(emit);
    }

    /// How many samples did not reach a segment, and why.
    pub fn drops(&self) -> &Drops {
        &self.rows.counts.drops
    }

    /// How many samples came and what became of them.
    pub fn counts(&self) -> &Counts {
        &self.rows.counts
    }

    /// The rate of the stream in hertz as last measured, whether it was accepted or refused; none
    /// before the first measurement and under the rate `none`.
    pub fn measured_hz(&self) -> Option<f64> {
        self.rows.rated.judge.as_ref().and_then(Judge::measured_hz)
    }

    /// How long after its time a row leaves the resampler: 24 periods of the slower of both rates;
    /// 0 where the stream has the pipeline's rate.
    pub fn filter_delay_ns(&self) -> i64 {
        self.rows.rated.segment.resampler().map_or(0, |resampler| resampler.delay_ns() as i64)
    }

    fn time_of(&self, event_ns: Option<i64>, arrival_ns: i64) -> Option<i64> {
        match self.time {
            TimeSource::Event => event_ns,
            TimeSource::Arrival => Some(arrival_ns),
        }
    }

    fn place(&mut self, time_ns: i64, part: Part<'_>, emit: &mut dyn FnMut(WindowRef<'_>)) {
        match self.untimed {
            Untimed::Undecided => self.untimed = Untimed::No,
            Untimed::Next(_) => {
                self.rows.counts.drops.no_event_time += 1;
                return;
            }
            Untimed::Never | Untimed::No => {}
        }
        let placed = match self.time {
            TimeSource::Event => self.place_at(time_ns, part, emit),
            TimeSource::Arrival => self.place_arrival(time_ns, part, emit),
        };
        let Counts { joined, drops, .. } = &mut self.rows.counts;
        match placed {
            Placed::Row => {}
            Placed::Joined => *joined += 1,
            Placed::Duplicate => drops.duplicate += 1,
            Placed::Empty => drops.missing_value += 1,
            Placed::Late => drops.late += 1,
            Placed::ClockBack => {
                drops.late += 1;
                self.finish(emit);
            }
        }
    }

    fn place_at(
        &mut self,
        time_ns: i64,
        part: Part<'_>,
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) -> Placed {
        let rows = &mut self.rows;
        self.order.place(time_ns, part, &mut |at_ns, values| rows.row(at_ns, values, emit))
    }

    /// Samples of one payload arrive at the same time: they are no duplicates.
    fn place_arrival(
        &mut self,
        arrival_ns: i64,
        part: Part<'_>,
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) -> Placed {
        let follows =
            |newest: &i64| (0..=ARRIVAL_BEHIND_NS).contains(&newest.wrapping_sub(arrival_ns));
        let time_ns = self.order.newest_ns().filter(follows).unwrap_or(arrival_ns);
        match self.place_at(time_ns, part, emit) {
            Placed::Duplicate => self.place_at(time_ns.saturating_add(1), part, emit),
            placed => placed,
        }
    }

    fn push_untimed(&mut self, sample: Sample<'_>, emit: &mut dyn FnMut(WindowRef<'_>)) {
        let number = match self.untimed {
            Untimed::Undecided => 0,
            Untimed::Next(number) => number,
            Untimed::Never | Untimed::No => {
                self.rows.counts.drops.no_event_time += 1;
                return;
            }
        };
        self.untimed = Untimed::Next(number.saturating_add(1));
        self.rows.row(number, sample.values, emit);
    }
}

/// Rows in the order of their time.
#[derive(Debug)]
struct Rows {
    aligner: Option<Aligner>,
    rated: Rated,
    counts: Counts,
}

impl Rows {
    fn new(pipeline: &Pipeline) -> Self {
        Rows {
            aligner: Aligner::new(pipeline),
            rated: Rated::new(pipeline),
            counts: Counts::default(),
        }
    }

    fn row(&mut self, time_ns: i64, values: &[f32], emit: &mut dyn FnMut(WindowRef<'_>)) {
        let Rows { aligner, rated, counts } = self;
        let Some(aligner) = aligner else {
            rated.row(time_ns, values, counts, emit);
            return;
        };
        let mut next = |at_ns: i64, row: &[f32]| rated.row(at_ns, row, counts, emit);
        match aligner.row(time_ns, values, &mut next) {
            Aligned::Row => {}
            Aligned::Update => counts.joined += 1,
            Aligned::Missing => counts.drops.missing_value += 1,
        }
    }

    fn finish(&mut self, emit: &mut dyn FnMut(WindowRef<'_>)) {
        let Rows { aligner, rated, counts } = self;
        if let Some(aligner) = aligner {
            aligner.finish(&mut |time_ns, row| rated.row(time_ns, row, counts, emit));
        }
        rated.finish(counts, emit);
    }
}

/// Rows with a value for every channel, or with one missing.
#[derive(Debug)]
struct Rated {
    gap: Gap,
    channels: usize,
    pipeline_ns: f64,
    /// None under the rate `none`.
    judge: Option<Judge>,
    /// Rows without all their values since the last good one: the gaps of rows without a rate.
    missing: u64,
    /// The longest interval within a segment of rows without a rate.
    interval_max_ns: Option<i64>,
    segment: Segment,
}

impl Rated {
    fn new(pipeline: &Pipeline) -> Self {
        let channels = pipeline.channels.len();
        let length = pipeline.window.length_samples;
        Rated {
            gap: pipeline.gap.clone(),
            channels,
            pipeline_ns: pipeline.rate.hz().map_or(0.0, |hz| 1e9 / hz),
            judge: match pipeline.rate {
                Rate::None => None,
                Rate::Fixed { hz, tolerance, mismatch } => {
                    let stall_ms = match pipeline.time {
                        TimeSource::Event => 0,
                        TimeSource::Arrival => pipeline.lateness_ms,
                    };
                    let rate = (hz, tolerance, mismatch);
                    Some(Judge::new(channels, length, rate, i64::from(stall_ms) * 1_000_000))
                }
            },
            missing: 0,
            interval_max_ns: pipeline.gap.interval_max_ms.map(|ms| ms as i64 * 1_000_000),
            segment: Segment::new(pipeline),
        }
    }

    fn row(
        &mut self,
        time_ns: i64,
        values: &[f32],
        counts: &mut Counts,
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) {
        if !values.iter().all(|value| value.is_finite()) {
            counts.drops.missing_value += 1;
            self.missing += 1;
            return;
        }
        let (missing, missing_max) = match &mut self.judge {
            None => {
                if self.interval_max_ns.is_some_and(|most| self.segment.interval_ns(time_ns) > most)
                {
                    self.segment.end();
                }
                (std::mem::take(&mut self.missing), u64::from(self.gap.max_samples))
            }
            Some(judge) => match judge.row(time_ns, values) {
                Step::Missing(0) => (0, 0),
                Step::Missing(missing) => (missing, judge.missing_max(&self.gap)),
                Step::Held => return,
                Step::Full => return self.settle(counts, emit),
                Step::Break => return self.segment.end(),
            },
        };
        counts.rows += 1;
        counts.filled += self.segment.row(time_ns, values, missing, missing_max, emit);
    }

    /// Judges the rows that were held and passes them on or drops them.
    fn settle(&mut self, counts: &mut Counts, emit: &mut dyn FnMut(WindowRef<'_>)) {
        let Some(judge) = &mut self.judge else { return };
        let verdict = judge.settle();
        let held = judge.take_held();
        let rows = held.0.len() as u64;
        match verdict {
            Verdict::Refuse => counts.drops.rate += rows,
            Verdict::Keep => self.segment.resample(None),
            Verdict::Resample { interval_ns } => {
                let resampler = Resampler::new(self.channels, interval_ns, self.pipeline_ns);
                self.segment.resample(Some(resampler));
            }
        }
        if verdict != Verdict::Refuse {
            counts.rows += rows;
            let missing_max = judge.missing_max(&self.gap);
            let mut before_ns = held.0.first().copied().unwrap_or(0);
            for (time_ns, values) in held.0.iter().zip(held.1.chunks_exact(self.channels)) {
                let missing = judge.missing_between(before_ns, *time_ns);
                before_ns = *time_ns;
                counts.filled += self.segment.row(*time_ns, values, missing, missing_max, emit);
            }
        }
        judge.give_back(held);
    }

    fn finish(&mut self, counts: &mut Counts, emit: &mut dyn FnMut(WindowRef<'_>)) {
        self.settle(counts, emit);
        self.segment.end();
        self.missing = 0;
        if let Some(judge) = &mut self.judge {
            judge.restart();
        }
    }
}
