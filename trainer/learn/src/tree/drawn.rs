//! A threshold drawn evenly between the smallest and the largest value that a feature has in a node.

use super::grow::{Criterion, Node, Search, Split};
use crate::random::Random;
use crate::table::Table;

/// Looks at one drawn split, in the rows of the table: a copy by column was not measurably faster.
pub(crate) struct Drawn<'a> {
    table: &'a Table,
    /// Values of the node.
    own: Vec<f32>,
}

impl<'a> Drawn<'a> {
    /// For a checked table.
    pub(crate) fn new(table: &'a Table) -> Self {
        Drawn { table, own: Vec::new() }
    }

    /// The values of a column, by row.
    fn column(&self, column: usize) -> impl Fn(u32) -> f32 + use<'a> {
        let (values, width) = (&self.table.values[column..], self.table.columns.len());
        move |row| values[row as usize * width]
    }
}

impl Search for Drawn<'_> {
    type Cut = f32;

    fn width(&self) -> usize {
        self.table.columns.len()
    }

    fn look<C: Criterion>(
        &mut self,
        node: &Node<'_, C>,
        criterion: &mut C,
        random: &mut Random,
        best: &mut Option<Split<f32>>,
    ) -> bool {
        let (samples, column) = (node.samples, node.column);
        let value = self.column(column);
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        self.own.clear();
        self.own.extend(samples.iter().map(|sample| {
            let value = value(sample.row);
            low = if value < low { value } else { low };
            high = if value > high { value } else { high };
            value
        }));
        if low == high {
            return false;
        }
        let threshold = cut(low, high, random.share());
        let left = criterion.divide(samples, &self.own, threshold);
        if left.min(samples.len() - left) < node.min_samples_leaf {
            return true;
        }
        let score = criterion.score();
        let best_score = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.score);
        // Weights of very different size can cancel to a child of weight 0: no split then.
        if score > best_score && score < f64::INFINITY {
            *best = Some(Split { score, column, cut: threshold });
        }
        true
    }

    fn sides(&self, split: &Split<f32>) -> impl Fn(u32) -> bool {
        let (value, threshold) = (self.column(split.column), split.cut);
        move |row| value(row) <= threshold
    }

    fn threshold(&self, split: &Split<f32>) -> f32 {
        split.cut
    }
}

/// The threshold that lies `share` (0 to 1) of the way from `low` to `high`: at least `low`, and below
/// `high`.
fn cut(low: f32, high: f32, share: f64) -> f32 {
    let drawn = (f64::from(low) + (f64::from(high) - f64::from(low)) * share) as f32;
    // Rounding may reach the larger value, which has to go right; both zeros are one value.
    let threshold = if drawn < high { drawn } else { low };
    threshold.max(low) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_threshold_leaves_values_on_both_sides() {
        let values = [-f32::MAX, -2.0, -0.0, 1.0, 1.0_f32.next_up(), f32::MAX];
        for (low, high) in [(0, 5), (1, 3), (3, 4), (2, 5), (0, 1)] {
            let (low, high) = (values[low], values[high]);
            for share in [0.0, 0.2, 0.5, 0.999_999_999, 1.0 - f64::EPSILON / 2.0] {
                let threshold = cut(low, high, share);
                assert!(low <= threshold && threshold < high, "{low} {high} {share}: {threshold}");
            }
        }
    }
}
