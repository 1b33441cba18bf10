//! The job of an evaluation: a model answers a dataset, window by window.

use engine::EngineKind;
use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::api::problem::Problem;
use crate::evaluation::{Question, evaluate};
use crate::store::Job;
use crate::training::Work;
use crate::training::settings::{RowRange, Selector};

/// What is asked: names and numbers are looked up when it is submitted.
#[derive(Debug, Serialize, Deserialize)]
pub struct EvaluationInput {
    /// Name of the model.
    pub model: String,
    /// Its version.
    pub model_version: u32,
    /// Name of the dataset.
    pub dataset: String,
    /// Its version.
    pub dataset_version: u32,
    /// Only these recordings; all where empty.
    pub only: Vec<Selector>,
    /// Only windows within these rows of each recording.
    pub rows: Option<RowRange>,
    /// What executes the artifact, where somebody said it.
    #[serde(default)]
    pub engine: Option<EngineKind>,
}

pub(super) fn carry_out(work: Work<'_>, job: &Job) -> Outcome {
    let input: EvaluationInput = serde_json::from_value(job.input.clone())
        .map_err(|error| Problem::internal(&format!("the job's input: {error}")))?;
    let store = work.folder.store();
    let model = store.model_version(work.owner, &input.model, Some(input.model_version))?;
    let dataset = store.dataset_version(work.owner, &input.dataset, Some(input.dataset_version))?;
    let question = Question { only: input.only, rows: input.rows, engine: input.engine };
    let answered = evaluate(work, &model, &dataset, &question)?;
    work.folder.expect_evaluation(job.id)?;
    answered.write_results(&work.folder.evaluation_path(job.id))?;
    serde_json::to_value(&answered).map_err(|error| Problem::internal(&error))
}
