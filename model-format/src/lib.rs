//! What trainer and edge agree on: payloads, signals, windows, features, decisions, the manifest
//! and the ONNX file. No IO beyond bytes, no clock, no threads.

pub mod artifact;
pub mod bundle;
pub mod decide;
pub mod id;
pub mod manifest;
pub mod nearest;
pub mod onnx;
pub mod payload;
pub mod pipeline;
pub mod protocol;
pub mod signal;
