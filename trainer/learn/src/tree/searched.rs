//! The best threshold of a feature in a node: all between the values of its rows are looked at.

use super::columns::Columns;
use super::grow::{Criterion, Node, Search, Split};
use super::sort;
use crate::random::Random;

/// Looks at every split.
pub(crate) struct Searched<'a> {
    columns: &'a Columns,
    keys: Vec<u64>,
    buffer: Vec<u64>,
}

/// Neighbouring ranks of a node: the last that goes left, the first that goes right.
#[derive(Clone, Copy)]
pub(crate) struct Between {
    low: u32,
    high: u32,
}

impl<'a> Searched<'a> {
    pub(crate) fn new(columns: &'a Columns) -> Self {
        Searched { columns, keys: Vec::new(), buffer: Vec::new() }
    }
}

impl Search for Searched<'_> {
    type Cut = Between;

    fn width(&self) -> usize {
        self.columns.width()
    }

    fn look<C: Criterion>(
        &mut self,
        node: &Node<'_, C>,
        criterion: &mut C,
        _: &mut Random,
        best: &mut Option<Split<Between>>,
    ) -> bool {
        let (samples, column) = (node.samples, node.column);
        let ranks = self.columns.ranks(column);
        self.keys.clear();
        let (mut low, mut high) = (u32::MAX, 0);
        self.keys.extend(samples.iter().enumerate().map(|(at, sample)| {
            let rank = ranks[sample.row as usize];
            (low, high) = (low.min(rank), high.max(rank));
            (u64::from(rank) << 32) | at as u64
        }));
        if low == high {
            return false;
        }
        sort::by_rank(&mut self.keys, &mut self.buffer, high);
        criterion.restart();
        let (first, last) = (node.min_samples_leaf, samples.len());
        let mut best_score = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.score);
        for at in 1..=last - first {
            let (before, after) = (self.keys[at - 1], self.keys[at]);
            criterion.shift(&samples[before as u32 as usize]);
            let (low, high) = ((before >> 32) as u32, (after >> 32) as u32);
            if low == high || at < first {
                continue;
            }
            let score = criterion.score();
            // Weights of very different size can cancel to a child of weight 0: no split then.
            if score > best_score && score < f64::INFINITY {
                best_score = score;
                *best = Some(Split { score, column, cut: Between { low, high } });
            }
        }
        true
    }

    fn sides(&self, split: &Split<Between>) -> impl Fn(u32) -> bool {
        let (ranks, low) = (self.columns.ranks(split.column), split.cut.low);
        move |row| ranks[row as usize] <= low
    }

    fn threshold(&self, split: &Split<Between>) -> f32 {
        self.columns.threshold(split.column, split.cut.low, split.cut.high)
    }
}
