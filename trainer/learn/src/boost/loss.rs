//! What boosting makes small, and its slopes.

use crate::estimator::FitError;
use crate::workers::Workers;

/// Slopes of one output, by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gradient {
    /// First derivatives.
    pub(super) gradients: Vec<f32>,
    /// Second derivatives; empty where all are 1.
    pub(super) hessians: Vec<f32>,
}

/// A loss by row and output.
pub(crate) trait Loss: Sync {
    /// Numbers that are boosted: 1, or one for each class.
    fn outputs(&self) -> usize;

    /// Where boosting starts: the best constants for the training rows.
    fn start(&self, rows: &[u32]) -> Vec<f64>;

    /// The slopes at `raw` (row by row, `outputs` numbers each).
    fn slopes(
        &self,
        raw: &[f64],
        slopes: &mut [Gradient],
        workers: &Workers<'_>,
    ) -> Result<(), FitError>;

    /// The weighted mean loss of some rows.
    fn mean(&self, raw: &[f64], rows: &[u32]) -> f64;
}

/// Half the squared error.
pub(crate) struct SquaredError<'a> {
    /// By row.
    pub(crate) targets: &'a [f64],
    /// By row; empty where all are 1.
    pub(crate) weights: &'a [f64],
}

impl SquaredError<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }
}

impl Loss for SquaredError<'_> {
    fn outputs(&self) -> usize {
        1
    }

    fn start(&self, rows: &[u32]) -> Vec<f64> {
        let (mut sum, mut total) = (0.0, 0.0);
        for &row in rows {
            sum += self.weight(row as usize) * self.targets[row as usize];
            total += self.weight(row as usize);
        }
        vec![f64::from((sum / total) as f32)]
    }

    fn slopes(
        &self,
        raw: &[f64],
        slopes: &mut [Gradient],
        _: &Workers<'_>,
    ) -> Result<(), FitError> {
        let Gradient { gradients, hessians } = &mut slopes[0];
        gradients.clear();
        let errors = raw.iter().zip(self.targets).map(|(raw, target)| raw - target);
        if self.weights.is_empty() {
            gradients.extend(errors.map(|error| error as f32));
            return Ok(());
        }
        gradients.extend(errors.zip(self.weights).map(|(error, weight)| (error * weight) as f32));
        hessians.clear();
        hessians.extend(self.weights.iter().map(|&weight| weight as f32));
        Ok(())
    }

    fn mean(&self, raw: &[f64], rows: &[u32]) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for &row in rows {
            let error = raw[row as usize] - self.targets[row as usize];
            sum += self.weight(row as usize) * 0.5 * error * error;
            total += self.weight(row as usize);
        }
        sum / total
    }
}

/// −ln of the probability of the true class: of two classes one number decides, of more one each.
pub(crate) struct LogLoss<'a> {
    /// By row.
    pub(crate) index: &'a [u32],
    /// Number of classes, at least 2.
    pub(crate) classes: usize,
    /// By row; empty where all are 1.
    pub(crate) weights: &'a [f64],
}

/// Rows whose slopes are computed in one piece.
const BLOCK_ROWS: usize = 4096;
/// Shares of classes are kept this far from 0 where boosting starts.
const SHARE_MIN: f64 = 1e-6;

impl LogLoss<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    /// Gradients and hessians of a block of rows, output by output.
    fn block(&self, raw: &[f64], rows: std::ops::Range<usize>) -> Vec<(Vec<f32>, Vec<f32>)> {
        let outputs = self.outputs();
        let room = || (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let mut slopes: Vec<(Vec<f32>, Vec<f32>)> = (0..outputs).map(|_| room()).collect();
        let mut shares = vec![0.0; outputs];
        for row in rows {
            let (class, weight) = (self.index[row] as usize, self.weight(row));
            let own = &raw[row * outputs..(row + 1) * outputs];
            if let [raw] = own {
                shares[0] = 1.0 / (1.0 + libm::exp(-raw));
            } else {
                softmax(own, &mut shares);
            }
            for (output, (share, slopes)) in shares.iter().zip(&mut slopes).enumerate() {
                let hit = if outputs == 1 { class == 1 } else { class == output };
                let wrong = share - f64::from(u8::from(hit));
                slopes.0.push((weight * wrong) as f32);
                slopes.1.push((weight * share * (1.0 - share)) as f32);
            }
        }
        slopes
    }
}

fn softmax(raw: &[f64], shares: &mut [f64]) {
    let largest = raw.iter().fold(f64::NEG_INFINITY, |most, &raw| raw.max(most));
    let mut total = 0.0;
    for (share, raw) in shares.iter_mut().zip(raw) {
        *share = libm::exp(raw - largest);
        total += *share;
    }
    shares.iter_mut().for_each(|share| *share /= total);
}

impl Loss for LogLoss<'_> {
    fn outputs(&self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    fn start(&self, rows: &[u32]) -> Vec<f64> {
        let mut sums = vec![0.0; self.classes];
        for &row in rows {
            sums[self.index[row as usize] as usize] += self.weight(row as usize);
        }
        let total: f64 = sums.iter().sum();
        let log = |sum: &f64| libm::log((sum / total).clamp(SHARE_MIN, 1.0 - SHARE_MIN));
        let logs: Vec<f64> = sums.iter().map(log).collect();
        match logs[..] {
            [first, second] => vec![second - first],
            _ => logs,
        }
    }

    fn slopes(
        &self,
        raw: &[f64],
        slopes: &mut [Gradient],
        workers: &Workers<'_>,
    ) -> Result<(), FitError> {
        let rows = self.index.len();
        let blocks = workers.map(rows.div_ceil(BLOCK_ROWS), |block| {
            Ok(self.block(raw, block * BLOCK_ROWS..rows.min((block + 1) * BLOCK_ROWS)))
        })?;
        for slopes in slopes.iter_mut() {
            slopes.gradients.clear();
            slopes.hessians.clear();
        }
        for block in blocks {
            for (slopes, (gradients, hessians)) in slopes.iter_mut().zip(block) {
                slopes.gradients.extend(gradients);
                slopes.hessians.extend(hessians);
            }
        }
        Ok(())
    }

    fn mean(&self, raw: &[f64], rows: &[u32]) -> f64 {
        let outputs = self.outputs();
        let (mut sum, mut total) = (0.0, 0.0);
        let mut shares = vec![0.0; outputs];
        for &row in rows {
            let row = row as usize;
            let (class, weight) = (self.index[row] as usize, self.weight(row));
            let own = &raw[row * outputs..(row + 1) * outputs];
            let loss = if let [raw] = own {
                let away = if class == 1 { -raw } else { *raw };
                away.max(0.0) + libm::log1p(libm::exp(-away.abs()))
            } else {
                softmax(own, &mut shares);
                -libm::log(shares[class].max(f64::MIN_POSITIVE))
            };
            sum += weight * loss;
            total += weight;
        }
        sum / total
    }
}
