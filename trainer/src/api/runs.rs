//! `/api/training/runs`: training attempts.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::jobs::run::RunInput;
use crate::store::{Job, JobKind, NewJob, Run, RunId, RunSummary};
use crate::training;
use crate::training::settings::{PipelineSettings, Selection, Settings};

/// Largest seed: a whole number that JSON carries exactly.
const SEED_MAX: u64 = 1 << 53;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show))
}

/// What a run is asked for. What is left out is proposed, and told in the run's notes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunRequest {
    /// Name of the dataset.
    dataset: String,
    /// Its version; the newest otherwise.
    dataset_version: Option<u32>,
    /// Name of the estimator in the catalogue.
    estimator: String,
    /// Its parameters; what is not given has its default.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// Name of the model that comes of it; dataset and estimator otherwise.
    model: Option<String>,
    /// From samples to features; or leave it out and name a saved one as `saved_pipeline`.
    pipeline: Option<PipelineSettings>,
    /// Name of a saved pipeline.
    saved_pipeline: Option<String>,
    /// What the windows are, and which are for what.
    #[serde(default)]
    selection: Selection,
    /// Decides everything that is drawn at random.
    #[serde(default)]
    #[schema(maximum = 9007199254740992_u64)]
    seed: u64,
}

/// A run that waits in the queue.
#[derive(Serialize, ToSchema)]
struct Submitted {
    /// The job that carries it out: follow it at `/api/jobs/{id}/events`.
    job: Job,
    /// The run: its report stands at `/api/training/runs/{id}` once it has succeeded.
    run_id: RunId,
}

/// Your runs, newest first, without their reports.
#[utoipa::path(get, path = "/api/training/runs", tag = "runs", params(PageQuery),
    responses((status = 200, description = "A page of runs", body = Paged<RunSummary>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<RunSummary>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.runs(caller.owner(), &page)).await?.into()))
}

/// A run with its settings and its report.
#[utoipa::path(get, path = "/api/training/runs/{id}", tag = "runs",
    params(("id" = RunId, Path, description = "The run")),
    responses((status = 200, description = "The run", body = Run)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RunId>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(state.store(move |store| store.run(caller.owner(), &id.to_string())).await?))
}

/// Train a model: a run that waits in the queue. With an Idempotency-Key, asking again gives the
/// same job.
#[utoipa::path(post, path = "/api/training/runs", tag = "runs", request_body = RunRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "For asking again")),
    responses((status = 202, description = "In the queue", body = Submitted)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Once(request, attempt): Once<RunRequest>,
) -> Result<(StatusCode, Json<Submitted>), Problem> {
    if request.seed > SEED_MAX {
        return Err(Problem::new(INVALID, format!("seed is larger than {SEED_MAX}")));
    }
    let owner = caller.owner();
    let answer = state.blocking(move |state| {
        let store = state.folder.store();
        if let Some(job) = store.attempted_job(owner, attempt.as_ref())? {
            return submitted(job);
        }
        let default_name = format!("{}-{}", request.dataset, request.estimator);
        let model = request.model.unwrap_or(default_name);
        let pipeline = match (request.pipeline, request.saved_pipeline) {
            (Some(pipeline), None) => pipeline,
            (None, Some(name)) => store.pipeline(owner, &name)?.pipeline,
            (None, None) => PipelineSettings::default(),
            (Some(_), Some(_)) => {
                let detail = "pipeline and saved_pipeline are both given: one is enough";
                return Err(Problem::new(INVALID, detail));
            }
        };
        let settings = Settings {
            dataset: request.dataset,
            dataset_version: request.dataset_version,
            estimator: request.estimator,
            parameters: request.parameters,
            pipeline,
            selection: request.selection,
            seed: request.seed,
        };
        let (run, settings) = training::plan(store, owner, settings, &model)?;
        let input = RunInput { settings, model };
        let input = serde_json::to_value(input).map_err(|error| Problem::internal(&error))?;
        let new = NewJob { kind: JobKind::Run, input, run: Some(run), attempt };
        submitted(store.submit_job(owner, &new)?)
    });
    let answer = answer.await?;
    state.jobs.wake();
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn submitted(job: Job) -> Result<Submitted, Problem> {
    let run_id = job.run_id.ok_or_else(|| Problem::internal(&"the job has no run"))?;
    Ok(Submitted { job, run_id })
}
