//! Estimators that answer: how much?

pub(crate) mod random_forest;
pub(crate) mod ridge;
