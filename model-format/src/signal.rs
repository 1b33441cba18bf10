//! Signals: samples, segments, windows, spectra and features, streaming and causal.

mod drops;
pub mod features;
mod sample;
pub mod simulate;
pub mod spectrum;
pub mod stream;
mod window;
