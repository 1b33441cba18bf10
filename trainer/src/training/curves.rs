//! The curves of a run: what its answers on the test windows look like over all thresholds.

use learn::metrics::curve::{POINTS_MAX, PrecisionRecallCurve, RocCurve, curves as curves_of};
use learn::metrics::histogram::{Histogram, histogram};
use learn::prediction::Prediction;
use learn::table::Target;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answers::residual;

/// What counts as positive for an anomaly detector.
const ANOMALY: &str = "anomaly";

/// The most points of the curves of all classes together, as far as each has [`POINTS_MIN`].
const POINTS_OF_CLASSES_MAX: usize = 1 << 15;

/// The fewest points that a curve is thinned to.
const POINTS_MIN: usize = 16;

/// The curves of a run, on its test windows. Areas come from all of them; a curve has at most 256
/// points, fewer where there are more than 128 classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunCurves {
    /// True positives against false alarms, for each class against all others; for an anomaly detector
    /// one, of the class `anomaly`.
    pub roc: Vec<RocCurve>,
    /// Precision against recall, in the same way.
    pub precision_recall: Vec<PrecisionRecallCurve>,
    /// Predicted less true values; regressions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residuals: Option<Histogram>,
    /// Curves that there are not.
    pub omitted: Vec<OmittedCurve>,
}

/// Curves that there are not, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OmittedCurve {
    /// The class, or `residuals`.
    pub class: String,
    /// Why.
    pub reason: String,
}

/// The curves of these answers.
pub(super) fn curves(
    prediction: &Prediction,
    truth: &Target,
    anomalies: Option<&[bool]>,
) -> RunCurves {
    match (prediction, truth) {
        (
            Prediction::Classification { probabilities, classes },
            Target::Classes { index, names },
        ) => one_against_rest(probabilities, *classes, index, names),
        (Prediction::Regression { values }, Target::Values(truth)) => {
            let residuals = values.iter().zip(truth).map(|(&value, &truth)| residual(value, truth));
            let residuals = histogram(residuals.collect());
            let omitted = match residuals {
                Some(_) => Vec::new(),
                None => omitted("residuals", "a residual is not finite".to_owned()),
            };
            RunCurves { residuals, omitted, ..RunCurves::default() }
        }
        (Prediction::Anomaly { scores }, _) => match anomalies {
            Some(anomalies) => put_together([class_curves(ANOMALY, anomalies, scores, POINTS_MAX)]),
            None => {
                let reason = "nobody said which test windows are anomalies: name what is normal";
                let omitted = omitted(ANOMALY, reason.to_owned());
                RunCurves { omitted, ..RunCurves::default() }
            }
        },
        // Answers and truth are of one task.
        _ => RunCurves::default(),
    }
}

/// Both curves of a class, or why there are none.
type ClassCurves = Result<(RocCurve, PrecisionRecallCurve), OmittedCurve>;

fn one_against_rest(
    probabilities: &[f32],
    width: usize,
    truth: &[u32],
    names: &[String],
) -> RunCurves {
    let points_max = (POINTS_OF_CLASSES_MAX / width.max(1)).clamp(POINTS_MIN, POINTS_MAX);
    let of_class = |(class, name): (usize, &String)| {
        let positive: Vec<bool> = truth.iter().map(|&truth| truth as usize == class).collect();
        let scores: Vec<f32> =
            probabilities.iter().skip(class).step_by(width.max(1)).copied().collect();
        class_curves(name, &positive, &scores, points_max)
    };
    let classes: Vec<ClassCurves> = names.par_iter().enumerate().map(of_class).collect();
    put_together(classes)
}

fn class_curves(class: &str, positive: &[bool], scores: &[f32], points_max: usize) -> ClassCurves {
    curves_of(class, positive, scores, points_max)
        .map_err(|reason| OmittedCurve { class: class.to_owned(), reason: reason.to_string() })
}

fn put_together(classes: impl IntoIterator<Item = ClassCurves>) -> RunCurves {
    let mut found = RunCurves::default();
    for class in classes {
        match class {
            Ok((roc, precision_recall)) => {
                found.roc.push(roc);
                found.precision_recall.push(precision_recall);
            }
            Err(omitted) => found.omitted.push(omitted),
        }
    }
    found
}

fn omitted(class: &str, reason: String) -> Vec<OmittedCurve> {
    vec![OmittedCurve { class: class.to_owned(), reason }]
}
