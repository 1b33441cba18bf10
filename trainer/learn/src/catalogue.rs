//! The catalogue: every estimator with its parameters, and how to make one.

use serde_json::{Map, Value};

use model_format::manifest::Task;
use model_format::nearest::did_you_mean;

use crate::estimator::Estimator;
use crate::parameter::{Checked, Parameter, ParameterError};
use crate::{anomaly, classification, regression};

/// An estimator that can be chosen.
pub struct Entry {
    /// Name: what runs and lineages store.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// What it answers.
    pub task: Task,
    /// What it does and when to choose it.
    pub doc: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// True where rows may have weights.
    pub supports_weights: bool,
    /// True where held-back normal rows set the alarm line.
    pub needs_calibration: bool,
    /// Makes the estimator from checked parameters.
    pub(crate) build: fn(Checked) -> Box<dyn Estimator>,
}

/// All estimators.
pub const CATALOGUE: &[&Entry] = &[
    &classification::random_forest::ENTRY,
    &classification::extra_trees::ENTRY,
    &classification::decision_tree::ENTRY,
    &classification::gradient_boosting::ENTRY,
    &classification::logistic_regression::ENTRY,
    &classification::linear_discriminant::ENTRY,
    &classification::gaussian_nb::ENTRY,
    &classification::k_neighbors::ENTRY,
    &regression::random_forest::ENTRY,
    &regression::extra_trees::ENTRY,
    &regression::decision_tree::ENTRY,
    &regression::gradient_boosting::ENTRY,
    &regression::ridge::ENTRY,
    &regression::elastic_net::ENTRY,
    &regression::k_neighbors::ENTRY,
    &anomaly::t2q::ENTRY,
    &anomaly::mahalanobis::ENTRY,
    &anomaly::pca::ENTRY,
    &anomaly::isolation_forest::ENTRY,
    &anomaly::k_neighbors::ENTRY,
    &anomaly::local_outlier_factor::ENTRY,
    &anomaly::hbos::ENTRY,
    &anomaly::ecod::ENTRY,
];

/// The estimator `name` with the parameters `given`; what is not given has its default.
///
/// # Errors
/// On an unknown estimator or parameter (with the nearest names) and on a value out of bounds.
pub fn estimator(
    name: &str,
    given: &Map<String, Value>,
) -> Result<Box<dyn Estimator>, ParameterError> {
    let Some(entry) = CATALOGUE.iter().find(|entry| entry.name == name) else {
        let hint = did_you_mean(name, CATALOGUE.iter().map(|entry| entry.name));
        return Err(ParameterError::UnknownEstimator { found: name.to_owned(), hint });
    };
    let checked = Checked::read(entry.name, entry.parameters, given)?;
    Ok((entry.build)(checked))
}
