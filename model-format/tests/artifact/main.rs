//! Artifacts: what is written is read, runs, and stays the same.

mod corpus;
mod draft;
mod round_trip;
