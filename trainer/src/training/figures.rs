//! The figures of a run for lists and comparisons: the few that say how good the model is.

use learn::metrics::anomaly::AnomalyMetrics;
use learn::metrics::classification::ClassificationMetrics;
use learn::metrics::regression::RegressionMetrics;
use learn::metrics::{Evaluation, Metrics};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::report::RunReport;

/// One figure on the test windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// Name for people, such as `Macro F1`.
    pub name: String,
    /// The model's.
    pub value: f64,
    /// That of the answer that needs no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naive: Option<f64>,
    /// Which values are good ones.
    pub better: Better,
    /// Its unit, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it says.
    pub doc: String,
}

/// Which values of a figure are good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The higher ones.
    Higher,
    /// The lower ones.
    Lower,
}

/// How a figure is read from metrics of type `M`.
type Line<M> = (&'static str, fn(&M) -> Option<f64>, Better, &'static str);

const CLASSIFICATION: &[Line<ClassificationMetrics>] = &[
    (
        "Macro F1",
        |m| Some(m.macro_average.f1),
        Better::Higher,
        "Harmonic mean of precision and recall, averaged over the classes, each alike",
    ),
    ("Accuracy", |m| Some(m.accuracy), Better::Higher, "Share of the windows named rightly"),
    (
        "Balanced accuracy",
        |m| Some(m.balanced_accuracy),
        Better::Higher,
        "Recall, averaged over the classes, each alike",
    ),
    (
        "Log loss",
        |m| Some(m.log_loss),
        Better::Lower,
        "Mean of −ln of the probability given to the true class",
    ),
    (
        "Matthews correlation",
        |m| m.matthews,
        Better::Higher,
        "Correlation of true and named classes: 1 is perfect, 0 says nothing, however rare classes are",
    ),
    (
        "Brier score",
        |m| m.brier,
        Better::Lower,
        "Mean squared distance between the probabilities and what was true",
    ),
];

/// True where the figure is in the target's unit.
const REGRESSION: &[(Line<RegressionMetrics>, bool)] = &[
    (
        (
            "R²",
            |m| m.r2,
            Better::Higher,
            "Share of the target's variance that is explained; 0 is the mean's answer",
        ),
        false,
    ),
    (("RMSE", |m| Some(m.rmse), Better::Lower, "Root of the mean squared error"), true),
    (("MAE", |m| Some(m.mae), Better::Lower, "Mean absolute error"), true),
    (("MAPE", |m| m.mape, Better::Lower, "Mean of the error as a share of the true value"), false),
];

const ANOMALY: &[Line<AnomalyMetrics>] = &[
    ("F1", |m| Some(m.f1), Better::Higher, "Harmonic mean of precision and recall"),
    ("Precision", |m| Some(m.precision), Better::Higher, "Share of the alarms that were anomalies"),
    ("Recall", |m| Some(m.recall), Better::Higher, "Share of the anomalies with an alarm"),
    (
        "False alarm rate",
        |m| Some(m.false_alarm_rate),
        Better::Lower,
        "Share of the normal windows with an alarm",
    ),
    (
        "Missed alarm rate",
        |m| Some(m.missed_alarm_rate),
        Better::Lower,
        "Share of the anomalies without an alarm",
    ),
    (
        "Event precision",
        |m| m.events.map(|events| events.precision),
        Better::Higher,
        "Share of the alarms, each a run of windows, that reach an anomalous window",
    ),
    (
        "Event recall",
        |m| m.events.map(|events| events.recall),
        Better::Higher,
        "Share of the anomalous stretches in which an alarm was raised",
    ),
    (
        "False alarms per day",
        |m| m.events.and_then(|events| events.false_alarms_per_day),
        Better::Lower,
        "Alarms without an anomalous window, for a day of normal ones",
    ),
];

/// The figures of a run, the main one first. One that is undefined is left out.
pub(crate) fn figures(report: &RunReport) -> Vec<Figure> {
    let unit = report.target.as_ref().and_then(|target| target.unit.as_ref());
    match &report.evaluation {
        Some(evaluation) => of_evaluation(evaluation, unit),
        None => report.alarm_share.into_iter().map(alarm_share).collect(),
    }
}

/// The figures of an evaluation, those in the target's unit with it.
pub(super) fn of_evaluation(evaluation: &Evaluation, unit: Option<&String>) -> Vec<Figure> {
    match (&evaluation.model, &evaluation.naive) {
        (Metrics::Classification(model), Metrics::Classification(naive)) => {
            CLASSIFICATION.iter().filter_map(|line| figure(line, model, naive, None)).collect()
        }
        (Metrics::Regression(model), Metrics::Regression(naive)) => REGRESSION
            .iter()
            .filter_map(|(line, has_unit)| figure(line, model, naive, unit.filter(|_| *has_unit)))
            .collect(),
        (Metrics::Anomaly(model), Metrics::Anomaly(naive)) => {
            ANOMALY.iter().filter_map(|line| figure(line, model, naive, None)).collect()
        }
        // Both parts of an evaluation are made for one task.
        _ => Vec::new(),
    }
}

fn figure<M>(line: &Line<M>, model: &M, naive: &M, unit: Option<&String>) -> Option<Figure> {
    let (name, read, better, doc) = *line;
    Some(Figure {
        name: name.to_owned(),
        value: read(model).filter(|value| value.is_finite())?,
        naive: read(naive).filter(|value| value.is_finite()),
        better,
        unit: unit.cloned(),
        doc: doc.to_owned(),
    })
}

fn alarm_share(value: f64) -> Figure {
    Figure {
        name: "Alarm share".to_owned(),
        value,
        naive: None,
        better: Better::Lower,
        unit: None,
        doc: "Share of the test windows with an alarm; which of them are anomalies is not known"
            .to_owned(),
    }
}
