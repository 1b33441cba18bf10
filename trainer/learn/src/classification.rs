//! Estimators that answer: which class?

mod class_weight;
pub(crate) mod decision_tree;
pub(crate) mod extra_trees;
mod forest;
pub(crate) mod gaussian_nb;
pub(crate) mod gradient_boosting;
pub(crate) mod k_neighbors;
pub(crate) mod linear_discriminant;
pub(crate) mod logistic_regression;
mod moments;
pub(crate) mod random_forest;
mod scores;
