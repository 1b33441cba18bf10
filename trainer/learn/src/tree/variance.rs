//! The variance criterion: how far the values of a node lie apart.

use super::grow::{Criterion, Sample, kept};

/// Weighted variance. Minimising it over two children is maximising Sl² / Wl + Sr² / Wr with the
/// sums S of weighted values; values come centred, so that the sums do not cancel.
pub(crate) struct Variance {
    trees: f64,
    total: [f64; 2],
    left: [f64; 2],
}

impl Variance {
    /// For leaves that are divided by `trees`.
    pub(crate) fn new(trees: usize) -> Self {
        Variance { trees: trees as f64, total: [0.0; 2], left: [0.0; 2] }
    }
}

impl Criterion for Variance {
    type Target = f64;

    fn outputs(&self) -> usize {
        1
    }

    fn enter(&mut self, samples: &[Sample<f64>]) -> bool {
        self.total = [0.0; 2];
        for sample in samples {
            self.total[0] += sample.weight * sample.target;
            self.total[1] += sample.weight;
        }
        samples.iter().all(|sample| sample.target == samples[0].target)
    }

    fn restart(&mut self) {
        self.left = [0.0; 2];
    }

    #[inline]
    fn shift(&mut self, sample: &Sample<f64>) {
        self.left[0] += sample.weight * sample.target;
        self.left[1] += sample.weight;
    }

    fn divide(&mut self, samples: &[Sample<f64>], values: &[f32], threshold: f32) -> usize {
        let (mut sum, mut weight, mut count) = (0.0, 0.0, 0);
        for (sample, &value) in samples.iter().zip(values) {
            let left = value <= threshold;
            let own = kept(sample.weight, left);
            sum += own * sample.target;
            weight += own;
            count += usize::from(left);
        }
        self.left = [sum, weight];
        count
    }

    #[inline]
    fn score(&self) -> f64 {
        let [sl, wl] = self.left;
        let (sr, wr) = (self.total[0] - sl, self.total[1] - wl);
        (sl * sl * wr + sr * sr * wl) / (wl * wr)
    }

    fn leaf(&self, out: &mut Vec<f32>) {
        out.push((self.total[0] / self.total[1] / self.trees) as f32);
    }
}
