//! Which engine shall run an artifact: the one that was named, or the fastest that passes the proof.

use std::fmt;
use std::str::FromStr;

use model_format::artifact::Artifact;

use super::{Judge, Proof, ProofError, prove};
use crate::{EngineError, EngineKind};

/// What somebody wants to run artifacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Native for our own; for adopted ones, the fastest engine that passes the proof.
    #[default]
    Auto,
    /// This one.
    Only(EngineKind),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Auto => f.write_str("auto"),
            Choice::Only(kind) => kind.fmt(f),
        }
    }
}

/// A name that is neither `auto` nor an engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no choice of an engine: there are auto, native, tract and ort")]
pub struct UnknownChoice(String);

impl FromStr for Choice {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        if text == "auto" {
            return Ok(Choice::Auto);
        }
        let unknown = |_| UnknownChoice(text.chars().take(40).collect());
        text.parse().map(Choice::Only).map_err(unknown)
    }
}

/// An engine that has passed, with the proof that it was chosen by.
#[derive(Debug)]
pub struct Chosen {
    /// The engine.
    pub engine: EngineKind,
    /// What every judge found, with the time that each takes.
    pub proof: Proof,
    /// Engines that cannot run the artifact, and why.
    pub unable: Vec<(EngineKind, EngineError)>,
}

/// Engines at hand.
#[derive(Debug)]
pub struct Judges {
    /// Those that can run an artifact.
    pub able: Vec<EngineKind>,
    /// Those that cannot, and why.
    pub unable: Vec<(EngineKind, EngineError)>,
}

/// Why no engine was chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// Only the native engine is there.
    #[error(
        "the graph of this model is another program's, and this build has no engine for such models: \
         install cirame-edge instead of cirame-edge-lite"
    )]
    NoEngine,
    /// None of those that are there takes it.
    #[error(
        "no engine of this build runs this model: {reasons}; where tract cannot, a build with ONNX \
         Runtime (ort) and its library may"
    )]
    NoneRuns {
        /// Each with its reason.
        reasons: String,
    },
    /// An engine failed.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Who can judge an artifact here: all engines at hand, without the native one where the graph is
/// another program's; and those at hand that cannot load it.
///
/// # Errors
/// There is none.
pub fn judges(artifact: &Artifact) -> Result<Judges, ChoiceError> {
    let engines = crate::available();
    if artifact.own().is_some() {
        return Ok(Judges { able: engines, unable: Vec::new() });
    }
    let engines: Vec<_> = engines.into_iter().filter(|&kind| kind != EngineKind::Native).collect();
    if engines.is_empty() {
        return Err(ChoiceError::NoEngine);
    }
    let (mut able, mut unable) = (Vec::new(), Vec::new());
    for kind in engines {
        match crate::load_artifact(kind, artifact) {
            Ok(_) => able.push(kind),
            Err(error) => unable.push((kind, error)),
        }
    }
    if able.is_empty() {
        let reasons: Vec<String> = unable.iter().map(|(_, error)| error.to_string()).collect();
        return Err(ChoiceError::NoneRuns { reasons: reasons.join("; ") });
    }
    Ok(Judges { able, unable })
}

/// Proves an artifact on this machine and chooses what runs it. The proof has passed where the
/// chosen engine has: of an adopted artifact, another engine that differs is not chosen.
///
/// # Errors
/// No engine is there, or one fails. Where none passes, the proof says so.
pub fn choose(
    artifact: &Artifact,
    choice: Choice,
    clock_ns: &dyn Fn() -> u64,
) -> Result<Chosen, ChoiceError> {
    let is_own = artifact.own().is_some();
    let Judges { able: engines, unable } = match (choice, is_own) {
        // What will serve is what is judged: other engines judged when the model was exported.
        (Choice::Auto, true) => Judges { able: vec![EngineKind::Native], unable: Vec::new() },
        (Choice::Only(kind), _) => Judges { able: vec![kind], unable: Vec::new() },
        (Choice::Auto, false) => judges(artifact)?,
    };
    let mut proof = prove(artifact, &[], &engines, clock_ns)?;
    let engine = match (choice, is_own) {
        (Choice::Only(kind), _) => kind,
        (Choice::Auto, true) => EngineKind::Native,
        (Choice::Auto, false) => {
            let fastest = fastest(&proof.judges);
            proof.passed = fastest.is_some();
            fastest.unwrap_or(engines[0])
        }
    };
    proof.served_by = (!is_own).then_some(engine);
    Ok(Chosen { engine, proof, unable })
}

/// The judge that passed and takes the least time for half of the windows; of equal ones the first.
fn fastest(judges: &[Judge]) -> Option<EngineKind> {
    let time_us = |judge: &&Judge| judge.latency.map_or(f64::INFINITY, |latency| latency.p50_us);
    let passed = judges.iter().filter(|judge| judge.passed);
    passed.min_by(|a, b| time_us(a).total_cmp(&time_us(b))).map(|judge| judge.engine)
}

#[cfg(test)]
mod tests {
    use super::super::{Differences, Latency};
    use super::*;

    fn judge(engine: EngineKind, passed: bool, p50_us: f64) -> Judge {
        Judge {
            engine,
            version: String::new(),
            arch: String::new(),
            golden: Differences::default(),
            held_out: Differences::default(),
            latency: Some(Latency { windows: 1, p50_us, p99_us: p50_us }),
            passed,
        }
    }

    #[test]
    fn the_fastest_of_those_that_passed_is_chosen() {
        let (tract, ort) = (EngineKind::Tract, EngineKind::Ort);
        assert_eq!(fastest(&[judge(tract, true, 20.0), judge(ort, true, 10.0)]), Some(ort));
        assert_eq!(fastest(&[judge(tract, true, 10.0), judge(ort, true, 20.0)]), Some(tract));
        assert_eq!(fastest(&[judge(tract, true, 20.0), judge(ort, false, 10.0)]), Some(tract));
        assert_eq!(fastest(&[judge(tract, false, 20.0)]), None);
    }

    #[test]
    fn a_choice_is_read_back_from_its_word() {
        for text in ["auto", "native", "tract", "ort"] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
        let refused = "onnx".parse::<Choice>().unwrap_err().to_string();
        assert!(refused.contains("auto, native, tract and ort"), "{refused}");
    }
}
