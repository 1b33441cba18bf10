//! The proof: an artifact's golden and held-out windows through the engines at hand.
//!
//! The golden outputs stand in the artifact; each judge repeats them. On held-out windows the
//! native engine's answers are the reference. Differences beyond [`TOLERANCE`] are allowed only
//! where a split or a decision lies within feature tolerance, and are counted.
//!
//! The graph of an adopted artifact computes in the 32-bit floats of another program, in an order
//! that each engine chooses. There [`ADOPTED_TOLERANCE`] holds, ONNX Runtime is the reference where it
//! judges, and only a label may differ, where the decision lies within that tolerance.

mod choice;
mod difference;
mod explanation;
mod latency;

use model_format::artifact::Artifact;
use model_format::id::Digest;
use serde::{Deserialize, Serialize};

use crate::{Engine, EngineError, EngineKind, Outputs, model};
pub use choice::{Choice, ChoiceError, Chosen, Judges, UnknownChoice, choose, judges};
use difference::compare;
use explanation::Explanation;

/// The difference up to which two answers are the same, relative to 1 or the answer where that is
/// larger.
pub const TOLERANCE: f64 = 1e-6;

/// The same for adopted artifacts. Measured: tract and ONNX Runtime lie 1e-7 apart on the network of the
/// tests, 1e-6 on ten convolutions of 64 channels, 2e-5 on twelve layers of 512 units, as sums of 32-bit
/// floats in another order do. A wrong axis or padding makes 1e-2 and more: this lies between the two.
pub const ADOPTED_TOLERANCE: f64 = 1e-4;

/// The share of the windows that may differ because a split or a decision lies within feature
/// tolerance; one window is allowed of however few.
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
    /// The engine that was chosen by this proof to serve; only on devices, and only where there is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<EngineKind>,
    /// True where every judge passed, or the chosen engine has.
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
    /// The held-out windows against the reference: the native engine, or for adopted artifacts ONNX
    /// Runtime; for that engine itself all zero.
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
    /// Windows beyond [`TOLERANCE`], or [`ADOPTED_TOLERANCE`].
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

/// Proves an artifact: runs its golden windows and `held_out` through `engines`, one engine after the
/// other in memory.
///
/// `clock_ns` gives nanoseconds from any fixed moment and is used for the latencies only.
///
/// # Errors
/// Where an engine is missing or fails, or a held-out window does not fit the model. Differences
/// are no error: they stand in the proof, which then has not passed.
pub fn prove(
    artifact: &Artifact,
    held_out: &[Vec<f32>],
    engines: &[EngineKind],
    clock_ns: &dyn Fn() -> u64,
) -> Result<Proof, ProofError> {
    if engines.is_empty() {
        return Err(ProofError::NoJudge);
    }
    let expected = model::layout(artifact).window_values();
    if let Some(index) = held_out.iter().position(|window| window.len() != expected) {
        return Err(ProofError::Window { index, found: held_out[index].len(), expected });
    }
    let golden_windows: Vec<&[f32]> =
        artifact.golden().iter().map(|golden| &golden.window[..]).collect();
    let held_out: Vec<&[f32]> = held_out.iter().map(Vec::as_slice).collect();
    let case = Case {
        names: artifact.output_names(),
        golden: golden_outputs(artifact),
        reference: reference(artifact, &held_out, engines)?,
        golden_windows,
        held_out,
        tolerance: tolerance(artifact),
    };
    let mut explanation = Explanation::new(artifact);
    let mut judges = Vec::new();
    for &kind in engines {
        let mut engine = crate::load_artifact(kind, artifact)?;
        judges.push(case.judge(engine.as_mut(), &mut explanation, clock_ns)?);
    }
    Ok(Proof {
        artifact_sha256: artifact.sha256(),
        lineage_id: artifact.manifest().lineage_id,
        golden_windows: case.golden_windows.len() as u64,
        held_out_windows: case.held_out.len() as u64,
        served_by: None,
        passed: judges.iter().all(|judge| judge.passed),
        judges,
    })
}

/// What every judge is given.
struct Case<'a> {
    names: &'static [&'static str],
    golden_windows: Vec<&'a [f32]>,
    golden: Outputs,
    held_out: Vec<&'a [f32]>,
    reference: Outputs,
    tolerance: f64,
}

impl Case<'_> {
    fn judge(
        &self,
        engine: &mut dyn Engine,
        explanation: &mut Explanation,
        clock_ns: &dyn Fn() -> u64,
    ) -> Result<Judge, ProofError> {
        let found = answers(engine, &self.golden_windows)?;
        let golden = compare(self.names, &self.golden, &found, self.tolerance, |at, difference| {
            explanation.explains_golden(&self.golden, at, difference)
        });
        let found = answers(engine, &self.held_out)?;
        let explains = |window: usize, difference| {
            explanation.explains(self.held_out[window], &self.reference, window, difference)
        };
        let held_out = compare(self.names, &self.reference, &found, self.tolerance, explains);
        let windows: Vec<&[f32]> =
            self.golden_windows.iter().chain(&self.held_out).copied().collect();
        let explained_max = (EXPLAINED_SHARE_MAX * self.held_out.len() as f64).max(1.0);
        Ok(Judge {
            engine: engine.kind(),
            version: engine.version(),
            arch: std::env::consts::ARCH.to_owned(),
            passed: golden.unexplained == 0
                && held_out.unexplained == 0
                && held_out.explained as f64 <= explained_max,
            golden,
            held_out,
            latency: latency::measure(engine, &windows, clock_ns)?,
        })
    }
}

/// What the held-out windows are compared with: the native engine's answers, or where the graph is
/// another program's, those of ONNX Runtime, or of the first judge where it is none.
fn reference(
    artifact: &Artifact,
    held_out: &[&[f32]],
    engines: &[EngineKind],
) -> Result<Outputs, EngineError> {
    if held_out.is_empty() {
        let golden = &artifact.golden()[0];
        return Ok(Outputs::with_capacity(0, golden.floats.len(), golden.label.is_some()));
    }
    let kind = match artifact.own() {
        Some(_) => EngineKind::Native,
        None if engines.contains(&EngineKind::Ort) => EngineKind::Ort,
        None => engines[0],
    };
    let mut engine = crate::load_artifact(kind, artifact)?;
    answers(engine.as_mut(), held_out)
}

/// The difference up to which two answers of this artifact are the same.
fn tolerance(artifact: &Artifact) -> f64 {
    if artifact.own().is_some() { TOLERANCE } else { ADOPTED_TOLERANCE }
}

fn golden_outputs(artifact: &Artifact) -> Outputs {
    let golden = artifact.golden();
    Outputs {
        floats: golden.iter().flat_map(|golden| &golden.floats).copied().collect(),
        width: golden[0].floats.len(),
        labels: golden.iter().map(|golden| golden.label).collect(),
    }
}

/// The answers of an engine, some windows at a time.
fn answers(engine: &mut dyn Engine, windows: &[&[f32]]) -> Result<Outputs, EngineError> {
    let mut all = engine.run(&[], 0)?;
    for part in windows.chunks(256) {
        let outputs = engine.run(&part.concat(), part.len())?;
        all.floats.extend(outputs.floats);
        if let (Some(all), Some(labels)) = (&mut all.labels, outputs.labels) {
            all.extend(labels);
        }
    }
    Ok(all)
}
