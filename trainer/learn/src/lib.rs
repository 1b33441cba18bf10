//! Learning: estimators by task, metrics, splits. No IO, no clock, no async, no SQL.
//!
//! A table of features goes in, a [`estimator::Fitted`] comes out. What is fitted writes itself
//! into an ONNX graph, and predictions are made by evaluating that graph: there is one
//! implementation of every model's answer, and it is the one that the device runs.

pub mod anomaly;
pub mod baseline;
mod boost;
pub mod catalogue;
mod classification;
mod covariance;
pub mod estimator;
pub mod importance;
pub mod metrics;
mod minimise;
mod neighbours;
pub mod parameter;
pub mod prediction;
mod products;
mod random;
mod regression;
pub mod scaler;
pub mod split;
mod supervised;
pub mod table;
mod tree;
mod workers;

pub use prediction::{predict, predict_rows};
