//! Learning: estimators by task, metrics, splits. No IO, no clock, no async, no SQL.
//!
//! A table of features goes in, a [`estimator::Fitted`] comes out. What is fitted writes itself
//! into an ONNX graph, and predictions are made by evaluating that graph: there is one
//! implementation of every model's answer, and it is the one that the device runs.

pub mod catalogue;
pub mod estimator;
pub mod head;
pub mod metrics;
pub mod parameter;
pub mod prediction;
pub mod split;
pub mod table;

pub use prediction::predict;
