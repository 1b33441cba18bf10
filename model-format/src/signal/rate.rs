//! The rate of a stream: measured from its intervals, judged against the pipeline's.

use crate::pipeline::{Gap, Mismatch, WINDOW_SAMPLES_MAX};

/// The rate is measured over one window, but over no more intervals than these …
pub(super) const INTERVALS_MAX: usize = 32;
/// … and no fewer.
const INTERVALS_MIN: usize = 8;
/// Over fewer than [`INTERVALS_MAX`] intervals, jitter of the first and the last time moves the
/// mean: this many intervals of it are allowed on top of the tolerance.
const JITTER_INTERVALS: f64 = 0.5;
/// An interval of this many mean intervals or more is a gap.
const GAP_INTERVALS: f64 = 1.5;
/// So many gaps in a row are no gaps: the stream has become slower.
const GAPS_IN_A_ROW_MAX: usize = 8;
/// A resampled stream may drift by this much before its filter is made anew.
const RESAMPLED_TOLERANCE: f64 = 0.1;
/// Rates further apart than this are refused even by a pipeline that resamples.
const RESAMPLED_RATIO_MAX: f64 = 64.0;
/// Longer intervals (four years) count as this long, so that no sum overflows.
const INTERVAL_NS_MAX: i64 = i64::MAX / 64;
/// Times are whole nanoseconds: a mean interval is uncertain by this, shared by its intervals.
const ROUNDING_NS: f64 = 2.0;

/// What the judge says to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is held until the rate is known.
    Held,
    /// Enough rows are held: judge them with [`Judge::settle`].
    Full,
    /// So many rows are missing before it.
    Missing(u64),
    /// The rate has left the tolerance: the segment ends before this row, which is held.
    Break,
}

/// What the judge says to the rows held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The rate is the pipeline's.
    Keep,
    /// The rate is another one, with this interval, to be resampled.
    Resample { interval_ns: f64 },
    /// The rate is another one.
    Refuse,
}

/// The last regular intervals.
#[derive(Clone, Debug, Default)]
struct Recent {
    intervals_ns: [i64; INTERVALS_MAX],
    count: usize,
    next: usize,
    sum_ns: i64,
}

impl Recent {
    /// Adds an interval; beyond `limit` the oldest one leaves.
    fn push(&mut self, interval_ns: i64, limit: usize) {
        let interval_ns = interval_ns.min(INTERVAL_NS_MAX);
        let slot = &mut self.intervals_ns[self.next];
        if self.count == limit {
            self.sum_ns -= *slot;
        } else {
            self.count += 1;
        }
        self.sum_ns += interval_ns;
        *slot = interval_ns;
        self.next = if self.next + 1 == limit { 0 } else { self.next + 1 };
    }

    fn mean_ns(&self) -> f64 {
        self.sum_ns as f64 / self.count.max(1) as f64
    }
}

/// Holds rows until their rate is known, then watches that it stays.
///
/// An interval is a gap when it is at least 1.5 times the mean of the last regular (gap-free)
/// intervals; rounded to whole mean intervals it tells how many rows are missing. The mean itself
/// is what is judged, over at most 32 intervals; eight gaps in a row break the rate as well.
/// Where delivery may stall, an interval may be longer by that time, and so may a measurement.
#[derive(Debug)]
pub(super) struct Judge {
    nominal_ns: f64,
    tolerance: f64,
    mismatch: Mismatch,
    stall_ns: f64,
    /// Intervals in a measurement.
    limit: usize,
    held_ns: Vec<i64>,
    held: Vec<f32>,
    /// None while rows are held.
    watch: Option<Watch>,
    measured_hz: Option<f64>,
}

#[derive(Debug)]
struct Watch {
    recent: Recent,
    last_ns: i64,
    gaps_in_a_row: usize,
    /// The sums of `limit` intervals that are within the tolerance.
    sum_ns: (f64, f64),
    resampled: bool,
}

impl Judge {
    pub(super) fn new(
        channels: usize,
        window_length: u32,
        (hz, tolerance, mismatch): (f64, f64, Mismatch),
        stall_ns: i64,
    ) -> Self {
        let window_intervals = window_length.min(WINDOW_SAMPLES_MAX) as usize - 1;
        let limit = window_intervals.clamp(INTERVALS_MIN, INTERVALS_MAX);
        Judge {
            nominal_ns: 1e9 / hz,
            tolerance,
            mismatch,
            stall_ns: stall_ns as f64,
            limit,
            held_ns: Vec::with_capacity(limit + 1),
            held: Vec::with_capacity((limit + 1) * channels),
            watch: None,
            measured_hz: None,
        }
    }

    /// The rate as last judged or refused, in hertz.
    pub(super) fn measured_hz(&self) -> Option<f64> {
        match &self.watch {
            Some(watch) if watch.recent.count > 0 => Some(1e9 / watch.recent.mean_ns()),
            _ => self.measured_hz,
        }
    }

    /// Takes a row, times increasing.
    pub(super) fn row(&mut self, time_ns: i64, values: &[f32]) -> Step {
        let Some(watch) = &mut self.watch else {
            return self.hold(time_ns, values);
        };
        let interval_ns = time_ns.saturating_sub(watch.last_ns);
        watch.last_ns = time_ns;
        let mean_ns = watch.recent.mean_ns();
        if watch.recent.count > 0 && interval_ns as f64 >= GAP_INTERVALS * mean_ns + self.stall_ns {
            watch.gaps_in_a_row += 1;
            if watch.gaps_in_a_row < GAPS_IN_A_ROW_MAX {
                return Step::Missing(missing(interval_ns, mean_ns));
            }
            return self.break_before(time_ns, values);
        }
        watch.gaps_in_a_row = 0;
        watch.recent.push(interval_ns, self.limit);
        let sum_ns = watch.recent.sum_ns as f64;
        if watch.recent.count < self.limit || (watch.sum_ns.0 <= sum_ns && sum_ns <= watch.sum_ns.1)
        {
            return Step::Missing(0);
        }
        self.break_before(time_ns, values)
    }

    fn break_before(&mut self, time_ns: i64, values: &[f32]) -> Step {
        self.restart();
        self.hold(time_ns, values);
        Step::Break
    }

    fn hold(&mut self, time_ns: i64, values: &[f32]) -> Step {
        self.held_ns.push(time_ns);
        self.held.extend_from_slice(values);
        if self.held_ns.len() <= self.limit { Step::Held } else { Step::Full }
    }

    /// Judges the rows held, however many. They are then to be taken with [`Judge::held`].
    pub(super) fn settle(&mut self) -> Verdict {
        let Some(&last_ns) = self.held_ns.last() else { return Verdict::Keep };
        let recent = self.measure();
        let (count, mean_ns) = (recent.count, recent.mean_ns());
        let nominal_ns = self.nominal_ns;
        // One row alone has no rate: it may stand as a window of one.
        let verdict = if count == 0 || self.keeps(nominal_ns, self.tolerance, count, mean_ns) {
            Verdict::Keep
        } else if self.mismatch == Mismatch::Refuse
            || mean_ns > nominal_ns * RESAMPLED_RATIO_MAX
            || nominal_ns > mean_ns * RESAMPLED_RATIO_MAX
        {
            Verdict::Refuse
        } else {
            Verdict::Resample { interval_ns: mean_ns }
        };
        if count > 0 {
            self.measured_hz = Some(1e9 / mean_ns);
        }
        let (expected_ns, tolerance) = match verdict {
            Verdict::Keep => (nominal_ns, self.tolerance),
            Verdict::Resample { interval_ns } => (interval_ns, RESAMPLED_TOLERANCE),
            Verdict::Refuse => return verdict,
        };
        let sum_ns = self.sum_bounds_ns(expected_ns, tolerance, self.limit);
        let resampled = verdict != Verdict::Keep;
        self.watch = Some(Watch { recent, last_ns, gaps_in_a_row: 0, sum_ns, resampled });
        verdict
    }

    /// How many rows may be filled in a gap, where the pipeline allows `gap.max_samples` at its own
    /// rate.
    pub(super) fn missing_max(&self, gap: &Gap) -> u64 {
        let allowed = f64::from(gap.max_samples);
        match &self.watch {
            Some(watch) if watch.resampled => {
                (allowed * self.nominal_ns / watch.recent.mean_ns()).round() as u64
            }
            _ => u64::from(gap.max_samples),
        }
    }

    /// Takes out the rows held: their times and their values. Give them back with
    /// [`Judge::give_back`], so that the buffers are kept.
    pub(super) fn take_held(&mut self) -> (Vec<i64>, Vec<f32>) {
        (std::mem::take(&mut self.held_ns), std::mem::take(&mut self.held))
    }

    pub(super) fn give_back(&mut self, (mut held_ns, mut held): (Vec<i64>, Vec<f32>)) {
        held_ns.clear();
        held.clear();
        (self.held_ns, self.held) = (held_ns, held);
    }

    /// How many rows are missing in an interval between rows that were held.
    pub(super) fn missing_between(&self, before_ns: i64, after_ns: i64) -> u64 {
        let Some(watch) = &self.watch else { return 0 };
        let interval_ns = after_ns.saturating_sub(before_ns);
        let mean_ns = watch.recent.mean_ns();
        let gap_ns = GAP_INTERVALS * mean_ns + self.stall_ns;
        let is_gap = watch.recent.count > 0 && interval_ns as f64 >= gap_ns;
        if is_gap { missing(interval_ns, mean_ns) } else { 0 }
    }

    /// Forgets the rate: the next rows are held again.
    pub(super) fn restart(&mut self) {
        self.measured_hz = self.measured_hz();
        self.watch = None;
    }

    /// The regular intervals among the rows held: without the longest ones, as long as the longest
    /// is a gap beside the mean of the others.
    fn measure(&self) -> Recent {
        let mut intervals_ns = [0; INTERVALS_MAX];
        let pairs = self.held_ns.windows(2);
        for (interval_ns, pair) in intervals_ns.iter_mut().zip(pairs) {
            *interval_ns = pair[1].saturating_sub(pair[0]).min(INTERVAL_NS_MAX);
        }
        let intervals_ns = &intervals_ns[..self.held_ns.len() - 1];
        let mut sorted = [0; INTERVALS_MAX];
        let sorted = &mut sorted[..intervals_ns.len()];
        sorted.copy_from_slice(intervals_ns);
        sorted.sort_unstable();
        let mut regular = &*sorted;
        let mut sum_ns: i64 = regular.iter().sum();
        while let [shorter @ .., longest_ns] = regular
            && !shorter.is_empty()
            && (*longest_ns as f64 - self.stall_ns) * shorter.len() as f64
                >= GAP_INTERVALS * (sum_ns - *longest_ns) as f64
        {
            sum_ns -= *longest_ns;
            regular = shorter;
        }
        let mut recent = Recent::default();
        let longest_ns = regular.last().copied().unwrap_or(0);
        for interval_ns in intervals_ns.iter().filter(|interval_ns| **interval_ns <= longest_ns) {
            recent.push(*interval_ns, self.limit);
        }
        recent
    }

    fn keeps(&self, expected_ns: f64, tolerance: f64, count: usize, mean_ns: f64) -> bool {
        let (least, most) = self.sum_bounds_ns(expected_ns, tolerance, count);
        let sum_ns = mean_ns * count as f64;
        least <= sum_ns && sum_ns <= most
    }

    /// Between which durations `count` intervals lie at a rate within the tolerance.
    fn sum_bounds_ns(&self, expected_ns: f64, tolerance: f64, count: usize) -> (f64, f64) {
        let count = count as f64;
        let jitter =
            if count < INTERVALS_MAX as f64 { JITTER_INTERVALS * expected_ns } else { 0.0 };
        let slack_ns = jitter + ROUNDING_NS + self.stall_ns;
        let sum_ns = expected_ns * count;
        (sum_ns / (1.0 + tolerance) - slack_ns, sum_ns / (1.0 - tolerance) + slack_ns)
    }
}

/// How many rows are missing in an interval that is a gap: at least one.
fn missing(interval_ns: i64, mean_ns: f64) -> u64 {
    ((interval_ns as f64 / mean_ns.max(1.0)).round() as u64).saturating_sub(1).max(1)
}
