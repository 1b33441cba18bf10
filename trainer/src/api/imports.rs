//! `/api/data/datasets/{name}/imports`: files become recordings; before that, what is in them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path};
use super::guard::Caller;
use super::problem::{FORBIDDEN, INVALID, Problem, STATE};
use super::state::ApiState;
use super::uploads::check_name;
use crate::importing::preview::ImportPreview;
use crate::ingest::ImportSettings;
use crate::jobs::import::{ImportFile, ImportInput, LaidOut};
use crate::store::{Job, JobId, JobKind, NewJob, OwnerId, Store, UploadId};

/// Most files of one import.
const FILES_MAX: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(import)).routes(routes!(preview))
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

/// Which files shall be looked at, how they are to be read, and what is settled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportPreviewRequest {
    /// Uploads that are complete.
    #[serde(default)]
    uploads: Vec<UploadId>,
    /// Files of the inbox, by name.
    #[serde(default)]
    sources: Vec<String>,
    /// How they are to be read, as far as it is known.
    #[serde(default)]
    options: ImportSettings,
    /// Fields of the options for which nothing is proposed: what is said about them stands as it is.
    #[serde(default)]
    decided: Vec<String>,
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
    request.check(&caller)?;
    request.options.parse()?;
    let owner = caller.owner();
    let job = state.blocking(move |state| {
        let store = state.folder.store();
        if let Some(job) = store.attempted_job(owner, attempt.as_ref())? {
            return Ok(job);
        }
        let dataset = store.own_dataset_name(owner, &dataset)?;
        let files = request.files(store, owner)?;
        let input = ImportInput { dataset, files, options: request.options };
        let input = serde_json::to_value(input).map_err(|error| Problem::internal(&error))?;
        let new = NewJob { kind: JobKind::Import, input, run: None, attempt };
        Ok(store.submit_job(owner, &new)?)
    });
    let job = job.await?;
    state.jobs.wake();
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// Look at files before they are imported: formats, columns with what they are proposed to be and why,
/// and what an import with the completed options would be refused for. Nothing is stored. Of many or
/// long files the beginnings of some are read.
#[utoipa::path(post, path = "/api/data/datasets/{name}/imports/preview", tag = "data",
    params(("name" = String, Path, description = "The name that the dataset has or shall have")),
    request_body = ImportPreviewRequest,
    responses((status = 200, description = "What was found", body = ImportPreview)))]
async fn preview(
    State(state): State<ApiState>,
    caller: Caller,
    Path(dataset): Path<String>,
    Json(request): Json<ImportPreviewRequest>,
) -> Result<Json<ImportPreview>, Problem> {
    let ImportPreviewRequest { uploads, sources, options, decided } = request;
    let request = ImportRequest { uploads, sources, options };
    request.check(&caller)?;
    request.options.parse()?;
    ImportSettings::check_fields(&decided)?;
    let owner = caller.owner();
    let found = state.blocking(move |state| {
        state.folder.store().own_dataset_name(owner, &dataset)?;
        let files = request.files(state.folder.store(), owner)?;
        let laid_out = LaidOut::new(&state.folder, JobId::new(), &files)?;
        Ok(laid_out.preview(request.options, &decided))
    });
    Ok(Json(found.await?))
}

impl ImportRequest {
    /// Refuses what cannot be asked for, whatever there is.
    fn check(&self, caller: &Caller) -> Result<(), Problem> {
        let count = self.uploads.len() + self.sources.len();
        if !(1..=FILES_MAX).contains(&count) {
            let detail = format!("{count} files are named: an import takes 1 to {FILES_MAX}");
            return Err(Problem::new(INVALID, detail));
        }
        if !self.sources.is_empty() && !caller.is_admin() {
            return Err(Problem::new(FORBIDDEN, "the inbox is for admins: upload the files"));
        }
        for name in &self.sources {
            check_name(name)?;
        }
        Ok(())
    }

    /// The files, by the name that each has for the import.
    fn files(
        &self,
        store: &Store,
        owner: OwnerId,
    ) -> Result<BTreeMap<String, ImportFile>, Problem> {
        let mut files = BTreeMap::new();
        for id in &self.uploads {
            let upload = store.upload(owner, *id)?;
            if !upload.complete {
                let detail = format!("upload {:?} is not complete: send the rest", upload.name);
                return Err(Problem::new(STATE, detail));
            }
            add_file(&mut files, upload.name, ImportFile::Upload(*id))?;
        }
        for name in &self.sources {
            add_file(&mut files, name.clone(), ImportFile::Inbox)?;
        }
        Ok(files)
    }
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
