//! Permutation importance: how much worse a model answers where a feature says nothing any more.
//!
//! The values of a feature are put into a random order over the rows, so that it keeps its distribution
//! and loses its connection with everything else; the fall of the model's figure is what the model owes to it
//! (Breiman, Random Forests, 2001, section 10; scikit-learn's `permutation_importance`). Features that
//! say the same stand in for each other and look unimportant one by one; shuffled together, as a group in
//! the same order, they do not.

use model_format::manifest::Task;
use rayon::prelude::*;

use crate::estimator::Fitted;
use crate::metrics::curve;
use crate::metrics::{MetricError, Truth, classification, regression};
use crate::prediction::{PredictError, Prediction, Predictor};
use crate::random::Random;

/// Rows to answer, and what is true of them.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Features of a row.
    pub columns: usize,
    /// Row by row.
    pub values: &'a [f32],
    /// One for each row.
    pub truth: Truth<'a>,
}

/// How much the figure falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Importance {
    /// The mean fall over the repeats; below 0 where the figure rose by chance.
    pub mean: f64,
    /// Standard deviation of the fall over the repeats.
    pub deviation: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Importances {
    /// The figure of the rows as they are.
    pub baseline: f64,
    /// By group.
    pub groups: Vec<Importance>,
}

/// Why there is no importance.
#[derive(Debug, thiserror::Error)]
pub enum ImportanceError {
    /// The figure is undefined on these rows.
    #[error("{figure} is undefined on these test windows: {reason}")]
    Undefined {
        /// The figure.
        figure: &'static str,
        /// Why.
        reason: String,
    },
    /// Truth and model do not belong together.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The model gives no answer.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// Somebody asked for the end.
    #[error("cancelled")]
    Cancelled,
}

/// The figure whose fall is measured.
pub fn figure_name(task: Task) -> &'static str {
    match task {
        Task::Classification => "Balanced accuracy",
        Task::Regression => "R²",
        Task::Anomaly => "Area under the ROC curve",
    }
}

/// The importance of each group of columns: `repeats` times all columns of a group are put into the same random
/// order. Group and repeat decide the order together with the seed, whichever of the `threads` works;
/// `go_on` is asked before each of `groups.len() * repeats` shuffles.
///
/// # Errors
/// Where the figure is undefined on these rows, or rows, truth and model do not belong together.
pub fn permutation(
    fitted: &dyn Fitted,
    rows: Rows<'_>,
    groups: &[Vec<usize>],
    repeats: u32,
    seed: u64,
    threads: usize,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Importances, ImportanceError> {
    let mut predictor = Predictor::of(fitted, rows.columns)?;
    let baseline = figure(&predictor.predict(rows.values)?, rows.truth)?;
    let repeats = repeats.max(1) as usize;
    let pieces = groups.len() * repeats;
    let threads = threads.clamp(1, pieces.max(1));
    let share = |thread: usize| -> Result<Vec<(usize, f64)>, ImportanceError> {
        let mut predictor = Predictor::of(fitted, rows.columns)?;
        let mut values = rows.values.to_vec();
        let own = (thread..pieces).step_by(threads);
        own.map(|piece| {
            if !go_on() {
                return Err(ImportanceError::Cancelled);
            }
            let columns = &groups[piece / repeats];
            let mut order: Vec<u32> = (0..(rows.values.len() / rows.columns) as u32).collect();
            Random::new(seed, piece as u64).shuffle(&mut order);
            shuffle(&mut values, rows, columns, &order);
            let found = figure(&predictor.predict(&values)?, rows.truth)?;
            restore(&mut values, rows, columns);
            Ok((piece, baseline - found))
        })
        .collect()
    };
    let mut falls: Vec<(usize, f64)> = (0..threads)
        .into_par_iter()
        .map(share)
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    falls.sort_unstable_by_key(|(piece, _)| *piece);
    let groups = falls.chunks(repeats).map(|falls| {
        let count = falls.len() as f64;
        let mean = falls.iter().map(|(_, fall)| fall).sum::<f64>() / count;
        let squared = falls.iter().map(|(_, fall)| (fall - mean) * (fall - mean)).sum::<f64>();
        Importance { mean, deviation: (squared / count).sqrt() }
    });
    Ok(Importances { baseline, groups: groups.collect() })
}

fn shuffle(values: &mut [f32], rows: Rows<'_>, columns: &[usize], order: &[u32]) {
    for (row, &other) in values.chunks_exact_mut(rows.columns).zip(order) {
        let other = other as usize * rows.columns;
        columns.iter().for_each(|&column| row[column] = rows.values[other + column]);
    }
}

fn restore(values: &mut [f32], rows: Rows<'_>, columns: &[usize]) {
    let before = rows.values.chunks_exact(rows.columns);
    for (row, before) in values.chunks_exact_mut(rows.columns).zip(before) {
        columns.iter().for_each(|&column| row[column] = before[column]);
    }
}

fn figure(prediction: &Prediction, truth: Truth<'_>) -> Result<f64, ImportanceError> {
    let figure = figure_name(prediction.task());
    let undefined = |reason: &str| ImportanceError::Undefined { figure, reason: reason.to_owned() };
    match (prediction, truth) {
        (Prediction::Classification { probabilities, .. }, Truth::Classes(truth, names)) => {
            Ok(classification::evaluate(truth, probabilities, names)?.balanced_accuracy)
        }
        (Prediction::Regression { values }, Truth::Values(truth)) => {
            let r2 = regression::evaluate(truth, values)?.r2;
            r2.filter(|r2| r2.is_finite()).ok_or_else(|| undefined("there is one of them"))
        }
        (Prediction::Anomaly { scores }, Truth::Anomalies(truth, _)) => {
            let area = curve::curves("anomaly", truth, scores, 2).map(|(roc, _)| roc.area);
            area.map_err(|reason| undefined(&reason.to_string()))
        }
        (prediction, truth) => {
            Err(MetricError::Kind { model: prediction.task(), truth: truth.kind() }.into())
        }
    }
}
