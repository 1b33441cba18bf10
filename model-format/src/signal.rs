//! Signals: samples, segments, windows, spectra and features, streaming and causal.

mod align;
pub mod bearing;
mod drops;
pub mod features;
mod order;
mod rate;
pub mod resample;
pub mod rows;
mod sample;
mod segment;
pub mod simulate;
pub mod spectrum;
pub mod stream;
mod wide;
mod window;
