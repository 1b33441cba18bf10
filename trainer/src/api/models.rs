//! `/api/training/models`: the registry.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use model_format::artifact::Artifact;
use model_format::protocol::ModelSignature;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::artifact::{artifact_bytes, send_artifact};
use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{Problem, io_problem};
use super::state::ApiState;
use crate::store::{Model, ModelVersion, Stage};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(show_version, delete_version))
        .routes(routes!(set_stage))
        .routes(routes!(set_signature))
        .routes(routes!(artifact))
        .routes(routes!(proof))
}

/// A version with what its artifact says of itself.
#[derive(Serialize, ToSchema)]
struct VersionView {
    /// The version.
    #[serde(flatten)]
    version: ModelVersion,
    /// Size of the artifact.
    artifact_bytes: u64,
    /// The artifact's manifest: channels, windows, features, classes, baseline, lineage; described
    /// in docs/artifact.md.
    #[schema(value_type = Object)]
    manifest: Value,
}

/// A stage.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StageRequest {
    /// The stage from now on.
    stage: Stage,
}

/// A detached signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignatureRequest {
    /// The 64 bytes of the file `MODEL.onnx.sig`, as base64.
    #[schema(value_type = String)]
    signature: ModelSignature,
}

/// Your models with their versions, by name.
#[utoipa::path(get, path = "/api/training/models", tag = "models", params(PageQuery),
    responses((status = 200, description = "A page of models", body = Paged<Model>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<Model>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.models(caller.owner(), &page)).await?.into()))
}

/// A model with its versions, newest first.
#[utoipa::path(get, path = "/api/training/models/{name}", tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    responses((status = 200, description = "The model", body = Model)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Model>, Problem> {
    Ok(Json(state.store(move |store| store.model(caller.owner(), &name)).await?))
}

/// A version with what its artifact says of itself.
#[utoipa::path(get, path = "/api/training/models/{name}/versions/{number}", tag = "models",
    params(("name" = String, Path, description = "The model's name"),
           ("number" = u32, Path, description = "The version's number")),
    responses((status = 200, description = "The version", body = VersionView)))]
async fn show_version(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
) -> Result<Json<VersionView>, Problem> {
    let owner = caller.owner();
    let version = state.store(move |store| store.model_version(owner, &name, Some(number))).await?;
    let artifact_bytes = artifact_bytes(&state, version.artifact_sha256).await?;
    let read = state.blocking(move |state| {
        let bytes = state.folder.read_artifact(version.artifact_sha256)?;
        let artifact = Artifact::read(&bytes).map_err(|error| Problem::internal(&error))?;
        let manifest = serde_json::to_value(artifact.manifest());
        let manifest = manifest.map_err(|error| Problem::internal(&error))?;
        Ok(VersionView { version, artifact_bytes, manifest })
    });
    Ok(Json(read.await?))
}

/// Change what a version is good for. A model has one version in production: the one before is
/// archived.
#[utoipa::path(put, path = "/api/training/models/{name}/versions/{number}/stage", tag = "models",
    params(("name" = String, Path, description = "The model's name"),
           ("number" = u32, Path, description = "The version's number")),
    request_body = StageRequest,
    responses((status = 200, description = "The version", body = ModelVersion)))]
async fn set_stage(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
    Json(request): Json<StageRequest>,
) -> Result<Json<ModelVersion>, Problem> {
    let owner = caller.owner();
    let version = state.store(move |store| store.set_stage(owner, &name, number, request.stage));
    Ok(Json(version.await?))
}

/// Attach a detached signature of the artifact, in the place of the one before. Deployments carry it to
/// devices, which check it; the trainer has no keys and does not.
#[utoipa::path(put, path = "/api/training/models/{name}/versions/{number}/signature",
    tag = "models",
    params(("name" = String, Path, description = "The model's name"),
           ("number" = u32, Path, description = "The version's number")),
    request_body = SignatureRequest,
    responses((status = 200, description = "The version", body = ModelVersion)))]
async fn set_signature(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
    Json(request): Json<SignatureRequest>,
) -> Result<Json<ModelVersion>, Problem> {
    let owner = caller.owner();
    let signature = request.signature;
    let version =
        state.store(move |store| store.set_signature(owner, &name, Some(number), signature));
    Ok(Json(version.await?))
}

/// Delete a model with all its versions, if none is in production or deployed.
#[utoipa::path(delete, path = "/api/training/models/{name}", tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    remove(&state, &caller, name, None).await
}

/// Delete a version, if it is not in production and not deployed.
#[utoipa::path(delete, path = "/api/training/models/{name}/versions/{number}", tag = "models",
    params(("name" = String, Path, description = "The model's name"),
           ("number" = u32, Path, description = "The version's number")),
    responses((status = 204, description = "Deleted")))]
async fn delete_version(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
) -> Result<StatusCode, Problem> {
    remove(&state, &caller, name, Some(number)).await
}

async fn remove(
    state: &ApiState,
    caller: &Caller,
    name: String,
    number: Option<u32>,
) -> Result<StatusCode, Problem> {
    let owner = caller.owner();
    let removed = state.blocking(move |state| {
        state.folder.store().delete_model(owner, &name, number)?;
        state.folder.sweep()?;
        Ok(StatusCode::NO_CONTENT)
    });
    removed.await
}

/// The `.onnx` file. Its entity tag is its digest; ranges resume a download.
#[utoipa::path(get, path = "/api/training/models/{name}/versions/{number}/artifact", tag = "models",
    params(("name" = String, Path, description = "The model's name"),
           ("number" = u32, Path, description = "The version's number")),
    responses((status = 200, description = "The file", body = Vec<u8>,
               content_type = "application/octet-stream"),
              (status = 206, description = "A part of the file", body = Vec<u8>,
               content_type = "application/octet-stream"),
              (status = 304, description = "The file that is there already")))]
async fn artifact(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let owner = caller.owner();
    let version = state.store(move |store| store.model_version(owner, &name, Some(number))).await?;
    let file_name = format!("{}-{}.onnx", version.model, version.number);
    send_artifact(&state, version.artifact_sha256, &headers, Some(file_name)).await
}

/// The proof: who checked the artifact's answers, and what was found.
#[utoipa::path(get, path = "/api/training/models/{name}/versions/{number}/proof", tag = "models",
    params(("name" = String, Path, description = "The model's name"),
           ("number" = u32, Path, description = "The version's number")),
    responses((status = 200, description = "The proof", body = Object)))]
async fn proof(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let owner = caller.owner();
    let version = state.store(move |store| store.model_version(owner, &name, Some(number))).await?;
    let path = state.folder.proof_path(version.artifact_sha256);
    let bytes = tokio::fs::read(&path).await;
    let bytes = bytes.map_err(|error| io_problem(&path.display().to_string(), &error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}
