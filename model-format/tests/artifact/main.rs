//! Artifacts: what is written is read, runs, and stays the same.

mod adopted;
mod corpus;
mod draft;
mod round_trip;
