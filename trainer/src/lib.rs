//! The trainer: imports recordings, trains, proves and exports models, and keeps the registry.

pub mod cli;
pub mod data_folder;
pub mod ingest;
mod nearest;
mod progress;
pub mod recording;
pub mod store;

pub use cli::run;
