//! The trainer: imports recordings, trains, proves and exports models, and keeps the registry.

pub mod cli;
pub mod data_folder;
pub mod evaluation;
pub mod ingest;
mod nearest;
pub mod progress;
pub mod recording;
mod simulated;
pub mod store;
pub mod training;

pub use cli::run;
