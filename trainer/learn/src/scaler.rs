//! The standard scaler: (x − mean) · factor, in the arithmetic of the graph.

use model_format::onnx::graph::{GraphBuilder, Value};
use model_format::onnx::tensor::Tensor;

use crate::estimator::FitError;
use crate::table::Table;

/// Larger features are cut to this size before scaling, so that no difference overflows.
pub const FEATURE_MAX: f32 = 1e30;
/// Scaled features are cut to this many standard deviations. No training row comes near it (with
/// n rows none is further out than √n); it keeps a value that nobody has seen from turning
/// sums into infinities and differences of them into NaN.
pub const SCALED_MAX: f32 = 1e6;

/// A feature whose standard deviation is no larger than this share of its largest value counts as
/// constant: engines may disagree by as much about its values, and dividing by so small a spread would
/// turn their last bits into whole standard deviations.
pub const SPREAD_SHARE_MIN: f64 = 1e-6;

/// Mean and factor of each feature.
///
/// Means and standard deviations (with n in the denominator, as in scikit-learn) are computed in
/// 64-bit floats and rounded once to 32-bit floats. [`Scaler::apply`] then does what the emitted
/// nodes do, operation by operation, so that estimators learn from the very values that the device
/// computes. A feature that is constant in the training rows, or nearly so ([`SPREAD_SHARE_MIN`]), has
/// factor 0: whatever it does later, it counts as unchanged, because there is nothing to measure its
/// changes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    mean: Vec<f32>,
    factor: Vec<f32>,
}

impl Scaler {
    /// Fits the scaler to the rows of a checked table, with their weights if there are any.
    ///
    /// # Errors
    /// Where a feature is larger than [`FEATURE_MAX`].
    pub fn fit(table: &Table) -> Result<Scaler, FitError> {
        let width = table.columns.len();
        let weight = |row: usize| table.weights.as_ref().map_or(1.0, |w| f64::from(w[row]));
        let total: f64 = (0..table.rows).map(weight).sum();
        let mut mean = vec![0.0_f64; width];
        for row in 0..table.rows {
            for (sum, &x) in mean.iter_mut().zip(table.row(row)) {
                *sum += weight(row) * f64::from(x);
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= total);
        let mut square = vec![0.0_f64; width];
        let mut largest = vec![0.0_f64; width];
        for row in 0..table.rows {
            for (column, &x) in table.row(row).iter().enumerate() {
                if x.abs() > FEATURE_MAX {
                    return Err(FitError::Range {
                        what: format!("column {}", table.columns[column]),
                        advice: "leave the feature out or bring the channel into another unit",
                    });
                }
                let deviation = f64::from(x) - mean[column];
                square[column] += weight(row) * deviation * deviation;
                largest[column] = largest[column].max(f64::from(x).abs());
            }
        }
        let factor = square.iter().zip(&largest).map(|(sum, largest)| {
            let deviation = (sum / total).sqrt();
            let factor = (1.0 / deviation) as f32;
            let varies = deviation > SPREAD_SHARE_MIN * largest;
            if varies && factor.is_finite() { factor } else { 0.0 }
        });
        let factor = factor.collect();
        Ok(Scaler { mean: mean.iter().map(|&m| m as f32).collect(), factor })
    }

    /// The scaled features of one row, as the graph computes them.
    pub fn apply(&self, row: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let constants = self.mean.iter().zip(&self.factor);
        out.extend(row.iter().zip(constants).map(|(&x, (&mean, &factor))| {
            let scaled = (x.clamp(-FEATURE_MAX, FEATURE_MAX) - mean) * factor;
            scaled.clamp(-SCALED_MAX, SCALED_MAX)
        }));
    }

    /// All rows of a table, scaled, as 64-bit floats for fitting.
    pub(crate) fn apply_all(&self, table: &Table) -> Vec<f64> {
        let mut values = Vec::with_capacity(table.values.len());
        let mut scaled = Vec::with_capacity(table.columns.len());
        for row in 0..table.rows {
            self.apply(table.row(row), &mut scaled);
            values.extend(scaled.iter().map(|&z| f64::from(z)));
        }
        values
    }

    /// Positions of the features that were constant.
    pub(crate) fn constant(&self) -> impl Iterator<Item = usize> {
        self.factor.iter().enumerate().filter(|&(_, &factor)| factor == 0.0).map(|(at, _)| at)
    }

    /// Number of features.
    pub(crate) fn width(&self) -> usize {
        self.mean.len()
    }

    /// Adds the scaling of `features` (float32 `[N, F]`); the result is float32 `[N, F]`.
    pub fn emit(&self, g: &mut GraphBuilder, features: &Value) -> Value {
        g.scoped("scaler", |g| {
            let width = self.mean.len();
            let bounded = clip(g, features, FEATURE_MAX);
            let mean = g.constant(Tensor::f32([width], self.mean.clone()));
            let factor = g.constant(Tensor::f32([width], self.factor.clone()));
            let centred = g.sub(&bounded, &mean);
            let scaled = g.mul(&centred, &factor);
            clip(g, &scaled, SCALED_MAX)
        })
    }
}

fn clip(g: &mut GraphBuilder, x: &Value, limit: f32) -> Value {
    let (upper, lower) = (g.scalar_f32(limit), g.scalar_f32(-limit));
    let bounded = g.min(x, &upper);
    g.max(&bounded, &lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Target;

    fn scaled(values: &[f32]) -> Vec<f32> {
        let table = Table {
            columns: vec!["x".to_owned()],
            rows: values.len(),
            values: values.to_vec(),
            target: Target::None,
            groups: vec![0; values.len()],
            weights: None,
        };
        let scaler = Scaler::fit(&table).unwrap();
        let mut out = Vec::new();
        values
            .iter()
            .flat_map(|&x| {
                scaler.apply(&[x], &mut out);
                out.clone()
            })
            .collect()
    }

    #[test]
    fn a_spread_of_some_last_bits_counts_as_none_and_a_small_one_counts_in_full() {
        let near = 1e5_f32;
        assert_eq!(scaled(&[near, near.next_up(), near, near.next_down()]), [0.0; 4]);
        assert_eq!(scaled(&[near - 1.0, near + 1.0]), [-1.0, 1.0]);
        let tiny = 2.0_f32.powi(-70);
        assert_eq!(scaled(&[-tiny, tiny]), [-1.0, 1.0]);
        assert_eq!(scaled(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
