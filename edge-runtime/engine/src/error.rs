//! What can go wrong in an engine.

use crate::EngineKind;

/// Why a model was not loaded or a window not answered.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine was left out when this program was built.
    #[error("this program was built without the engine {0}: build it with `--features {0}`")]
    NotBuilt(EngineKind),
    /// The bytes are no valid model.
    #[error("the model is not valid: {0}")]
    Model(String),
    /// The model is valid and asks for something that this engine cannot do.
    #[error("the engine {engine} cannot run this model: {reason}")]
    Unsupported {
        /// The engine.
        engine: EngineKind,
        /// What it cannot do and what to change.
        reason: String,
    },
    /// The library of ONNX Runtime was not found or cannot be used.
    #[error("ONNX Runtime cannot be used: {0}")]
    Library(String),
    /// The number of values is not that of the announced windows.
    #[error(
        "{count} windows of {window_values} values ({shape}) were announced, but {found} values given"
    )]
    Length {
        /// Windows announced.
        count: usize,
        /// Values in a window.
        window_values: usize,
        /// What a window looks like.
        shape: String,
        /// Values given.
        found: usize,
    },
    /// More windows at once than the bound.
    #[error("{count} windows were given at once; the limit is {limit}: give them in parts")]
    TooMany {
        /// Windows given.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A value is not finite.
    #[error(
        "window {window}, sample {sample}, channel {channel} is {value}; only finite values are accepted"
    )]
    NotFinite {
        /// Index of the window in this call.
        window: usize,
        /// Index of the sample in the window.
        sample: usize,
        /// Index or name of the channel.
        channel: String,
        /// The value.
        value: f32,
    },
    /// The engine failed while it ran.
    #[error("the engine {engine} failed: {reason}")]
    Failed {
        /// The engine.
        engine: EngineKind,
        /// What it says.
        reason: String,
    },
}
