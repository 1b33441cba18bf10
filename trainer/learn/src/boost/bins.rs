//! Features sorted into at most 255 bins each, column by column.

use crate::estimator::FitError;
use crate::table::Table;
use crate::tree::between;
use crate::workers::Workers;

/// The features of all rows as numbers of bins.
pub(super) struct Bins {
    rows: usize,
    /// By column, then by row.
    bins: Vec<u8>,
    /// By column: the threshold above each bin but the last one.
    thresholds: Vec<Vec<f32>>,
}

impl Bins {
    /// Sorts each column of a checked table into `bins_max` bins of about as many rows each; a bin for
    /// each value where there are no more values than that.
    pub(super) fn new(
        table: &Table,
        bins_max: usize,
        workers: &Workers<'_>,
    ) -> Result<Bins, FitError> {
        let (rows, width) = (table.rows, table.columns.len());
        let columns = workers.map(width, |column| {
            let values: Vec<f32> =
                table.values.iter().skip(column).step_by(width).copied().collect();
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f32::total_cmp);
            let thresholds = thresholds(&sorted, bins_max);
            let bin = |value: &f32| thresholds.partition_point(|edge| edge < value) as u8;
            Ok((values.iter().map(bin).collect::<Vec<u8>>(), thresholds))
        })?;
        let mut bins = Vec::with_capacity(rows * width);
        let mut thresholds = Vec::with_capacity(width);
        for (own, edges) in columns {
            bins.extend(own);
            thresholds.push(edges);
        }
        Ok(Bins { rows, bins, thresholds })
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.thresholds.len()
    }

    /// Number of bins of a column.
    pub(super) fn count(&self, column: usize) -> usize {
        self.thresholds[column].len() + 1
    }

    /// The bins of a column, by row.
    pub(super) fn column(&self, column: usize) -> &[u8] {
        &self.bins[column * self.rows..(column + 1) * self.rows]
    }

    /// The threshold above a bin: `value <= threshold` holds for it and the bins below.
    pub(super) fn threshold(&self, column: usize, bin: u8) -> f32 {
        self.thresholds[column][usize::from(bin)]
    }
}

/// Thresholds between values, each as many rows further on as the rest allows.
fn thresholds(sorted: &[f32], bins_max: usize) -> Vec<f32> {
    let groups = || sorted.chunk_by(|a, b| a == b);
    let distinct = groups().count();
    let mut thresholds = Vec::with_capacity(distinct.min(bins_max) - 1);
    let mut in_bin = 0;
    let mut left = (sorted.len(), bins_max);
    let mut before: Option<f32> = None;
    for group in groups() {
        let full = distinct <= bins_max || in_bin * left.1 >= left.0;
        if let Some(before) = before.filter(|_| full && left.1 > 1) {
            thresholds.push(between(before, group[0]));
            left = (left.0 - in_bin, left.1 - 1);
            in_bin = 0;
        }
        in_bin += group.len();
        before = Some(group[0]);
    }
    thresholds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        assert_eq!(thresholds(&[1.0, 1.0, 2.0, 4.0], 255), [1.5, 3.0]);
        assert!(thresholds(&[-0.0, 0.0, 0.0], 255).is_empty());
    }

    #[test]
    fn many_values_share_bins_evenly_and_a_frequent_one_has_its_own() {
        let sorted: Vec<f32> = (0..1000).map(|at| at as f32).collect();
        let found = thresholds(&sorted, 10);
        assert_eq!(found.len(), 9);
        assert!(found.iter().enumerate().all(|(at, edge)| *edge == 99.5 + 100.0 * at as f32));
        let mut skewed = vec![0.0; 900];
        skewed.extend((1..=100).map(|at| at as f32));
        let found = thresholds(&skewed, 11);
        assert_eq!((found.len(), found[0]), (10, 0.5));
        assert!(found.windows(2).all(|pair| (pair[1] - pair[0] - 10.0).abs() <= 1.0), "{found:?}");
    }
}
