//! Estimators that answer: how unusual?

mod alarm_line;
pub(crate) mod t2q;
