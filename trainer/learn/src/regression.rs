//! Estimators that answer: how much?

pub(crate) mod decision_tree;
pub(crate) mod elastic_net;
pub(crate) mod extra_trees;
mod forest;
pub(crate) mod gradient_boosting;
pub(crate) mod k_neighbors;
mod linear;
pub(crate) mod random_forest;
pub(crate) mod ridge;
