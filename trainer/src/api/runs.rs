//! `/api/training/runs`: training attempts.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, Problem, STATE, io_problem};
use super::state::ApiState;
use crate::answers::{AnsweredWindow, AnswersFile, Asked, ReadError};
use crate::jobs::run::RunInput;
use crate::store::{Job, JobKind, NewJob, Run, RunId, RunStatus, RunSummary};
use crate::training::insight::Insight;
use crate::training::settings::{PipelineSettings, Selection, Settings};
use crate::training::{self, Part, RunCurves};

/// Largest seed: a whole number that JSON carries exactly.
const SEED_MAX: u64 = 1 << 53;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(windows))
        .routes(routes!(curves))
}

/// Windows on a page where nothing else is asked for.
const WINDOWS_DEFAULT: u32 = 200;

/// Most windows on a page.
const WINDOWS_MAX: u32 = 10_000;

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
    /// What to find out beside the model.
    #[serde(default)]
    insight: Insight,
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

/// Which of a run's windows are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct WindowsQuery {
    /// Those alone that were for this.
    part: Option<Part>,
    /// Those alone of the recording of this name or identifier.
    recording: Option<String>,
    /// Those alone that have this class; `anomaly` or `normal` where anomalies are detected.
    truth: Option<String>,
    /// Those alone that the model answers so.
    answer: Option<String>,
    /// At most so many windows; 200 otherwise.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<u32>,
    /// What the page before gave as `next`.
    cursor: Option<String>,
}

/// The windows of a run that has succeeded, with the model's answers and the truth, in the order of
/// recordings and time. Of more than a million, those that were tested on are kept first, and a note of
/// the report says so.
#[utoipa::path(get, path = "/api/training/runs/{id}/windows", tag = "runs",
    params(("id" = RunId, Path, description = "The run"), WindowsQuery),
    responses((status = 200, description = "A page of windows", body = Paged<AnsweredWindow>)))]
async fn windows(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RunId>,
    Query(query): Query<WindowsQuery>,
) -> Result<Json<Paged<AnsweredWindow>>, Problem> {
    let limit = query.limit.unwrap_or(WINDOWS_DEFAULT);
    if !(1..=WINDOWS_MAX).contains(&limit) {
        let detail = format!("limit is {limit}: a page has 1 to {WINDOWS_MAX} windows");
        return Err(Problem::new(INVALID, detail));
    }
    let page = state.blocking(move |state| {
        let run = state.folder.store().run(caller.owner(), &id.to_string())?;
        let Some(report) = run.report else { return Err(not_succeeded(id, run.status)) };
        let WindowsQuery { part, recording, truth, answer, cursor, .. } = query;
        let asked = Asked { part, recording, truth, answer };
        let path = state.folder.run_path(id);
        let page = AnswersFile::open(&path, report.task, &report.classes)
            .and_then(|mut file| file.page(&asked, limit as usize, cursor.as_deref()));
        page.map_err(|error| match error {
            ReadError::Missing => made_before(id, "windows"),
            ReadError::Io(error) => io_problem(&path.display().to_string(), &error),
            ReadError::Damaged(_) => Problem::internal(&format!("{}: {error}", path.display())),
            ReadError::Cursor | ReadError::Asked(_) => Problem::new(INVALID, error.to_string()),
        })
    });
    Ok(Json(page.await?.into()))
}

/// Receiver operating characteristic and precision-recall of a run that has succeeded, or the histogram
/// of its residuals: on the test windows.
#[utoipa::path(get, path = "/api/training/runs/{id}/curves", tag = "runs",
    params(("id" = RunId, Path, description = "The run")),
    responses((status = 200, description = "The curves", body = RunCurves)))]
async fn curves(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RunId>,
) -> Result<Json<RunCurves>, Problem> {
    let curves = state.blocking(move |state| {
        let store = state.folder.store();
        if let Some(curves) = store.run_curves(caller.owner(), id)? {
            return Ok(curves);
        }
        let run = store.run(caller.owner(), &id.to_string())?;
        Err(match run.report {
            Some(_) => made_before(id, "curves"),
            None => not_succeeded(id, run.status),
        })
    });
    Ok(Json(curves.await?))
}

fn not_succeeded(id: RunId, status: RunStatus) -> Problem {
    let detail = format!("run {id} is {}: only one that has succeeded has this", status.name());
    Problem::new(STATE, detail)
}

fn made_before(id: RunId, what: &str) -> Problem {
    let detail = format!("run {id} was made before its {what} were kept: train again to have them");
    Problem::new(STATE, detail)
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
    check_seed(request.seed)?;
    let owner = caller.owner();
    let answer = state.blocking(move |state| {
        let store = state.folder.store();
        if let Some(job) = store.attempted_job(owner, attempt.as_ref())? {
            return submitted(job);
        }
        // A model's name takes no colon.
        let dataset = request.dataset.replace(':', "-");
        let default_name = format!("{dataset}-{}", request.estimator);
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
            insight: request.insight,
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

/// Refuses a seed that JSON does not carry exactly.
pub(super) fn check_seed(seed: u64) -> Result<(), Problem> {
    match seed > SEED_MAX {
        true => Err(Problem::new(INVALID, format!("seed is larger than {SEED_MAX}"))),
        false => Ok(()),
    }
}

fn submitted(job: Job) -> Result<Submitted, Problem> {
    let run_id = job.run_id.ok_or_else(|| Problem::internal(&"the job has no run"))?;
    Ok(Submitted { job, run_id })
}
