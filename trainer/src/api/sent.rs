//! `/api/training/data` and `/api/testing/data`: single files, as uploaders and forwarders send them
//! that were made for Edge Impulse.
//!
//! The dataset is called like the API key: such programs name no dataset.

use std::path::Path as FilePath;
use std::sync::PoisonError;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::Caller;
use super::problem::{INVALID, NOT_SIGNED_IN, Problem, io_problem};
use super::state::ApiState;
use super::uploads::{check_name, read_part};
use crate::importing::sent::{self, Sent};
use crate::ingest::ImportOptions;
use crate::ingest::LabelFrom;
use crate::progress::Progress;
use crate::store::{JobId, OwnerId, Store};
use crate::training::Work;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(training)).routes(routes!(testing))
}

/// Send one acquisition (JSON or CBOR) for training. It becomes a recording of the dataset that is
/// called like the API key; the answer is its name.
#[utoipa::path(post, path = "/api/training/data", tag = "data",
    params(("x-file-name" = String, Header, description = "Name of the file; up to its first dot it is the label"),
           ("x-label" = Option<String>, Header, description = "The label, in place of the name's"),
           ("x-no-label" = Option<String>, Header, description = "`1`: there is no label"),
           ("x-disallow-duplicates" = Option<String>, Header,
            description = "Refuse a file whose content the dataset has; otherwise it is kept once")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The recording's name", body = String)))]
async fn training(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<String, Problem> {
    take(state, caller, headers, body, "training").await
}

/// Send one acquisition for testing. As `/api/training/data`.
#[utoipa::path(post, path = "/api/testing/data", tag = "data",
    params(("x-file-name" = String, Header, description = "Name of the file; up to its first dot it is the label"),
           ("x-label" = Option<String>, Header, description = "The label, in place of the name's"),
           ("x-no-label" = Option<String>, Header, description = "`1`: there is no label"),
           ("x-disallow-duplicates" = Option<String>, Header,
            description = "Refuse a file whose content the dataset has; otherwise it is kept once")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The recording's name", body = String)))]
async fn testing(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<String, Problem> {
    take(state, caller, headers, body, "testing").await
}

async fn take(
    state: ApiState,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
    partition: &'static str,
) -> Result<String, Problem> {
    let owner = caller.owner();
    let Some(dataset) = caller.key else {
        let detail = "send an API key as `x-api-key`: the dataset is called like it";
        return Err(Problem::new(NOT_SIGNED_IN, detail));
    };
    Store::check_dataset_name(&dataset)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_set = |name: &str| text(name).is_some_and(|value| !["", "0", "false"].contains(&value));
    let name = text("x-file-name").unwrap_or_default().to_owned();
    check_name(&name)?;
    let label_from = match text("x-label") {
        Some(label) if !label.is_empty() => Some(LabelFrom::Value(label.to_owned())),
        _ => is_set("x-no-label").then_some(LabelFrom::None),
    };
    let refuses_known = is_set("x-disallow-duplicates");
    let bytes = read_part(&headers, body).await?;
    if bytes.is_empty() {
        return Err(Problem::new(INVALID, "the body is empty: send one acquisition"));
    }
    let options = ImportOptions { label_from, ..ImportOptions::default() };
    let sent = state.blocking(move |state| {
        let _files = state.folder.use_files();
        let folder =
            Sent::folder(&state.folder.import_path(JobId::new()), partition, &name, &bytes);
        let folder = folder.map_err(|error| io_problem("a file that was sent", &error))?;
        keep(state, owner, &dataset, &folder, &options, refuses_known)
    });
    sent.await
}

fn keep(
    state: &ApiState,
    owner: OwnerId,
    dataset: &str,
    folder: &Sent,
    options: &ImportOptions,
    refuses_known: bool,
) -> Result<String, Problem> {
    let _one_at_a_time = state.sending.lock().unwrap_or_else(PoisonError::into_inner);
    let progress = Progress::default();
    let work = Work { folder: &state.folder, owner, threads: 1, progress: &progress };
    let names = sent::keep(work, dataset, folder, options, refuses_known).map_err(|error| {
        let problem = Problem::from(error);
        let detail = without(problem.detail(), folder.path());
        problem.with_detail(detail)
    })?;
    state.folder.sweep()?;
    Ok(names.join("\n"))
}

fn without(text: &str, folder: &FilePath) -> String {
    let folder = folder.display().to_string();
    text.replace(&format!("{folder}/"), "").replace(&folder, "the file")
}
