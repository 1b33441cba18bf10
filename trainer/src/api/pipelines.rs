//! `/api/features/pipelines`: settings from samples to features, tried out and saved.

use std::num::NonZero;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::Problem;
use super::runs::check_seed;
use super::state::ApiState;
use crate::progress::Progress;
use crate::store::{RecordingId, SavedPipeline};
use crate::training::settings::{PipelineSettings, Selection};
use crate::training::{DrawnRecording, RecordingParts, Tried, Work};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, save))
        .routes(routes!(preview))
        .routes(routes!(show, delete))
}

/// Settings to be saved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveRequest {
    /// Name: letters, digits, `.`, `_` and `-`.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    name: String,
    /// The settings.
    pipeline: PipelineSettings,
}

/// Settings to be tried out on a dataset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewRequest {
    /// Name of the dataset.
    dataset: String,
    /// Its version; the newest otherwise.
    dataset_version: Option<u32>,
    /// The settings.
    #[serde(default)]
    pipeline: PipelineSettings,
    /// Name of an estimator: the split that its run would have is told too.
    estimator: Option<String>,
    /// What the windows are, and which are for what.
    #[serde(default)]
    selection: Selection,
    /// Decides which recordings are drawn to test on.
    #[serde(default)]
    #[schema(maximum = 9007199254740992_u64)]
    seed: u64,
    /// A recording whose windows are told one by one.
    recording: Option<RecordingId>,
}

/// What the settings come to on a dataset.
#[derive(Serialize, ToSchema)]
struct Preview {
    /// The pipeline, with all that was left open decided.
    #[schema(value_type = Object)]
    pipeline: Value,
    /// What was decided, in sentences.
    notes: Vec<String>,
    /// About how many windows the recordings have: gaps can only make them fewer.
    windows: u64,
    /// The split that a run of the estimator with these settings, selection and seed has.
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<Vec<RecordingParts>>,
    /// Why there is no split although an estimator is named: the run would refuse it, or the dataset is
    /// too large for telling it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    split_omitted: Option<String>,
    /// The windows of the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    drawn: Option<DrawnRecording>,
}

/// Your saved pipelines, by name.
#[utoipa::path(get, path = "/api/features/pipelines", tag = "features", params(PageQuery),
    responses((status = 200, description = "A page of pipelines", body = Paged<SavedPipeline>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<SavedPipeline>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.pipelines(caller.owner(), &page)).await?.into()))
}

/// Save settings by a name.
#[utoipa::path(post, path = "/api/features/pipelines", tag = "features",
    request_body = SaveRequest,
    responses((status = 201, description = "Saved", body = SavedPipeline)))]
async fn save(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<SaveRequest>,
) -> Result<(StatusCode, Json<SavedPipeline>), Problem> {
    let owner = caller.owner();
    let save = move |store: &crate::store::Store| {
        store.save_pipeline(owner, &request.name, &request.pipeline)
    };
    Ok((StatusCode::CREATED, Json(state.store(save).await?)))
}

/// A saved pipeline.
#[utoipa::path(get, path = "/api/features/pipelines/{name}", tag = "features",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The pipeline", body = SavedPipeline)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<SavedPipeline>, Problem> {
    Ok(Json(state.store(move |store| store.pipeline(caller.owner(), &name)).await?))
}

/// Forget a saved pipeline. Runs have a copy of what they used.
#[utoipa::path(delete, path = "/api/features/pipelines/{name}", tag = "features",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "Forgotten")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    state.store(move |store| store.delete_pipeline(caller.owner(), &name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try settings out on a dataset: what is proposed, and why; with an estimator, the split that its run
/// will have; with a recording, its windows.
#[utoipa::path(post, path = "/api/features/pipelines/preview", tag = "features",
    request_body = PreviewRequest,
    responses((status = 200, description = "What they come to", body = Preview)))]
async fn preview(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    check_seed(request.seed)?;
    let owner = caller.owner();
    let replays = request.estimator.is_some() || request.recording.is_some();
    let tried = Tried {
        dataset: request.dataset,
        dataset_version: request.dataset_version,
        pipeline: request.pipeline,
        estimator: request.estimator,
        selection: request.selection,
        seed: request.seed,
        recording: request.recording,
    };
    let preview = move |state: &ApiState| {
        let progress = Progress::figures(Arc::default(), Arc::default());
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        // What is read must not be removed meanwhile.
        let _files = state.folder.use_files();
        let work = Work { folder: &state.folder, owner, threads, progress: &progress };
        let previewed = crate::training::preview(work, &tried)?;
        let pipeline = serde_json::to_value(&previewed.pipeline);
        Ok(Preview {
            pipeline: pipeline.map_err(|error| Problem::internal(&error))?,
            notes: previewed.notes,
            windows: previewed.windows,
            split: previewed.split,
            split_omitted: previewed.split_omitted,
            drawn: previewed.drawn,
        })
    };
    Ok(Json(if replays {
        state.replaying(preview).await?
    } else {
        state.blocking(preview).await?
    }))
}
