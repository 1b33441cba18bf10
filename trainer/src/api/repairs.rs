//! `/api/data/datasets/{name}/repairs`: recordings are made of others; what they were made of, and making
//! them again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path};
use super::guard::Caller;
use super::problem::{NOT_FOUND, Problem};
use super::state::ApiState;
use crate::progress::Progress;
use crate::repair::{Lineage, RepairInput, Replayed, Step, replay};
use crate::store::{Job, JobKind, NewJob, RecordingId};
use crate::training::Work;
use crate::training::settings::Selector;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(repair))
        .routes(routes!(lineage))
        .routes(routes!(replay_recording))
}

/// Which recordings are joined or repaired, how, and where what is made of them goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RepairRequest {
    /// Version of the dataset; the newest otherwise.
    dataset_version: Option<u32>,
    /// The recordings in their order, as `tag:NAME=VALUE` or `recording:NAME`; all by name otherwise.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    recordings: Vec<Selector>,
    /// The steps, carried out in this order.
    steps: Vec<Step>,
    /// Name of the dataset that gets what is made; made where there is none.
    into: String,
    /// Name of what is made; `{name}` stands for that of the first recording that went in.
    #[serde(default = "same_name")]
    name: String,
}

fn same_name() -> String {
    "{name}".to_owned()
}

/// Join or repair recordings: a job that makes new ones, in a new version of the dataset that gets
/// them. The recordings that go in stay as they are; what was made of them knows its lineage.
#[utoipa::path(post, path = "/api/data/datasets/{name}/repairs", tag = "data",
    params(("name" = String, Path, description = "The dataset's name"),
           ("Idempotency-Key" = Option<String>, Header, description = "For asking again")),
    request_body = RepairRequest,
    responses((status = 202, description = "In the queue", body = Job)))]
async fn repair(
    State(state): State<ApiState>,
    caller: Caller,
    Path(dataset): Path<String>,
    Once(request, attempt): Once<RepairRequest>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let owner = caller.owner();
    let RepairRequest { dataset_version, recordings, steps, into, name } = request;
    let mut input = RepairInput { dataset, dataset_version, recordings, steps, into, name };
    input.check()?;
    let job = state.blocking(move |state| {
        let store = state.folder.store();
        if let Some(job) = store.attempted_job(owner, attempt.as_ref())? {
            return Ok(job);
        }
        input.into = store.own_dataset_name(owner, &input.into)?;
        // What is newest when it is asked for, not when its turn comes.
        let version = store.dataset_version(owner, &input.dataset, input.dataset_version)?;
        input.dataset_version = Some(version.number);
        // By the names that the store knows: one's own dataset has a long one, too.
        input.dataset = version.dataset;
        input.check()?;
        let input = serde_json::to_value(input).map_err(|error| Problem::internal(&error))?;
        let new = NewJob { kind: JobKind::Repair, input, run: None, attempt };
        Ok(store.submit_job(owner, &new)?)
    });
    let job = job.await?;
    state.jobs.wake();
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// What a recording was made of: the recordings that went in, by content, and the steps.
#[utoipa::path(get, path = "/api/data/recordings/{id}/lineage", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording")),
    responses((status = 200, description = "The lineage", body = Lineage)))]
async fn lineage(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Json<Lineage>, Problem> {
    let found = state.blocking(move |state| {
        let store = state.folder.store();
        let entry = store.recording(caller.owner(), id)?.entry;
        let Some(digest) = entry.lineage else {
            let detail =
                format!("{:?} was imported or recorded, not made by a repair", entry.info.name);
            return Err(Problem::new(NOT_FOUND, detail));
        };
        Ok(store.lineage(digest)?)
    });
    Ok(Json(found.await?))
}

/// Make a recording again from what it was made of, and compare: the samples must be the same, byte by
/// byte. A file that is missing is written again.
#[utoipa::path(post, path = "/api/data/recordings/{id}/replay", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording")),
    responses((status = 200, description = "What came of it", body = Replayed)))]
async fn replay_recording(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Json<Replayed>, Problem> {
    let owner = caller.owner();
    let replayed = state.replaying(move |state| {
        let entry = state.folder.store().recording(owner, id)?.entry;
        let _files = state.folder.use_files();
        let progress = Progress::figures(Arc::default(), Arc::default());
        let work = Work { folder: &state.folder, owner, threads: 1, progress: &progress };
        Ok(replay(work, &entry)?)
    });
    Ok(Json(replayed.await?))
}
