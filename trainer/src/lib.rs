//! The trainer: imports recordings, trains, proves and exports models, and keeps the registry.

pub mod api;
pub mod broker;
mod catalogue;
pub mod cli;
mod clock;
pub mod data_folder;
pub mod decimate;
pub mod evaluation;
pub mod importing;
pub mod ingest;
pub mod jobs;
mod memory;
mod mqtt;
mod nearest;
pub mod progress;
pub mod recording;
pub mod secret;
pub mod serve;
mod simulated;
pub mod store;
pub mod training;

pub use cli::run;
