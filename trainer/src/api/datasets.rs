//! `/api/data/datasets` and `/api/data/sources`: named sets of recordings, and what can be imported.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::Problem;
use super::state::ApiState;
use crate::jobs::import::sources;
use crate::store::{Dataset, DatasetVersion, Standing, VersionSummary};

/// Most files that are listed.
const FILES_MAX: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_sources))
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(versions))
        .routes(routes!(version))
}

/// A file on the trainer's machine that can be imported.
#[derive(Serialize, ToSchema)]
pub struct Source {
    /// Path below the inbox folder.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
}

/// Everything that can be imported.
#[derive(Serialize, ToSchema)]
struct SourceList {
    /// Files in the folder `inbox` of the trainer's data folder, by name; at most 10 000.
    items: Vec<Source>,
}

/// A dataset: whose it is, what it is for, and its newest version.
#[derive(Serialize, ToSchema)]
struct ShownDataset {
    /// Whose it is, and what you may do with it.
    #[serde(flatten)]
    standing: Standing,
    /// The newest version.
    #[serde(flatten)]
    version: DatasetVersion,
}

/// Files on the trainer's machine that can be imported: those in its folder `inbox`. For admins
/// alone there is something to see.
#[utoipa::path(get, path = "/api/data/sources", tag = "data",
    responses((status = 200, description = "The files", body = SourceList)))]
async fn list_sources(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<SourceList>, Problem> {
    if !caller.is_admin() {
        return Ok(Json(SourceList { items: Vec::new() }));
    }
    let items = state.blocking(|state| sources(&state.folder.inbox_path(), FILES_MAX)).await?;
    Ok(Json(SourceList { items }))
}

/// Your datasets and those that are shared with you, by name.
#[utoipa::path(get, path = "/api/data/datasets", tag = "data", params(PageQuery),
    responses((status = 200, description = "A page of datasets", body = Paged<Dataset>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<Dataset>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.datasets(caller.owner(), &page)).await?.into()))
}

/// A dataset: whose it is, and its newest version with recordings, labels and tags.
#[utoipa::path(get, path = "/api/data/datasets/{name}", tag = "data",
    params(("name" = String, Path, description = "The dataset's name; `OWNER:NAME` for one that is shared with you")),
    responses((status = 200, description = "The dataset", body = ShownDataset)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ShownDataset>, Problem> {
    let viewer = caller.owner();
    let shown = state.store(move |store| {
        let standing = store.dataset_standing(viewer, &name)?;
        Ok(ShownDataset { standing, version: store.dataset_version(viewer, &name, None)? })
    });
    Ok(Json(shown.await?))
}

/// The versions of a dataset, newest first.
#[utoipa::path(get, path = "/api/data/datasets/{name}/versions", tag = "data",
    params(("name" = String, Path, description = "The dataset's name"), PageQuery),
    responses((status = 200, description = "A page of versions", body = Paged<VersionSummary>)))]
async fn versions(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<VersionSummary>>, Problem> {
    let (owner, page) = (caller.owner(), page.page_of()?);
    let versions = state.store(move |store| store.dataset_versions(owner, &name, &page));
    Ok(Json(versions.await?.into()))
}

/// A version of a dataset, with its recordings, labels and tags.
#[utoipa::path(get, path = "/api/data/datasets/{name}/versions/{number}", tag = "data",
    params(("name" = String, Path, description = "The dataset's name"),
           ("number" = u32, Path, description = "The version's number")),
    responses((status = 200, description = "The version", body = DatasetVersion)))]
async fn version(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
) -> Result<Json<DatasetVersion>, Problem> {
    let owner = caller.owner();
    Ok(Json(state.store(move |store| store.dataset_version(owner, &name, Some(number))).await?))
}

/// Delete a dataset with its recordings. One that runs have used is needed by their models.
#[utoipa::path(delete, path = "/api/data/datasets/{name}", tag = "data",
    params(("name" = String, Path, description = "The dataset's name")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let owner = caller.owner();
    let deleted = state.blocking(move |state| {
        state.folder.store().delete_dataset(owner, &name)?;
        state.folder.sweep()?;
        Ok(StatusCode::NO_CONTENT)
    });
    deleted.await
}
