//! What executes an artifact: the native engine, tract, ONNX Runtime; and the proof that they agree.
//!
//! No IO beyond bytes, no threads of its own, no clock. The only file that is opened is the library
//! of ONNX Runtime, and only when that engine is asked for.

mod error;
#[cfg(any(feature = "tract", feature = "ort"))]
mod foreign;
mod kind;
mod layout;
mod model;
mod native;
#[cfg(feature = "ort")]
mod ort;
pub mod proof;
#[cfg(feature = "tract")]
mod tract;

use model_format::artifact::Artifact;

use model::Model;

pub use error::EngineError;
pub use kind::{EngineKind, UnknownEngine};
pub use layout::Layout;

/// Something that executes one model.
pub trait Engine: Send {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// Version of what executes: of this crate, of tract, of the library of ONNX Runtime.
    fn version(&self) -> String;

    /// What a window looks like and how many may be given at once.
    fn layout(&self) -> &Layout;

    /// Answers `count` windows that lie one after the other in `windows`, each time-major: the
    /// value of channel c at sample t of a window of C channels is at `t * C + c`.
    ///
    /// # Errors
    /// Where `windows` has another length than `count` windows, where a value is not finite, and
    /// where the engine itself fails.
    fn run(&mut self, windows: &[f32], count: usize) -> Result<Outputs, EngineError>;
}

/// The answers for some windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// The float output (`probabilities`, `value` or `score`), row-major: `width` numbers a window.
    pub floats: Vec<f32>,
    /// Numbers a window has in `floats`: the classes for `probabilities`, else 1.
    pub width: usize,
    /// The label index of each window, where the model has one.
    pub labels: Option<Vec<i64>>,
}

impl Outputs {
    /// No answers yet, with room for `count`.
    pub(crate) fn with_capacity(count: usize, width: usize, has_labels: bool) -> Outputs {
        let floats = Vec::with_capacity(count.saturating_mul(width).min(1 << 20));
        Outputs { floats, width, labels: has_labels.then(Vec::new) }
    }
}

/// Loads a model into the chosen engine. There is no fallback to another one.
///
/// The native engine takes our own artifacts; tract and ONNX Runtime also take any other ONNX model
/// with one float input.
///
/// # Errors
/// Where the engine is not part of this build or its library is missing, where the bytes are no
/// valid model, and where the model asks for something that the engine cannot do.
#[cfg_attr(not(any(feature = "tract", feature = "ort")), allow(unused_variables))]
pub fn load(kind: EngineKind, bytes: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    match model::read(bytes)? {
        Model::Ours(artifact) => load_artifact(kind, &artifact),
        Model::Foreign(model) => match kind {
            EngineKind::Native => Err(native::refuse_foreign()),
            #[cfg(feature = "tract")]
            EngineKind::Tract => Ok(Box::new(tract::Tract::load_foreign(bytes, &model)?)),
            #[cfg(feature = "ort")]
            EngineKind::Ort => Ok(Box::new(ort::Ort::load_foreign(bytes, &model)?)),
            #[cfg(not(all(feature = "tract", feature = "ort")))]
            absent => Err(EngineError::NotBuilt(absent)),
        },
    }
}

/// Loads an artifact that has been read into the chosen engine. There is no fallback to another one.
///
/// # Errors
/// Where the engine is not part of this build or its library is missing, and where it refuses the
/// graph.
pub fn load_artifact(
    kind: EngineKind,
    artifact: &Artifact,
) -> Result<Box<dyn Engine>, EngineError> {
    match kind {
        EngineKind::Native => Ok(Box::new(native::Native::new(artifact)?)),
        #[cfg(feature = "tract")]
        EngineKind::Tract => Ok(Box::new(tract::Tract::new(artifact)?)),
        #[cfg(feature = "ort")]
        EngineKind::Ort => Ok(Box::new(ort::Ort::new(artifact)?)),
        #[cfg(not(all(feature = "tract", feature = "ort")))]
        absent => Err(EngineError::NotBuilt(absent)),
    }
}

/// The engines that can be used here and now, in the order native, tract, ort: those that are part
/// of this build, and ONNX Runtime only where its library is found and loads.
pub fn available() -> Vec<EngineKind> {
    let usable = |kind: &EngineKind| match kind {
        EngineKind::Native => true,
        EngineKind::Tract => cfg!(feature = "tract"),
        #[cfg(feature = "ort")]
        EngineKind::Ort => ort::is_available(),
        #[cfg(not(feature = "ort"))]
        EngineKind::Ort => false,
    };
    EngineKind::ALL.into_iter().filter(usable).collect()
}
