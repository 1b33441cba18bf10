//! The Gini criterion: how mixed the classes of a node are.

use super::grow::{Criterion, Sample, kept};

/// Gini impurity with weights.
///
/// For a node with weight W and class weights w_k the impurity is 1 − Σ (w_k / W)². Minimising
/// the weighted impurity of two children is maximising Σ wl_k² / Wl + Σ wr_k² / Wr, and those
/// sums change by one term when a sample moves from right to left.
pub(crate) struct Gini {
    trees: f64,
    left: Vec<f64>,
    right: Vec<f64>,
    total: Vec<f64>,
    weights: [f64; 2],
    squares: [f64; 2],
    total_weight: f64,
    total_square: f64,
}

impl Gini {
    /// For `classes` classes and leaves that are divided by `trees`.
    pub(crate) fn new(classes: usize, trees: usize) -> Self {
        Gini {
            trees: trees as f64,
            left: vec![0.0; classes],
            right: vec![0.0; classes],
            total: vec![0.0; classes],
            weights: [0.0; 2],
            squares: [0.0; 2],
            total_weight: 0.0,
            total_square: 0.0,
        }
    }
}

impl Criterion for Gini {
    type Target = u32;

    fn outputs(&self) -> usize {
        self.total.len()
    }

    fn enter(&mut self, samples: &[Sample<u32>]) -> bool {
        self.total.fill(0.0);
        for sample in samples {
            self.total[sample.target as usize] += sample.weight;
        }
        self.total_weight = self.total.iter().sum();
        self.total_square = self.total.iter().map(|w| w * w).sum();
        self.total.iter().filter(|&&w| w > 0.0).count() <= 1
    }

    fn restart(&mut self) {
        self.left.fill(0.0);
        self.right.copy_from_slice(&self.total);
        self.weights = [0.0, self.total_weight];
        self.squares = [0.0, self.total_square];
    }

    #[inline]
    fn shift(&mut self, sample: &Sample<u32>) {
        let (class, w) = (sample.target as usize, sample.weight);
        let (left, right) = (self.left[class], self.right[class]);
        self.squares[0] += w * (left + left + w);
        self.squares[1] -= w * (right + right - w);
        self.left[class] = left + w;
        self.right[class] = right - w;
        self.weights[0] += w;
        self.weights[1] -= w;
    }

    fn divide(&mut self, samples: &[Sample<u32>], values: &[f32], threshold: f32) -> usize {
        // Squares are formed once, from the sums.
        let mut count = 0;
        self.left.fill(0.0);
        for (sample, &value) in samples.iter().zip(values) {
            let left = value <= threshold;
            self.left[sample.target as usize] += kept(sample.weight, left);
            count += usize::from(left);
        }
        let (mut left_weight, mut squares) = (0.0, [0.0; 2]);
        for (total, left) in self.total.iter().zip(&self.left) {
            let right = total - left;
            squares[0] += left * left;
            squares[1] += right * right;
            left_weight += left;
        }
        self.squares = squares;
        self.weights = [left_weight, self.total_weight - left_weight];
        count
    }

    #[inline]
    fn score(&self) -> f64 {
        let [wl, wr] = self.weights;
        (self.squares[0] * wr + self.squares[1] * wl) / (wl * wr)
    }

    fn leaf(&self, out: &mut Vec<f32>) {
        let share = |w: &f64| (w / self.total_weight / self.trees) as f32;
        out.extend(self.total.iter().map(share));
    }
}
