//! Estimators that answer: how unusual?

pub mod alarm_line;
pub(crate) mod t2q;
