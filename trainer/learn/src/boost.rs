//! Gradient boosting on histograms: small trees, each of which mends what those before it got wrong.

mod bins;
mod grow;
mod held_back;
mod histogram;
mod loss;
pub(crate) mod parameters;
mod stage;

pub(crate) use loss::{LogLoss, SquaredError};
pub(crate) use stage::{Boosted, boost};
