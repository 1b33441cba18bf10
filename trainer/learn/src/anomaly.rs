//! Estimators that answer: how unusual?

pub mod alarm_line;
mod components;
mod detector;
pub(crate) mod ecod;
pub(crate) mod hbos;
pub(crate) mod isolation_forest;
pub(crate) mod k_neighbors;
pub(crate) mod local_outlier_factor;
pub(crate) mod mahalanobis;
pub(crate) mod pca;
mod steps;
pub(crate) mod t2q;
