//! Decision trees: thresholds searched on ranks or drawn, forests grown in parallel.

mod columns;
mod drawn;
mod forest;
mod gini;
mod grow;
pub(crate) mod parameters;
mod searched;
mod sort;
mod variance;

pub(crate) use columns::between;
pub(crate) use drawn::Drawn;
pub(crate) use forest::{Features, ForestPlan, Kind, grow_forest};
pub(crate) use gini::Gini;
pub(crate) use grow::{Criterion, Grower, Sample, TreeLimits, WEIGHTS_MAX, check_size};
pub(crate) use variance::Variance;
