//! What the times of a recording look like: rate, gaps, duplicates, disorder.

use serde::Serialize;

/// What the times of a recording look like.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Rows with the same time as the row before.
    pub duplicates: u64,
    /// Rows with an earlier time than a row before.
    pub out_of_order: u64,
}

impl Timing {
    /// Measures `time_ns`. Rows stay where they are: a stream drops what comes twice or late, and
    /// counts it.
    pub fn measure(time_ns: &[i64]) -> Timing {
        let mut timing = Timing {
            rate_hz: None,
            interval_median_ns: 0,
            interval_min_ns: 0,
            interval_max_ns: 0,
            gaps: 0,
            duplicates: 0,
            out_of_order: 0,
        };
        let mut newest = match time_ns.first() {
            Some(first) => *first,
            None => return timing,
        };
        let mut intervals: Vec<i64> = Vec::with_capacity(time_ns.len() - 1);
        for time in &time_ns[1..] {
            match time.cmp(&newest) {
                std::cmp::Ordering::Less => timing.out_of_order += 1,
                std::cmp::Ordering::Equal => timing.duplicates += 1,
                std::cmp::Ordering::Greater => {
                    intervals.push(time.saturating_sub(newest));
                    newest = *time;
                }
            }
        }
        if intervals.is_empty() {
            return timing;
        }
        intervals.sort_unstable();
        let median = intervals[intervals.len() / 2];
        timing.interval_median_ns = median;
        timing.interval_min_ns = intervals[0];
        timing.interval_max_ns = intervals[intervals.len() - 1];
        let is_gap = |interval: i64| 2.0 * interval as f64 > 3.0 * median as f64;
        let regular = intervals.partition_point(|interval| !is_gap(*interval));
        timing.gaps = (intervals.len() - regular) as u64;
        // The mean of the regular intervals is finer than the clock's tick, the median is not.
        let usual = &intervals[..regular];
        let sum: i128 = usual.iter().map(|interval| i128::from(*interval)).sum();
        timing.rate_hz = Some(usual.len() as f64 * 1e9 / sum as f64);
        timing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_intervals_without_gaps() {
        let timing = Timing::measure(&[0, 10, 20, 30, 100, 110, 110, 105, 120]);
        assert_eq!(timing.rate_hz, Some(1e8));
        assert_eq!((timing.gaps, timing.duplicates, timing.out_of_order), (1, 1, 1));
        assert_eq!((timing.interval_median_ns, timing.interval_max_ns), (10, 70));
    }

    #[test]
    fn a_coarse_clock_still_gives_the_true_rate() {
        let times: Vec<i64> = (0..3001).map(|i| i * 1_000_000 / 3 / 1000 * 1000).collect();
        let rate = Timing::measure(&times).rate_hz.unwrap();
        assert!((rate - 3000.0).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn few_times_have_no_rate() {
        assert_eq!(Timing::measure(&[]).rate_hz, None);
        assert_eq!(Timing::measure(&[5]).rate_hz, None);
        assert_eq!(Timing::measure(&[5, 5]).rate_hz, None);
    }
}
