//! The operator set and the evaluator.

mod forest;
mod inline;
mod operators;
mod program;
