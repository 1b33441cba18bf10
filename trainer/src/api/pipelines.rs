//! `/api/features/pipelines`: settings from samples to features, tried out and saved.

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
use super::state::ApiState;
use crate::store::SavedPipeline;
use crate::training::settings::PipelineSettings;

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

/// Try settings out on a dataset: what is proposed, and why.
#[utoipa::path(post, path = "/api/features/pipelines/preview", tag = "features",
    request_body = PreviewRequest,
    responses((status = 200, description = "What they come to", body = Preview)))]
async fn preview(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    let owner = caller.owner();
    let preview = state.blocking(move |state| {
        let store = state.folder.store();
        let version = store.dataset_version(owner, &request.dataset, request.dataset_version)?;
        let previewed = crate::training::preview(&request.pipeline, &version)?;
        let pipeline = serde_json::to_value(&previewed.pipeline);
        Ok(Preview {
            pipeline: pipeline.map_err(|error| Problem::internal(&error))?,
            notes: previewed.notes,
            windows: previewed.windows,
        })
    });
    Ok(Json(preview.await?))
}
