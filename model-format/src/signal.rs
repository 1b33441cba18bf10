//! Signals: samples, segments, windows, spectra and features, streaming and causal.

pub mod features;
