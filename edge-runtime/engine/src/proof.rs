//! The proof: an artifact's golden and held-out windows through the engines at hand.
//!
//! The golden outputs stand in the artifact; each judge repeats them. On held-out windows the
//! native engine's answers are the reference. Differences beyond [`TOLERANCE`] are allowed only
//! where a split or a decision lies within feature tolerance, and are counted.

use model_format::id::Digest;
use serde::{Deserialize, Serialize};

use crate::{EngineError, EngineKind};

/// The difference up to which two answers are the same, relative to 1 or the answer where that is
/// larger.
pub const TOLERANCE: f64 = 1e-6;

/// The share of the windows that may differ because a split or a decision lies within feature
/// tolerance.
pub const EXPLAINED_SHARE_MAX: f64 = 0.001;

/// The record that an artifact's answers were checked. Equal inputs on equal machines give equal
/// proofs, latencies apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Digest of the artifact's bytes.
    pub artifact_sha256: Digest,
    /// What made the artifact.
    pub lineage_id: Digest,
    /// Golden windows in the artifact.
    pub golden_windows: u64,
    /// Held-out windows that were given.
    pub held_out_windows: u64,
    /// Who checked, and what was found.
    pub judges: Vec<Judge>,
    /// True where every judge passed.
    pub passed: bool,
}

/// One engine on one machine, and what it found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The engine.
    pub engine: EngineKind,
    /// Its version.
    pub version: String,
    /// Processor architecture, as Rust names it (`x86_64`, `aarch64`).
    pub arch: String,
    /// The golden windows against the outputs in the artifact.
    pub golden: Differences,
    /// The held-out windows against the native engine; for that engine itself all zero.
    pub held_out: Differences,
    /// Time for one window, if a window was run.
    pub latency: Option<Latency>,
    /// True where the golden outputs agree, no held-out window differs without explanation, and not
    /// more than [`EXPLAINED_SHARE_MAX`] differ with one.
    pub passed: bool,
}

/// How far answers lie apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// By output of the artifact.
    pub outputs: Vec<OutputDifference>,
    /// Windows whose label differs.
    pub class_changes: u64,
    /// Windows that differ and have a split or a decision within feature tolerance.
    pub explained: u64,
    /// Windows that differ for no reason that is allowed.
    pub unexplained: u64,
}

/// How far one output lies apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputDifference {
    /// Name of the output.
    pub output: String,
    /// Windows compared.
    pub windows: u64,
    /// Largest absolute difference.
    pub absolute_max: f64,
    /// Largest difference relative to 1 or the reference where that is larger.
    pub relative_max: f64,
    /// Windows beyond [`TOLERANCE`].
    pub beyond_tolerance: u64,
}

/// Time that one window takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Windows timed.
    pub windows: u64,
    /// Half of them took at most this, in microseconds.
    pub p50_us: f64,
    /// 99 of 100 took at most this, in microseconds.
    pub p99_us: f64,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// An engine did not load or failed on a window.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No engine was named.
    #[error("a proof needs at least one engine to judge")]
    NoJudge,
    /// A held-out window has the wrong length.
    #[error("held-out window {index} has {found} values; the model takes {expected}")]
    Window {
        /// Its index.
        index: usize,
        /// Its values.
        found: usize,
        /// Values in a window of the model.
        expected: usize,
    },
}

/// Proves an artifact: runs its golden windows and `held_out` through `engines`.
///
/// `clock_ns` gives nanoseconds from any fixed moment and is used for the latencies only.
///
/// # Errors
/// Where an engine is missing or fails, or a held-out window does not fit the model. Differences
/// are no error: they stand in the proof, which then has not passed.
pub fn prove(
    bytes: &[u8],
    held_out: &[Vec<f32>],
    engines: &[EngineKind],
    clock_ns: &dyn Fn() -> u64,
) -> Result<Proof, ProofError> {
    let _ = (bytes, held_out, clock_ns);
    let first = engines.first().ok_or(ProofError::NoJudge)?;
    Err(EngineError::NotBuilt(*first).into())
}
