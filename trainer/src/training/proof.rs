//! The proof of a new artifact; without one, nothing is stored.

use std::time::Instant;

use engine::proof::{Proof, prove};
use model_format::artifact::Artifact;

use super::TrainError;
use crate::progress::Progress;

/// Runs the artifact's golden windows and these through every engine at hand.
pub(crate) fn prove_artifact(
    artifact: &Artifact,
    held_out: &[Vec<f32>],
    progress: &Progress,
) -> Result<Proof, TrainError> {
    progress.stage("proof", 1);
    let proof = prove(artifact, held_out, &engine::available(), &clock())?;
    progress.step();
    if proof.passed {
        return Ok(proof);
    }
    Err(not_proved(&proof))
}

/// Nanoseconds from now on.
pub(super) fn clock() -> impl Fn() -> u64 {
    let began = Instant::now();
    move || u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Which engines found which differences.
pub(super) fn not_proved(proof: &Proof) -> TrainError {
    let failed = proof.judges.iter().filter(|judge| !judge.passed).map(|judge| {
        format!(
            "{} differs on {} golden and {} held-out windows without explanation, and on {} of {} \
             where a split or decision is near",
            judge.engine,
            judge.golden.unexplained,
            judge.held_out.unexplained,
            judge.held_out.explained,
            proof.held_out_windows
        )
    });
    TrainError::NotProved { reasons: failed.collect::<Vec<_>>().join("; ") }
}
