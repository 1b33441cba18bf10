//! Metrics of predictions, each with the naive answer beside it.
//!
//! Where a figure is undefined (a class that nobody predicted, one row for R²) it has the value
//! that scikit-learn gives with `zero_division=0`, or is absent; each figure says which.

use model_format::manifest::Task;
use serde::{Deserialize, Serialize};

use crate::prediction::Prediction;
use crate::table::Target;

pub mod anomaly;
pub mod classification;
pub mod curve;
pub mod events;
pub mod histogram;
pub mod regression;

use anomaly::{AnomalyMetrics, is_alarm};
use classification::ClassificationMetrics;
use events::WindowSpan;
use regression::RegressionMetrics;

/// The figures of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Metrics {
    /// Of a classifier.
    Classification(ClassificationMetrics),
    /// Of a regression.
    Regression(RegressionMetrics),
    /// Of an anomaly detector.
    Anomaly(AnomalyMetrics),
}

/// The figures of a model, and of the answer that needs no model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evaluation {
    /// The model's.
    pub model: Metrics,
    /// The naive answer's: the majority class of the training rows, their mean, never an alarm.
    pub naive: Metrics,
}

/// The truth about the rows that are evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Truth<'a> {
    /// Classes by index, and the names.
    Classes(&'a [u32], &'a [String]),
    /// Numbers.
    Values(&'a [f32]),
    /// True where a row is an anomaly; and where the rows lie, for the figures by event, or nothing.
    Anomalies(&'a [bool], &'a [WindowSpan]),
}

/// Why figures could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Truth and prediction are of different kinds.
    #[error("the model answers a {model:?} task, the truth given is of another kind ({truth})")]
    Kind {
        /// The model's task.
        model: Task,
        /// What was given.
        truth: &'static str,
    },
    /// Truth and prediction differ in length.
    #[error("{predicted} predictions stand against {truth} true values")]
    Length {
        /// Number of predictions.
        predicted: usize,
        /// Number of true values.
        truth: usize,
    },
    /// There is nothing to evaluate.
    #[error("there are no rows to evaluate: choose a test part with at least one window")]
    Empty,
    /// A class index beyond the classes.
    #[error("true class {class} in row {row} is not one of the model's {classes} classes")]
    UnknownClass {
        /// The row, from 0.
        row: usize,
        /// The class index.
        class: u32,
        /// Number of classes.
        classes: usize,
    },
}

/// The figures of `prediction` and of the naive answer that `train` suggests.
///
/// # Errors
/// Where truth, prediction and training target do not belong together, or there are no rows.
pub fn evaluate(
    prediction: &Prediction,
    truth: Truth<'_>,
    train: &Target,
) -> Result<Evaluation, MetricError> {
    match (prediction, truth, train) {
        (
            Prediction::Classification { probabilities, .. },
            Truth::Classes(truth, names),
            Target::Classes { index, .. },
        ) => Ok(Evaluation {
            model: Metrics::Classification(classification::evaluate(truth, probabilities, names)?),
            naive: Metrics::Classification(classification::naive(index, truth, names)?),
        }),
        (Prediction::Regression { values }, Truth::Values(truth), Target::Values(train)) => {
            Ok(Evaluation {
                model: Metrics::Regression(regression::evaluate(truth, values)?),
                naive: Metrics::Regression(regression::naive(train, truth)?),
            })
        }
        (Prediction::Anomaly { scores }, Truth::Anomalies(truth, spans), _) => {
            let alarms: Vec<bool> = scores.iter().map(|&score| is_alarm(score)).collect();
            let mut model = anomaly::evaluate(truth, &alarms)?;
            model.events = events::events(spans, truth, &alarms);
            let mut naive = anomaly::naive(truth)?;
            naive.events = events::events(spans, truth, &vec![false; truth.len()]);
            Ok(Evaluation { model: Metrics::Anomaly(model), naive: Metrics::Anomaly(naive) })
        }
        (prediction, truth, _) => {
            Err(MetricError::Kind { model: prediction.task(), truth: truth.kind() })
        }
    }
}

impl Truth<'_> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Truth::Classes(..) => "classes",
            Truth::Values(_) => "values",
            Truth::Anomalies(..) => "anomalies",
        }
    }
}

fn check_lengths(predicted: usize, truth: usize) -> Result<(), MetricError> {
    if truth == 0 {
        return Err(MetricError::Empty);
    }
    if predicted != truth {
        return Err(MetricError::Length { predicted, truth });
    }
    Ok(())
}

/// A quotient, or 0 where the denominator is 0.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}
