//! Covariances: shrinking them towards even spread, and undoing them where they have a direction.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::estimator::FitError;

/// Eigenvectors cost the cube of this.
pub(crate) const FEATURES_MAX: usize = 1024;

/// Refuses more features than eigenvectors are computed for.
pub(crate) fn check_width(width: usize) -> Result<(), FitError> {
    if width <= FEATURES_MAX {
        return Ok(());
    }
    Err(FitError::TooLarge {
        what: "the number of features",
        found: width as u64,
        limit: FEATURES_MAX as u64,
        advice: "choose fewer features",
    })
}

/// (1 − share) · covariance + share · (mean variance) · 1.
pub(crate) fn shrunk(mut covariance: DMatrix<f64>, share: f64) -> DMatrix<f64> {
    let even = covariance.trace() / covariance.nrows() as f64;
    covariance *= 1.0 - share;
    for at in 0..covariance.nrows() {
        covariance[(at, at)] += share * even;
    }
    covariance
}

/// The matrix B (`[F, k]`, row-major) with which |x · B|² is the squared Mahalanobis distance of x:
/// the eigenvectors, each divided by the root of its eigenvalue. Directions whose eigenvalue is not
/// above `smallest` are left out.
pub(crate) fn whitening(covariance: DMatrix<f64>, smallest: f64) -> (Vec<f64>, usize) {
    let width = covariance.nrows();
    let eigen = SymmetricEigen::new(covariance);
    let mut order: Vec<usize> = (0..width).filter(|&at| eigen.eigenvalues[at] > smallest).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
    let mut whitening = Vec::with_capacity(width * order.len());
    for row in 0..width {
        let of = |&at: &usize| eigen.eigenvectors[(row, at)] / eigen.eigenvalues[at].sqrt();
        whitening.extend(order.iter().map(of));
    }
    (whitening, order.len())
}
