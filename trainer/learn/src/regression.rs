//! Estimators that answer: how much?

pub(crate) mod decision_tree;
pub(crate) mod extra_trees;
mod forest;
pub(crate) mod random_forest;
pub(crate) mod ridge;
