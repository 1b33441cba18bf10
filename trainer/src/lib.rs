//! The trainer: imports recordings, trains, proves and exports models, and keeps the registry.

mod answers;
pub mod api;
pub(crate) mod backup;
pub mod broker;
mod catalogue;
pub mod cli;
mod clock;
pub mod data_folder;
pub mod decimate;
pub mod demo;
mod doctor;
pub mod evaluation;
pub mod importing;
pub mod ingest;
pub mod jobs;
mod labels;
pub mod live;
mod local_enrolment;
mod looking;
mod memory;
mod mqtt;
mod nearest;
mod ownership;
mod plot;
pub mod progress;
mod recorder;
pub mod recording;
mod repair;
pub mod secret;
pub mod serve;
mod simulated;
mod start;
pub mod store;
mod supervised;
pub mod training;

pub use cli::run;
