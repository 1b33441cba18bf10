//! The job of a repair: recordings of a dataset are joined and repaired.

use super::Outcome;
use crate::api::problem::Problem;
use crate::repair::{RepairInput, repair};
use crate::store::Job;
use crate::training::Work;

pub(super) fn carry_out(work: Work<'_>, job: &Job) -> Outcome {
    let input: RepairInput = serde_json::from_value(job.input.clone())
        .map_err(|error| Problem::internal(&format!("the job's input: {error}")))?;
    let repaired = repair(work, &input)?;
    serde_json::to_value(repaired).map_err(|error| Problem::internal(&error))
}
