//! A distribution of latencies in bounded memory, exact to one part in 128.

use std::time::Duration;

/// Steps within each power of two.
const STEPS: usize = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts of durations in bins that grow with the duration.
#[derive(Clone)]
pub(crate) struct Latencies {
    bins: Vec<u64>,
    count: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { bins: vec![0; STEPS * (65 - STEP_BITS as usize)], count: 0 }
    }
}

impl Latencies {
    pub(crate) fn add(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.bins[bin(ns)] += 1;
        self.count += 1;
    }

    /// The duration that a share of `share` does not exceed, in microseconds; 0 without durations.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.bins.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= wanted {
                return start_ns(index) as f64 / 1000.0;
            }
        }
        0.0
    }
}

/// Below 256 ns each nanosecond has a bin, above each power of two has 128.
fn bin(ns: u64) -> usize {
    let bits = u64::BITS - ns.leading_zeros();
    let shift = bits.saturating_sub(STEP_BITS + 1);
    STEPS * shift as usize + (ns >> shift) as usize
}

/// The shortest duration of a bin.
fn start_ns(index: usize) -> u64 {
    let shift = (index / STEPS).saturating_sub(1);
    let step = (index - STEPS * shift) as u64;
    step << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_in_order_and_fine() {
        let mut before = 0;
        for ns in (0..100_000).chain([1 << 40, u64::MAX / 2, u64::MAX]) {
            let index = bin(ns);
            assert!(index >= before, "{ns}");
            before = index;
            let start = start_ns(index);
            assert!(start <= ns && (ns - start) as f64 <= ns as f64 / 127.0, "{ns} {start}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_durations() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_us(0.5), 0.0);
        for us in 1..=1000 {
            latencies.add(Duration::from_micros(us));
        }
        assert!((latencies.quantile_us(0.5) / 500.0 - 1.0).abs() < 0.01);
        assert!((latencies.quantile_us(0.99) / 990.0 - 1.0).abs() < 0.01);
    }
}
