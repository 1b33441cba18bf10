//! `/api/data/datasets` and `/api/data/sources`: named sets of recordings, and what can be imported.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{FORBIDDEN, INVALID, Problem, STATE};
use super::state::ApiState;
use crate::jobs::import::{ImportFile, ImportInput, ImportSettings, sources};
use crate::store::{
    Dataset, DatasetVersion, Job, JobKind, NewJob, Store, UploadId, VersionSummary,
};

/// Most files of one import.
const FILES_MAX: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_sources))
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(versions))
        .routes(routes!(version))
        .routes(routes!(import))
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

/// Which files shall be imported, and how they are to be read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportRequest {
    /// Uploads that are complete.
    #[serde(default)]
    uploads: Vec<UploadId>,
    /// Files of the inbox, by name.
    #[serde(default)]
    sources: Vec<String>,
    /// How they are to be read. What a file does not say itself must be said here.
    #[serde(default)]
    options: ImportSettings,
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

/// Your datasets, by name.
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

/// The newest version of a dataset, with its recordings, labels and tags.
#[utoipa::path(get, path = "/api/data/datasets/{name}", tag = "data",
    params(("name" = String, Path, description = "The dataset's name")),
    responses((status = 200, description = "The newest version", body = DatasetVersion)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<DatasetVersion>, Problem> {
    let owner = caller.owner();
    Ok(Json(state.store(move |store| store.dataset_version(owner, &name, None)).await?))
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

/// Import files into a dataset, as a new version of it: a job, whose result has what was found in
/// each file. If one file is refused, nothing is added.
#[utoipa::path(post, path = "/api/data/datasets/{name}/imports", tag = "data",
    params(("name" = String, Path, description = "The dataset's name; made where there is none"),
           ("Idempotency-Key" = Option<String>, Header, description = "For asking again")),
    request_body = ImportRequest,
    responses((status = 202, description = "In the queue", body = Job)))]
async fn import(
    State(state): State<ApiState>,
    caller: Caller,
    Path(dataset): Path<String>,
    Once(request, attempt): Once<ImportRequest>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let count = request.uploads.len() + request.sources.len();
    if !(1..=FILES_MAX).contains(&count) {
        let detail = format!("{count} files are named: an import takes 1 to {FILES_MAX}");
        return Err(Problem::new(INVALID, detail));
    }
    if !request.sources.is_empty() && !caller.is_admin() {
        return Err(Problem::new(FORBIDDEN, "the inbox is for admins: upload the files"));
    }
    request.options.parse()?;
    for name in &request.sources {
        super::uploads::check_name(name)?;
    }
    let owner = caller.owner();
    let job = state.blocking(move |state| {
        let store = state.folder.store();
        if let Some(job) = store.attempted_job(owner, attempt.as_ref())? {
            return Ok(job);
        }
        Store::check_dataset_name(&dataset)?;
        let mut files = BTreeMap::new();
        for id in request.uploads {
            let upload = store.upload(owner, id)?;
            if !upload.complete {
                let detail = format!("upload {:?} is not complete: send the rest", upload.name);
                return Err(Problem::new(STATE, detail));
            }
            add_file(&mut files, upload.name, ImportFile::Upload(id))?;
        }
        for name in request.sources {
            add_file(&mut files, name, ImportFile::Inbox)?;
        }
        let input = ImportInput { dataset, files, options: request.options };
        let input = serde_json::to_value(input).map_err(|error| Problem::internal(&error))?;
        let new = NewJob { kind: JobKind::Import, input, run: None, attempt };
        Ok(store.submit_job(owner, &new)?)
    });
    let job = job.await?;
    state.jobs.wake();
    Ok((StatusCode::ACCEPTED, Json(job)))
}

fn add_file(
    files: &mut BTreeMap<String, ImportFile>,
    name: String,
    file: ImportFile,
) -> Result<(), Problem> {
    match files.insert(name.clone(), file) {
        None => Ok(()),
        Some(_) => Err(Problem::new(INVALID, format!("two files are called {name:?}"))),
    }
}
