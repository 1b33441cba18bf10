//! Elastic net: least squares with penalties that leave useless features out.

use model_format::manifest::Task;
use nalgebra::DMatrix;
use serde_json::{Map, json};

use super::linear::{FittedLinear, centre};
use crate::catalogue::Entry;
use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::products::gram;
use crate::scaler::{CLIP_MARGIN, SCALING, Scaler};
use crate::supervised::Supervised;
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Elastic net",
    task: Task::Regression,
    doc: "A weighted sum of the scaled features plus a constant, with penalties on the size of the \
          weights and on their squares: features that say little get the weight 0. For many \
          features of which few matter.",
    parameters: &[ALPHA, L1_RATIO, MAX_ITER, TOL, SCALING, CLIP_MARGIN],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Regression, parameters, learn })
    },
};

const NAME: &str = "elastic_net";

const ALPHA: Parameter = Parameter {
    name: "alpha",
    doc: "Strength of both penalties, for a target in units of its standard deviation: the same \
          value suits degrees and pascals. In scikit-learn it is in the target's own unit.",
    accepts: &[Form::Number { min: 1e-9, max: 1e3 }],
    default: Preset::Number(0.01),
};

const L1_RATIO: Parameter = Parameter {
    name: "l1_ratio",
    doc: "Share of the penalty on the size of the weights, which makes weights 0; the rest is on \
          their squares. 1 is the lasso, 0 a ridge.",
    accepts: &[Form::Number { min: 0.0, max: 1.0 }],
    default: Preset::Number(0.5),
};

const MAX_ITER: Parameter = Parameter {
    name: "max_iter",
    doc: "The most rounds over all weights. Where they do not suffice the facts of the fit say so.",
    accepts: &[Form::Integer { min: 1, max: 1_000_000 }],
    default: Preset::Integer(10_000),
};

const TOL: Parameter = Parameter {
    name: "tol",
    doc: "The search ends where no weight changes by more than this share of the largest one.",
    accepts: &[Form::Number { min: 1e-14, max: 0.1 }],
    default: Preset::Number(1e-7),
};

/// The sums of products take the square of this.
const FEATURES_MAX: usize = 4096;

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let values = train.numbers(NAME)?;
    let scaler = Scaler::fit(train, parameters)?;
    let width = scaler.width();
    if width > FEATURES_MAX {
        return Err(FitError::TooLarge {
            what: "the number of features",
            found: width as u64,
            limit: FEATURES_MAX as u64,
            advice: "choose fewer features",
        });
    }
    let row_weights = train.row_weights();
    let total: f64 = row_weights.iter().sum();
    let mut z = scaler.apply_all(train);
    let mut y: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
    let means = centre(&mut z, width, &row_weights);
    let y_mean = centre(&mut y, 1, &row_weights)[0];
    let variance: f64 = y.iter().zip(&row_weights).map(|(y, w)| w * y * y).sum::<f64>() / total;
    let deviation = variance.sqrt();
    let unit = if deviation > 0.0 { deviation } else { 1.0 };
    let mut right = vec![0.0; width];
    for (row, (y, weight)) in z.chunks_exact_mut(width).zip(y.iter().zip(&row_weights)) {
        let root = (weight / total).sqrt();
        row.iter_mut().for_each(|value| *value *= root);
        right.iter_mut().zip(&*row).for_each(|(sum, z)| *sum += z * root * y / unit);
    }
    let products = gram(&z, width, context)?;
    let descent = descend(&products, &right, parameters, context)?;
    let weights: Vec<f64> = descent.weights.iter().map(|weight| weight * unit).collect();
    let shift: f64 = weights.iter().zip(&means).map(|(w, mean)| w * mean).sum();
    let used = weights.iter().filter(|&&weight| weight != 0.0).count();
    let facts = Map::from_iter([
        ("features_used".to_owned(), json!(used)),
        ("iterations".to_owned(), json!(descent.rounds)),
        ("converged".to_owned(), json!(descent.converged)),
    ]);
    let intercept = y_mean - shift;
    Ok(Box::new(FittedLinear { scope: NAME, scaler, weights, intercept, facts }))
}

struct Descent {
    weights: Vec<f64>,
    rounds: usize,
    converged: bool,
}

/// Minimises ½ wᵀGw − rᵀw + alpha (l1 |w| + ½ (1 − l1) w²), one weight after the other, each to its
/// own minimum (Friedman, Hastie, Tibshirani: Regularization paths for generalized linear models via
/// coordinate descent, 2010).
fn descend(
    products: &DMatrix<f64>,
    right: &[f64],
    parameters: &Checked,
    context: &FitContext<'_>,
) -> Result<Descent, FitError> {
    let (alpha, share) = (parameters.number("alpha"), parameters.number("l1_ratio"));
    let (edge, square) = (alpha * share, alpha * (1.0 - share));
    let (rounds_max, tol) = (parameters.integer("max_iter") as usize, parameters.number("tol"));
    let mut weights = vec![0.0; right.len()];
    // What is left of `right`: r − G w.
    let mut left = right.to_vec();
    for round in 1..=rounds_max {
        context.check_cancel()?;
        let (mut change_max, mut weight_max) = (0.0_f64, 0.0_f64);
        for at in 0..weights.len() {
            let own = products[(at, at)];
            if own <= 0.0 {
                continue;
            }
            let wanted = left[at] + own * weights[at];
            let next = wanted.signum() * (wanted.abs() - edge).max(0.0) / (own + square);
            let change = next - weights[at];
            if change != 0.0 {
                let column = products.column(at);
                left.iter_mut().zip(column.iter()).for_each(|(left, g)| *left -= g * change);
                weights[at] = next;
            }
            change_max = change_max.max(change.abs());
            weight_max = weight_max.max(next.abs());
        }
        if change_max <= tol * weight_max {
            return Ok(Descent { weights, rounds: round, converged: true });
        }
    }
    Ok(Descent { weights, rounds: rounds_max, converged: false })
}
