//! `/api/training/evaluations`: a model answers a dataset.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use engine::EngineKind;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path};
use super::guard::Caller;
use super::problem::{INVALID, Problem, STATE, io_problem};
use super::state::ApiState;
use crate::jobs::evaluation::EvaluationInput;
use crate::store::{Job, JobId, JobKind, JobStatus, NewJob};
use crate::training::settings::{RowRange, Selector};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(results))
}

/// Which model shall answer which dataset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EvaluationRequest {
    /// Name of the model.
    model: String,
    /// Its version; the newest otherwise.
    model_version: Option<u32>,
    /// Name of the dataset.
    dataset: String,
    /// Its version; the newest otherwise.
    dataset_version: Option<u32>,
    /// Only these recordings, as `tag:NAME=VALUE` or `recording:NAME`; all otherwise.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    only: Vec<Selector>,
    /// Only windows within these rows of each recording, as `FROM..TO`.
    #[schema(value_type = Option<String>)]
    rows: Option<RowRange>,
    /// What executes the artifact: `native`, `tract` or `ort`; the usual one otherwise.
    #[schema(value_type = Option<String>)]
    engine: Option<String>,
}

/// Let a model answer a dataset: a job, whose result has the figures and the naive answer's.
#[utoipa::path(post, path = "/api/training/evaluations", tag = "evaluations",
    request_body = EvaluationRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "For asking again")),
    responses((status = 202, description = "In the queue", body = Job)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Once(request, attempt): Once<EvaluationRequest>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let owner = caller.owner();
    let engine = request.engine.as_deref().map(str::parse::<EngineKind>).transpose();
    let engine = engine.map_err(|error| Problem::new(INVALID, format!("{error}")))?;
    let job = state.store(move |store| {
        if let Some(job) = store.attempted_job(owner, attempt.as_ref())? {
            return Ok(job);
        }
        let model = store.model_version(owner, &request.model, request.model_version)?;
        let dataset = store.dataset_version(owner, &request.dataset, request.dataset_version)?;
        let input = EvaluationInput {
            model: model.model,
            model_version: model.number,
            dataset: dataset.dataset,
            dataset_version: dataset.number,
            only: request.only,
            rows: request.rows,
            engine,
        };
        let input = serde_json::to_value(input).expect("plain data has a JSON form");
        let new = NewJob { kind: JobKind::Evaluation, input, run: None, attempt };
        store.submit_job(owner, &new)
    });
    let job = job.await?;
    state.jobs.wake();
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// The answers of an evaluation, one line of CSV per window: id, recording, times, rows, answer,
/// truth.
#[utoipa::path(get, path = "/api/training/evaluations/{id}/results", tag = "evaluations",
    params(("id" = JobId, Path, description = "The evaluation's job")),
    responses((status = 200, description = "The answers", body = String,
               content_type = "text/csv")))]
async fn results(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<Response, Problem> {
    let job = state.store(move |store| store.job(caller.owner(), id)).await?;
    if job.kind != JobKind::Evaluation || job.status != JobStatus::Succeeded {
        let detail = format!("job {id} is no evaluation that has succeeded");
        return Err(Problem::new(STATE, detail));
    }
    let path = state.folder.evaluation_path(id);
    let file = tokio::fs::File::open(&path).await;
    let file = file.map_err(|error| io_problem(&path.display().to_string(), &error))?;
    let body = axum::body::Body::from_stream(tokio_util::io::ReaderStream::new(file));
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response())
}
