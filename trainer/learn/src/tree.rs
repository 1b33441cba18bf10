//! Decision trees: exact split finding on ranks, forests grown in parallel.

mod columns;
mod forest;
mod gini;
mod grow;
pub(crate) mod parameters;
mod sort;
mod variance;

pub(crate) use columns::{Columns, between};
pub(crate) use forest::{ForestPlan, Kind, grow_forest};
pub(crate) use gini::Gini;
pub(crate) use grow::{Criterion, Grower, Sample, Thresholds, TreeLimits, WEIGHTS_MAX, check_size};
pub(crate) use variance::Variance;
