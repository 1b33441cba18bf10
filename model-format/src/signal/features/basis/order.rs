//! Order statistics: quantiles, and the median distance from the median.

use super::Basis;

/// The samples of one channel, put in ascending order only as far as somebody asks.
#[derive(Clone)]
pub(super) struct Sorted {
    keys: Vec<i32>,
    /// True once the keys are those of this window.
    ready: bool,
    /// Ascending ranks whose keys stand in their places: all keys before them are not larger, all
    /// behind them not smaller.
    settled: Vec<usize>,
}

/// Ranks that are settled one by one; from then on all are.
const SETTLED_MAX: usize = 16;

impl Sorted {
    pub(super) fn new(window_samples: usize) -> Self {
        let settled = Vec::with_capacity(SETTLED_MAX);
        Sorted { keys: vec![0; window_samples], ready: false, settled }
    }

    pub(super) fn forget(&mut self) {
        self.ready = false;
        self.settled.clear();
    }

    /// The sample that stands at `rank` in ascending order.
    fn at(&mut self, rank: usize) -> f64 {
        if let Err(place) = self.settled.binary_search(&rank) {
            let before = place.checked_sub(1).map_or(0, |place| self.settled[place] + 1);
            let behind = self.settled.get(place).copied().unwrap_or(self.keys.len());
            if self.settled.len() < SETTLED_MAX {
                self.keys[before..behind].select_nth_unstable(rank - before);
                self.settled.insert(place, rank);
            } else {
                // What is between two settled ranks stays there.
                self.keys[before..behind].sort_unstable();
            }
        }
        self.get(rank)
    }

    /// Puts all samples in ascending order.
    fn sort(&mut self) {
        let mut start = 0;
        for &rank in &self.settled {
            self.keys[start..rank].sort_unstable();
            start = rank + 1;
        }
        self.keys[start..].sort_unstable();
    }

    fn get(&self, index: usize) -> f64 {
        f64::from(f32::from_bits(flip(self.keys[index]) as u32))
    }
}

/// Between the bits of a float and an integer of the same order; its own inverse.
fn flip(bits: i32) -> i32 {
    bits ^ ((bits >> 31) & 0x7fff_ffff)
}

impl Basis {
    fn sorted(&mut self) -> &mut Sorted {
        if !self.sorted.ready {
            for (key, &x) in self.sorted.keys.iter_mut().zip(&self.samples) {
                // The samples came as 32-bit floats: nothing is rounded here.
                *key = flip((x as f32).to_bits() as i32);
            }
            self.sorted.ready = true;
        }
        &mut self.sorted
    }

    /// The quantile at `percent`, interpolated linearly between order statistics: position
    /// (n - 1) percent / 100 in the sorted samples.
    pub fn quantile(&mut self, percent: usize) -> f64 {
        let sorted = self.sorted();
        let last = sorted.keys.len() - 1;
        let position = last * percent;
        let (index, part) = (position / 100, (position % 100) as f64 / 100.0);
        let below = sorted.at(index);
        let above = sorted.at((index + 1).min(last));
        below + (above - below) * part
    }

    /// The median of |x - median|.
    pub fn median_distance(&mut self) -> f64 {
        let median = self.quantile(50);
        let sorted = self.sorted();
        sorted.sort();
        let count = sorted.keys.len();
        let lower = distance_at(sorted, median, (count - 1) / 2);
        let upper = distance_at(sorted, median, count / 2);
        lower + (upper - lower) * 0.5
    }
}

/// The distance from `median` that has `rank` distances before it, for ranks up to the middle.
///
/// The distances of the lower half, read downwards, and of the upper half, read upwards, are two
/// ascending lists; bisection finds how many of the first `rank` distances the lower half holds.
fn distance_at(sorted: &Sorted, median: f64, rank: usize) -> f64 {
    let count = sorted.keys.len();
    let middle = count / 2;
    let down = |i: usize| if i < middle { median - sorted.get(middle - 1 - i) } else { f64::MAX };
    let up = |i: usize| if middle + i < count { sorted.get(middle + i) - median } else { f64::MAX };
    let (mut least, mut most) = (rank.saturating_sub(count - middle), rank.min(middle));
    while least < most {
        let taken = least + (most - least) / 2;
        // One more from the lower half is right where it comes before the last of the upper half.
        if down(taken) < up(rank - taken - 1) {
            least = taken + 1;
        } else {
            most = taken;
        }
    }
    let (a, b) = (down(least), up(rank - least));
    if a < b { a } else { b }
}
