//! The job of a training run.

use super::Outcome;
use crate::api::problem::{MEMORY, Problem};
use crate::store::Job;
use crate::training::settings::Settings;
use crate::training::{Work, carry_out as train, memory_bytes};

/// What a run is asked for: settings as `training::plan` writes them out, and the model's name.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct RunInput {
    /// The settings.
    pub settings: Settings,
    /// The model's name.
    pub model: String,
}

pub(super) fn carry_out(work: Work<'_>, job: &Job, memory_max_bytes: u64) -> Outcome {
    let input: RunInput = serde_json::from_value(job.input.clone())
        .map_err(|error| Problem::internal(&format!("the job's input: {error}")))?;
    let run = job.run_id.ok_or_else(|| Problem::internal(&"the job has no run"))?;
    let needed = memory_bytes(work, &input.settings)?;
    if needed > memory_max_bytes {
        return Err(memory_problem(needed, memory_max_bytes));
    }
    let trained = train(work, run, &input.settings, &input.model)?;
    Ok(serde_json::json!({
        "run_id": trained.run_id,
        "model": trained.model.model,
        "version": trained.model.number,
        "artifact_sha256": trained.model.artifact_sha256,
    }))
}

/// The refusal of a run that cannot fit.
pub fn memory_problem(needed: u64, max: u64) -> Problem {
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let detail = format!(
        "the run needs at least {} MB of memory, and {} MB are there for it: take a longer stride, \
         fewer features or fewer recordings, or start the trainer with a higher --memory-mb",
        megabytes(needed),
        megabytes(max)
    );
    Problem::new(MEMORY, detail).with("needed_bytes", needed).with("available_bytes", max)
}
