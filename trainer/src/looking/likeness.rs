//! Which recordings hold the same samples: copies, also where names, times and rates differ, and
//! recordings of which a part is in another one.
//!
//! A mark is a hash of sixteen rows in a row, kept where the hash itself says so (one in sixteen): so
//! the same rows leave the same marks wherever they stand. Rows that do not change leave none.

use std::collections::{BTreeMap, HashMap};

/// Rows of a mark.
const MARK_ROWS: usize = 16;

/// One hash in so many is kept.
const KEPT_ONE_OF: u64 = 16;

/// Recordings that share a mark, at most: what many share tells none from another.
const SHARING_MAX: usize = 16;

/// Fewest shared marks, and smallest share of the marks of the one with fewer, for a likeness.
const SHARED_MIN: (usize, f64) = (2, 0.05);

/// Finds the marks of one recording, whose rows come in parts.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Hashes of the newest rows, oldest first.
    rows: Vec<u64>,
    found: Vec<u64>,
}

/// Two recordings that hold the same samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Alike {
    /// Positions of the two.
    pub(crate) one: usize,
    pub(crate) other: usize,
    /// How much of the one with fewer marks is in the other, 0 to 1.
    pub(crate) share: f64,
}

impl Marks {
    /// Adds rows: the values of each channel.
    pub(crate) fn add(&mut self, channels: &[&[f32]]) {
        let rows = channels.first().map_or(0, |values| values.len());
        for row in 0..rows {
            let values = channels.iter().map(|values| values[row]);
            let hash = values.fold(0x9e37_79b9_7f4a_7c15, |hash, value| {
                let bits = if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
                mixed(hash ^ u64::from(bits))
            });
            if self.rows.len() == MARK_ROWS {
                self.rows.remove(0);
            }
            self.rows.push(hash);
            let is_moving = self.rows.iter().any(|hash| *hash != self.rows[0]);
            if self.rows.len() < MARK_ROWS || !is_moving {
                continue;
            }
            let mark = self.rows.iter().fold(0, |mark, hash| mixed(mark ^ hash));
            if mark.is_multiple_of(KEPT_ONE_OF) {
                self.found.push(mark);
            }
        }
    }

    /// The marks, each once.
    pub(crate) fn finish(mut self) -> Vec<u64> {
        self.found.sort_unstable();
        self.found.dedup();
        self.found
    }
}

/// The finisher of SplitMix64: every bit of the input reaches every bit of the output.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The pairs of recordings with these marks that hold the same samples, most alike first.
pub(crate) fn alike(marks: &[Vec<u64>]) -> Vec<Alike> {
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    for (position, marks) in marks.iter().enumerate() {
        for mark in marks {
            holders.entry(*mark).or_default().push(position);
        }
    }
    let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for holders in holders.values().filter(|holders| (2..=SHARING_MAX).contains(&holders.len())) {
        for (place, one) in holders.iter().enumerate() {
            for other in &holders[place + 1..] {
                *shared.entry((*one, *other)).or_default() += 1;
            }
        }
    }
    let pairs = shared.into_iter().filter_map(|((one, other), shared)| {
        let fewer = marks[one].len().min(marks[other].len()).max(1);
        let share = shared as f64 / fewer as f64;
        let is_alike = shared >= SHARED_MIN.0 && share >= SHARED_MIN.1;
        is_alike.then_some(Alike { one, other, share })
    });
    let mut pairs: Vec<Alike> = pairs.collect();
    pairs.sort_by(|a, b| b.share.total_cmp(&a.share));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(seed: u32, rows: usize) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32
        };
        (0..rows).map(|_| next()).collect()
    }

    fn marks(values: &[f32], at_once: usize) -> Vec<u64> {
        let mut marks = Marks::default();
        values.chunks(at_once).for_each(|part| marks.add(&[part, part]));
        marks.finish()
    }

    #[test]
    fn copies_and_parts_are_found_wherever_they_stand() {
        let one = wave(1, 4000);
        let part: Vec<f32> = wave(2, 777).into_iter().chain(one[1000..2500].to_vec()).collect();
        let all = [marks(&one, 100), marks(&wave(3, 4000), 7), marks(&one, 33), marks(&part, 1)];
        assert_eq!(all[0], all[2]);
        let pairs = alike(&all);
        assert_eq!((pairs[0].one, pairs[0].other, pairs[0].share), (0, 2, 1.0));
        let of_part = pairs.iter().find(|pair| (pair.one, pair.other) == (0, 3)).unwrap();
        assert!((0.5..0.8).contains(&of_part.share), "{}", of_part.share);
        assert!(pairs.iter().all(|pair| pair.one != 1 && pair.other != 1));
    }

    #[test]
    fn machines_that_stand_still_are_like_no_other() {
        let still = vec![0.0; 4000];
        assert!(alike(&[marks(&still, 50), marks(&still, 60)]).is_empty());
        // Nor are those that stand at the same levels, one after another in another order.
        let levels = |of: fn(u32) -> u32| -> Vec<f32> {
            (0..400).flat_map(|number| [of(number) as f32; 40]).collect()
        };
        let (rising, falling) = (levels(|number| number), levels(|number| number * 7 % 400));
        assert!(alike(&[marks(&rising, 50), marks(&falling, 60)]).is_empty());
    }
}
