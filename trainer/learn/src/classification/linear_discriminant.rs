//! Linear discriminant analysis: classes with their own middle and a common covariance.

use model_format::manifest::Task;
use nalgebra::DMatrix;

use super::class_weight::{CLASS_WEIGHT, class_weights};
use super::moments::Moments;
use super::scores::FittedScores;
use crate::catalogue::Entry;
use crate::covariance::{check_width, shrunk, whitening};
use crate::estimator::{FitContext, FitError, Fitted};
use crate::parameter::{Checked, Form, Parameter, Preset};
use crate::products::gram;
use crate::scaler::{CLIP_MARGIN, SCALING, Scaler};
use crate::supervised::Supervised;
use crate::table::Table;

/// The catalogue entry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    title: "Linear discriminant analysis",
    task: Task::Classification,
    doc: "Takes the rows of each class as normally distributed around a middle of its own, with one \
          covariance for all; the answer is how well a row fits each class. Nothing to tune, solved \
          in one step; straight borders between classes.",
    parameters: &[SHRINKAGE, CLASS_WEIGHT, SCALING, CLIP_MARGIN],
    supports_weights: true,
    needs_calibration: false,
    build: |parameters| {
        Box::new(Supervised { name: NAME, task: Task::Classification, parameters, learn })
    },
};

const NAME: &str = "linear_discriminant_analysis";

const SHRINKAGE: Parameter = Parameter {
    name: "shrinkage",
    doc: "Share of an even spread in the covariance of the scaled features; it steadies the answer \
          where rows are few. null: none, and directions in which classes do not vary are left out.",
    accepts: &[Form::Number { min: 0.0001, max: 1.0 }, Form::Null],
    default: Preset::Null,
};

/// Without shrinkage, directions whose variance is a smaller share of the features' own are left
/// out: the square of the limit that scikit-learn sets their standard deviation.
const VARIANCE_SHARE_MIN: f64 = 1e-8;

fn learn(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Box<dyn Fitted>, FitError> {
    let (index, names) = train.classes(NAME)?;
    let (classes, scaler) = (names.len(), Scaler::fit(train, parameters)?);
    let width = scaler.width();
    check_width(width)?;
    let mut z = scaler.apply_all(train);
    let weights = class_weights(train, index, classes, parameters);
    let moments = Moments::new(&z, width, classes, index, &weights);
    for (row, (&class, weight)) in z.chunks_exact_mut(width).zip(index.iter().zip(&weights)) {
        let means = &moments.means[class as usize * width..][..width];
        let root = weight.sqrt();
        row.iter_mut().zip(means).for_each(|(z, mean)| *z = (*z - mean) * root);
    }
    let total: f64 = moments.weights.iter().sum();
    let scatter = gram(&z, width, context)?;
    let white = match parameters.optional_number("shrinkage") {
        Some(share) => whitening(shrunk(scatter / total, share), 0.0),
        None => unshrunk(scatter / total),
    };
    let (linear, constants) = discriminants(&moments, width, white);
    Ok(Box::new(FittedScores { scaler, quadratic: None, linear, constants }))
}

/// The whitening of the covariance within classes, where features count by their own deviation.
fn unshrunk(mut covariance: DMatrix<f64>) -> (Vec<f64>, usize) {
    let width = covariance.nrows();
    let inverse = |variance: f64| if variance > 0.0 { 1.0 / variance.sqrt() } else { 0.0 };
    let inverse: Vec<f64> = (0..width).map(|at| inverse(covariance[(at, at)])).collect();
    for row in 0..width {
        for column in 0..width {
            covariance[(row, column)] *= inverse[row] * inverse[column];
        }
    }
    let (mut white, count) = whitening(covariance, VARIANCE_SHARE_MIN);
    for (row, inverse) in white.chunks_exact_mut(count.max(1)).zip(&inverse) {
        row.iter_mut().for_each(|value| *value *= inverse);
    }
    (white, count)
}

/// Weights (`[F, K]`) and constants: for class k with middle m, B Bᵀ m and −½ |m B|² + ln prior, all
/// around the middle of all rows.
fn discriminants(
    moments: &Moments,
    width: usize,
    (white, count): (Vec<f64>, usize),
) -> (Vec<f64>, Vec<f64>) {
    let classes = moments.weights.len();
    let total: f64 = moments.weights.iter().sum();
    let mut middle = vec![0.0; width];
    for (means, weight) in moments.means.chunks_exact(width).zip(&moments.weights) {
        middle.iter_mut().zip(means).for_each(|(sum, mean)| *sum += mean * weight / total);
    }
    let mut linear = vec![0.0; width * classes];
    let mut constants = moments.log_priors();
    for (class, means) in moments.means.chunks_exact(width).enumerate() {
        let mut along = vec![0.0; count];
        for (row, (mean, middle)) in means.iter().zip(&middle).enumerate() {
            let white = &white[row * count..(row + 1) * count];
            along.iter_mut().zip(white).for_each(|(sum, w)| *sum += (mean - middle) * w);
        }
        constants[class] -= 0.5 * along.iter().map(|value| value * value).sum::<f64>();
        for (row, middle) in middle.iter().enumerate() {
            let white = &white[row * count..(row + 1) * count];
            let own: f64 = white.iter().zip(&along).map(|(w, value)| w * value).sum();
            linear[row * classes + class] = own;
            constants[class] -= own * middle;
        }
    }
    (linear, constants)
}
