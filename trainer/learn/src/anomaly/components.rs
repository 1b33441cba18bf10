//! Principal components: the directions in which the features of normal rows usually move together.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::covariance::{FEATURES_MAX, check_width};
use crate::estimator::{FitContext, FitError};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::products::gram;
use crate::scaler::Scaler;
use crate::table::Table;

/// How many components count as usual.
pub(super) const N_COMPONENTS: Parameter = Parameter {
    name: "n_components",
    doc: "Principal components that count as usual movement: a number of them (from 1 on), or the \
          share of the variance (below 1) that they have to explain together. The default lies in \
          the middle of the usual 0.7 to 0.9.",
    accepts: &[
        Form::Integer { min: 1, max: FEATURES_MAX as i64 },
        Form::Number { min: 0.01, max: 0.9999 },
    ],
    default: Preset::Number(0.8),
};

/// Components with a smaller share of the largest variance are rounding.
const VARIANCE_SHARE_MIN: f64 = 1e-10;
/// A residual of this many standard deviations per feature is rounding of 32-bit features; no limit
/// is set below it.
pub(super) const RESIDUAL_MIN: f64 = 1e-4;

/// The usual directions of movement.
pub(super) struct Components {
    /// Mean of the scaled features: nearly 0, but for rounding.
    pub(super) centre: Vec<f64>,
    /// `[F, k]`, row-major: the directions as columns.
    pub(super) directions: Vec<f64>,
    /// Variance along each direction, largest first.
    pub(super) variances: Vec<f64>,
    /// Variance in all directions.
    pub(super) variance: f64,
}

impl Components {
    /// Learns from the rows of a checked table.
    pub(super) fn fit(
        scaler: &Scaler,
        train: &Table,
        parameters: &Checked,
        context: &FitContext<'_>,
    ) -> Result<Components, FitError> {
        let (rows, width) = (train.rows, scaler.width());
        check_width(width)?;
        if rows < 3 {
            let reason = "directions of movement take several rows".to_owned();
            return Err(FitError::TooFewRows { kind: "training", rows, needed: 3, reason });
        }
        let mut z = scaler.apply_all(train);
        let mut centre = vec![0.0; width];
        for row in z.chunks_exact(width) {
            centre.iter_mut().zip(row).for_each(|(sum, z)| *sum += z / rows as f64);
        }
        for row in z.chunks_exact_mut(width) {
            row.iter_mut().zip(&centre).for_each(|(z, mean)| *z -= mean);
        }
        let covariance = gram(&z, width, context)? / (rows as f64 - 1.0);
        let variance = covariance.trace();
        if variance <= 0.0 {
            return Err(FitError::TooFewRows {
                kind: "different training",
                rows: 1,
                needed: 3,
                reason: "every feature is constant, so nothing shows what is usual".to_owned(),
            });
        }
        let (directions, variances) = principal(covariance, variance, parameters)?;
        Ok(Components { centre, directions, variances, variance })
    }

    /// Number of components.
    pub(super) fn count(&self) -> usize {
        self.variances.len()
    }

    /// T² and Q of a row of scaled features.
    pub(super) fn distances(&self, scaled: &[f32]) -> (f64, f64) {
        let k = self.count();
        let centred: Vec<f64> =
            scaled.iter().zip(&self.centre).map(|(&z, mean)| f64::from(z) - mean).collect();
        let mut along = vec![0.0; k];
        for (z, direction) in centred.iter().zip(self.directions.chunks_exact(k)) {
            along.iter_mut().zip(direction).for_each(|(sum, d)| *sum += z * d);
        }
        let t2 = along.iter().zip(&self.variances).map(|(t, variance)| t * t / variance).sum();
        let off = |(z, direction): (&f64, &[f64])| {
            let usual: f64 = direction.iter().zip(&along).map(|(d, t)| d * t).sum();
            (z - usual) * (z - usual)
        };
        (t2, centred.iter().zip(self.directions.chunks_exact(k)).map(off).sum())
    }
}

/// Directions (`[F, k]`, row-major) and variances of the components that `n_components` asks for.
fn principal(
    covariance: DMatrix<f64>,
    variance: f64,
    parameters: &Checked,
) -> Result<(Vec<f64>, Vec<f64>), FitError> {
    let width = covariance.nrows();
    let eigen = SymmetricEigen::new(covariance);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
    let smallest = eigen.eigenvalues[order[0]] * VARIANCE_SHARE_MIN;
    order.retain(|&at| eigen.eigenvalues[at] > smallest);
    let asked = parameters.number("n_components");
    let count = if asked < 1.0 {
        let mut explained = 0.0;
        let enough = order.iter().position(|&at| {
            explained += eigen.eigenvalues[at];
            explained >= asked * variance
        });
        enough.map_or(order.len(), |last| last + 1)
    } else {
        asked as usize
    };
    if count > order.len() {
        return Err(FitError::Parameter {
            parameter: "n_components",
            found: count.to_string(),
            reason: format!("the training rows vary in {} directions only", order.len()),
        });
    }
    order.truncate(count);
    // Eigenvectors have no sign of their own: the largest entry is made positive.
    let sign = |at: usize| {
        let column = eigen.eigenvectors.column(at);
        if column[column.iamax()] < 0.0 { -1.0 } else { 1.0 }
    };
    let signs: Vec<f64> = order.iter().map(|&at| sign(at)).collect();
    let directions = (0..width).flat_map(|row| {
        let columns = order.iter().zip(&signs);
        columns.map(move |(&at, sign)| (row, at, *sign)).collect::<Vec<_>>()
    });
    let directions =
        directions.map(|(row, at, sign)| eigen.eigenvectors[(row, at)] * sign).collect();
    Ok((directions, order.iter().map(|&at| eigen.eigenvalues[at]).collect()))
}
