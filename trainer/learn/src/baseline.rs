//! The training baseline that an artifact carries: how each feature was distributed.

use model_format::manifest::FeatureBaseline;

use crate::table::Table;

/// The shares of the rows below the quantiles of a [`FeatureBaseline`].
pub const QUANTILES: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

/// Quantiles and histogram of each column of `table`, which has at least one row of finite values;
/// empty for a table without rows.
///
/// Quantiles lie between neighbouring values in proportion, as NumPy's default does. The histogram
/// holds the share of the rows in ten bins of equal width from the smallest to the largest value;
/// a value on an inner edge counts to the upper bin. A constant feature is all in the first bin.
pub fn features(table: &Table) -> Vec<FeatureBaseline> {
    if table.rows == 0 {
        return Vec::new();
    }
    let width = table.columns.len();
    let mut values = Vec::with_capacity(table.rows);
    (0..width)
        .map(|column| {
            values.clear();
            values.extend(table.values.iter().skip(column).step_by(width));
            values.sort_by(f32::total_cmp);
            FeatureBaseline {
                quantiles: QUANTILES.map(|share| quantile(&values, share)),
                histogram: histogram(&values),
            }
        })
        .collect()
}

fn quantile(sorted: &[f32], share: f64) -> f32 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor();
    let (low, part) = (f64::from(sorted[below as usize]), position - below);
    let high = f64::from(sorted[(below as usize + 1).min(sorted.len() - 1)]);
    (low * (1.0 - part) + high * part) as f32
}

fn histogram(sorted: &[f32]) -> [f32; 10] {
    let (low, high) = (f64::from(sorted[0]), f64::from(sorted[sorted.len() - 1]));
    let mut counts = [0_u64; 10];
    for &value in sorted {
        let share = (f64::from(value) - low) / (high - low);
        // A constant feature has no share; the cast makes that 0.
        counts[((share * 10.0) as usize).min(9)] += 1;
    }
    counts.map(|count| (count as f64 / sorted.len() as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Target;

    fn one_column(values: Vec<f32>) -> FeatureBaseline {
        let table = Table {
            columns: vec!["x".to_owned()],
            rows: values.len(),
            groups: vec![0; values.len()],
            values,
            target: Target::None,
            weights: None,
        };
        features(&table).remove(0)
    }

    #[test]
    fn quantiles_lie_between_neighbours_in_proportion() {
        let baseline = one_column((0..=200).rev().map(|i| i as f32).collect());
        assert_eq!(baseline.quantiles, [0.0, 2.0, 10.0, 50.0, 100.0, 150.0, 190.0, 198.0, 200.0]);
        assert_eq!(one_column(vec![1.0, 2.0]).quantiles[4], 1.5);
    }

    #[test]
    fn the_histogram_counts_every_row_once() {
        let baseline = one_column((0..100).map(|i| i as f32).collect());
        assert_eq!(baseline.histogram, [0.1; 10]);
        assert!((baseline.histogram.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_constant_feature_is_all_in_the_first_bin() {
        let baseline = one_column(vec![7.5; 20]);
        assert_eq!(baseline.quantiles, [7.5; 9]);
        assert_eq!(baseline.histogram[0], 1.0);
    }

    #[test]
    fn a_range_beyond_32_bit_floats_stays_finite() {
        let baseline = one_column(vec![-f32::MAX, 0.0, f32::MAX]);
        assert_eq!(baseline.histogram.iter().sum::<f32>(), 1.0);
        assert!(baseline.quantiles.iter().all(|q| q.is_finite()));
    }
}
