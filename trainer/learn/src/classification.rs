//! Estimators that answer: which class?

mod class_weight;
pub(crate) mod decision_tree;
pub(crate) mod extra_trees;
mod forest;
pub(crate) mod logistic_regression;
pub(crate) mod random_forest;
