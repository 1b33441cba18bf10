//! Weighted sums by class: how much rows count, and where their middle lies.

/// What the rows of each class have in common.
pub(super) struct Moments {
    /// Weight of each class.
    pub(super) weights: Vec<f64>,
    /// `[K, F]`, row-major.
    pub(super) means: Vec<f64>,
}

impl Moments {
    /// Of rows of `width` values; every class has a row.
    pub(super) fn new(
        z: &[f64],
        width: usize,
        classes: usize,
        index: &[u32],
        row_weights: &[f64],
    ) -> Moments {
        let mut weights = vec![0.0; classes];
        let mut means = vec![0.0; classes * width];
        let rows = || z.chunks_exact(width).zip(index.iter().zip(row_weights));
        for (row, (&class, &weight)) in rows() {
            weights[class as usize] += weight;
            let means = &mut means[class as usize * width..][..width];
            means.iter_mut().zip(row).for_each(|(sum, z)| *sum += weight * z);
        }
        for (means, weight) in means.chunks_exact_mut(width).zip(&weights) {
            means.iter_mut().for_each(|mean| *mean /= weight);
        }
        Moments { weights, means }
    }

    /// Logarithm of each class's share of the weight.
    pub(super) fn log_priors(&self) -> Vec<f64> {
        let total: f64 = self.weights.iter().sum();
        self.weights.iter().map(|weight| libm::log(weight / total)).collect()
    }
}
