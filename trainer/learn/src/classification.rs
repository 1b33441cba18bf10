//! Estimators that answer: which class?

pub(crate) mod logistic_regression;
pub(crate) mod random_forest;
