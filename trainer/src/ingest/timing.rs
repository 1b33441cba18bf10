//! What the times of a recording look like: rate, jitter, gaps, duplicates, disorder.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most different intervals that are counted exactly; from there on they are rounded to one part in
/// 1024, so that a clock with noise in every tick takes no more memory.
const EXACT_MAX: usize = 1 << 16;

/// Binary digits that are left of an interval that is rounded.
const ROUNDED_DIGITS: u32 = 11;

/// Most gaps that are listed.
const GAPS_LISTED_MAX: usize = 20;

/// Where the histogram of intervals is cut, in parts of the median.
const JITTER_EDGES: [f64; 10] = [0.5, 0.9, 0.95, 0.99, 0.999, 1.001, 1.01, 1.05, 1.1, 1.5];

/// Deviation from the median from which on an interval is irregular: what a pipeline tolerates.
const IRREGULAR_FROM: f64 = 0.05;

/// What the times of a recording look like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timing {
    /// Rows per second, from the intervals that are no gaps; none with fewer than two times.
    pub rate_hz: Option<f64>,
    /// The interval in the middle of all, in nanoseconds.
    pub interval_median_ns: i64,
    /// The shortest interval above 0, in nanoseconds.
    pub interval_min_ns: i64,
    /// The longest interval, in nanoseconds.
    pub interval_max_ns: i64,
    /// Intervals longer than one and a half times the median.
    pub gaps: u64,
    /// The longest of them, at most 20, in the order of time.
    pub longest_gaps: Vec<Gap>,
    /// Rows with the same time as the row before.
    pub duplicates: u64,
    /// Rows with an earlier time than a row before.
    pub out_of_order: u64,
    /// Intervals, gaps left out, that deviate from the median by more than a twentieth.
    pub irregular: u64,
    /// How long the intervals are: counts between 0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.001, 1.01, 1.05,
    /// 1.1 and 1.5 times the median, and beyond.
    pub jitter: Vec<IntervalCount>,
}

/// A stretch without rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TimeGap)]
pub struct Gap {
    /// Time of the row before it, as the recording's times count.
    pub after_ns: i64,
    /// How long it is, in nanoseconds.
    pub length_ns: i64,
}

/// How many intervals lie between two lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntervalCount {
    /// The shortest length, in nanoseconds.
    pub from_ns: i64,
    /// The first length beyond; none for the last count.
    pub to_ns: Option<i64>,
    /// How many.
    pub count: u64,
}

/// Counts times as they come.
#[derive(Clone, Debug, Default)]
pub(super) struct TimingCount {
    newest_ns: Option<i64>,
    duplicates: u64,
    out_of_order: u64,
    intervals: Intervals,
    /// The longest intervals up to now, the shortest of them first.
    longest: Vec<Gap>,
}

impl TimingCount {
    /// Adds times. Rows stay where they are: a stream drops what comes twice or late, and counts it.
    pub(super) fn add(&mut self, time_ns: &[i64]) {
        for &time in time_ns {
            let Some(newest) = self.newest_ns else {
                self.newest_ns = Some(time);
                continue;
            };
            match time.cmp(&newest) {
                std::cmp::Ordering::Less => self.out_of_order += 1,
                std::cmp::Ordering::Equal => self.duplicates += 1,
                std::cmp::Ordering::Greater => {
                    let length_ns = time.saturating_sub(newest);
                    self.intervals.add(length_ns);
                    self.note(Gap { after_ns: newest, length_ns });
                    self.newest_ns = Some(time);
                }
            }
        }
    }

    fn note(&mut self, gap: Gap) {
        let is_full = self.longest.len() >= GAPS_LISTED_MAX;
        if is_full && self.longest[0].length_ns >= gap.length_ns {
            return;
        }
        if is_full {
            self.longest.remove(0);
        }
        let place = self.longest.partition_point(|known| known.length_ns <= gap.length_ns);
        self.longest.insert(place, gap);
    }

    pub(super) fn finish(self) -> Timing {
        let mut timing = Timing {
            duplicates: self.duplicates,
            out_of_order: self.out_of_order,
            ..Timing::default()
        };
        let counted = self.intervals.sorted();
        let Some(median) = middle(&counted) else { return timing };
        let is_gap = |interval: i64| 2.0 * interval as f64 > 3.0 * median as f64;
        let part = |interval: i64| interval as f64 / median as f64;
        let (mut regular, mut sum) = (0_u64, 0_i128);
        let mut counts = [0_u64; JITTER_EDGES.len() + 1];
        for &(interval, count, total) in &counted {
            counts[JITTER_EDGES.partition_point(|edge| *edge <= part(interval))] += count;
            if is_gap(interval) {
                timing.gaps += count;
                continue;
            }
            // The mean of the regular intervals is finer than the clock's tick, the median is not.
            (regular, sum) = (regular + count, sum + total);
            if (part(interval) - 1.0).abs() > IRREGULAR_FROM {
                timing.irregular += count;
            }
        }
        timing.interval_median_ns = median;
        timing.interval_min_ns = counted[0].0;
        timing.interval_max_ns = self.longest.last().map_or(0, |gap| gap.length_ns);
        timing.rate_hz = Some(regular as f64 * 1e9 / sum as f64);
        timing.jitter = histogram(median, &counts);
        timing.longest_gaps =
            self.longest.into_iter().filter(|gap| is_gap(gap.length_ns)).collect();
        timing.longest_gaps.sort_by_key(|gap| gap.after_ns);
        timing
    }
}

fn histogram(median: i64, counts: &[u64]) -> Vec<IntervalCount> {
    let edge = |part: &f64| (part * median as f64).ceil() as i64;
    let from = std::iter::once(0).chain(JITTER_EDGES.iter().map(edge));
    let to = JITTER_EDGES.iter().map(|part| Some(edge(part))).chain([None]);
    let bins = from.zip(to).zip(counts);
    bins.map(|((from_ns, to_ns), &count)| IntervalCount { from_ns, to_ns, count })
        .filter(|bin| bin.count > 0)
        .collect()
}

/// The interval in the middle.
fn middle(counted: &[(i64, u64, i128)]) -> Option<i64> {
    let total: u64 = counted.iter().map(|(_, count, _)| count).sum();
    let mut before = 0;
    for (interval, count, _) in counted {
        before += count;
        if before > total / 2 {
            return Some(*interval);
        }
    }
    None
}

/// How often each interval is there.
#[derive(Clone, Debug, Default)]
struct Intervals {
    /// Count and sum.
    counts: HashMap<i64, (u64, i128)>,
    is_rounded: bool,
    /// Most intervals are as the one before.
    last: (i64, u64),
}

impl Intervals {
    fn add(&mut self, interval: i64) {
        if interval == self.last.0 {
            self.last.1 += 1;
            return;
        }
        self.settle();
        self.last = (interval, 1);
    }

    fn settle(&mut self) {
        let (interval, count) = self.last;
        if count == 0 {
            return;
        }
        let key = if self.is_rounded { rounded(interval) } else { interval };
        let entry = self.counts.entry(key).or_default();
        entry.0 += count;
        entry.1 += i128::from(interval) * i128::from(count);
        if !self.is_rounded && self.counts.len() > EXACT_MAX {
            self.is_rounded = true;
            for (interval, (count, sum)) in std::mem::take(&mut self.counts) {
                let entry = self.counts.entry(rounded(interval)).or_default();
                *entry = (entry.0 + count, entry.1 + sum);
            }
        }
        self.last.1 = 0;
    }

    /// Interval, count and sum; a rounded interval is the mean of what it stands for.
    fn sorted(&self) -> Vec<(i64, u64, i128)> {
        let mut all = self.clone();
        all.settle();
        let mean =
            |(_, (count, sum)): (i64, (u64, i128))| ((sum / i128::from(count)) as i64, count, sum);
        let mut counted: Vec<_> = all.counts.into_iter().map(mean).collect();
        counted.sort_unstable_by_key(|(interval, ..)| *interval);
        counted
    }
}

fn rounded(interval: i64) -> i64 {
    let digits = 64 - interval.leading_zeros();
    let dropped = digits.saturating_sub(ROUNDED_DIGITS);
    interval >> dropped << dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(time_ns: &[i64]) -> Timing {
        let mut count = TimingCount::default();
        // How the times are cut must not matter.
        for part in time_ns.chunks(3) {
            count.add(part);
        }
        count.finish()
    }

    #[test]
    fn the_rate_is_that_of_the_intervals_without_gaps() {
        let timing = measure(&[0, 10, 20, 30, 100, 110, 110, 105, 120]);
        assert_eq!(timing.rate_hz, Some(1e8));
        assert_eq!((timing.gaps, timing.duplicates, timing.out_of_order), (1, 1, 1));
        assert_eq!((timing.interval_median_ns, timing.interval_max_ns), (10, 70));
        assert_eq!(timing.longest_gaps, [Gap { after_ns: 30, length_ns: 70 }]);
        let counts: Vec<_> = timing.jitter.iter().map(|bin| (bin.to_ns, bin.count)).collect();
        assert_eq!(counts, [(Some(11), 5), (None, 1)]);
    }

    #[test]
    fn a_coarse_clock_still_gives_the_true_rate() {
        let times: Vec<i64> = (0..3001).map(|i| i * 1_000_000 / 3 / 1000 * 1000).collect();
        let rate = measure(&times).rate_hz.unwrap();
        assert!((rate - 3000.0).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn few_times_have_no_rate() {
        assert_eq!(measure(&[]).rate_hz, None);
        assert_eq!(measure(&[5]).rate_hz, None);
        assert_eq!(measure(&[5, 5]).rate_hz, None);
    }

    #[test]
    fn a_clock_with_noise_in_every_tick_is_counted_within_a_thousandth() {
        let mut time = 0;
        let mut random = 12_345_u64;
        let mut intervals = Vec::new();
        let mut times = vec![0];
        for _ in 0..300_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let interval = 1_000_000 + (random >> 44) as i64 % 400_000;
            time += interval;
            intervals.push(interval);
            times.push(time);
        }
        let timing = measure(&times);
        intervals.sort_unstable();
        let exact = intervals[intervals.len() / 2] as f64;
        let found = timing.interval_median_ns as f64;
        assert!((found / exact - 1.0).abs() < 1e-3, "{found} {exact}");
        let rate = 300_000.0 * 1e9 / time as f64;
        assert!((timing.rate_hz.unwrap() / rate - 1.0).abs() < 1e-12);
        let irregular =
            intervals.iter().filter(|i| (**i as f64 / exact - 1.0).abs() > 0.05).count();
        assert!((timing.irregular as f64 / irregular as f64 - 1.0).abs() < 0.01);
    }
}
