//! `/api/data/uploads`: files on their way in, in parts that can be sent again.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path as FilePath;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use model_format::id::Digest;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Once, Path, Query, body_problem};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, MALFORMED, NOT_JSON, OFFSET, Problem, STATE, TOO_LARGE, io_problem};
use super::state::ApiState;
use crate::data_folder::digest;
use crate::store::{NewUpload, OwnerId, Upload, UploadId};

/// Largest file.
const FILE_BYTES_MAX: u64 = 1 << 40;

/// Largest part.
pub(super) const PART_BYTES_MAX: usize = 32 << 20;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 1000;

/// Content type of a part.
const PART_TYPE: &str = "application/octet-stream";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, append, delete))
}

/// A file that shall come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UploadRequest {
    /// Its path below the folder that is uploaded, with `/`: `worn/pump3.csv`.
    #[schema(min_length = 1, max_length = 1000)]
    name: String,
    /// Its size.
    #[schema(minimum = 1, maximum = 1099511627776_u64)]
    size_bytes: u64,
    /// Its digest, to be checked with the last part.
    sha256: Option<Digest>,
}

/// Your uploads, newest first.
#[utoipa::path(get, path = "/api/data/uploads", tag = "data", params(PageQuery),
    responses((status = 200, description = "A page of uploads", body = Paged<Upload>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<Upload>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.uploads(caller.owner(), &page)).await?.into()))
}

/// Begin an upload. Then send its parts with PATCH, each from where the one before ended.
#[utoipa::path(post, path = "/api/data/uploads", tag = "data", request_body = UploadRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "For asking again")),
    responses((status = 201, description = "Begun", body = Upload)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Once(request, attempt): Once<UploadRequest>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    check_name(&request.name)?;
    if !(1..=FILE_BYTES_MAX).contains(&request.size_bytes) {
        let detail = format!("size_bytes: a file has 1 to {FILE_BYTES_MAX} bytes");
        return Err(Problem::new(INVALID, detail));
    }
    let UploadRequest { name, size_bytes, sha256 } = request;
    let new = NewUpload { name, size_bytes, sha256, attempt };
    let upload = state.store(move |store| store.begin_upload(caller.owner(), &new)).await?;
    Ok((StatusCode::CREATED, Json(upload)))
}

/// Refuses names that would leave the folder that files are laid out in.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let part_is_usable = |part: &str| {
        !part.is_empty()
            && part.len() <= 200
            && !part.starts_with('.')
            && !part.contains(['\\', ':'])
            && !part.chars().any(char::is_control)
    };
    if name.len() <= NAME_BYTES_MAX && name.split('/').all(part_is_usable) {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    let detail = format!(
        "name {shown:?} cannot be used: a path below a folder is expected, such as worn/pump3.csv, \
         whose parts do not begin with a dot and hold no `:` and no backslash"
    );
    Err(Problem::new(INVALID, detail))
}

/// An upload: how much of it is here.
#[utoipa::path(get, path = "/api/data/uploads/{id}", tag = "data",
    params(("id" = UploadId, Path, description = "The upload")),
    responses((status = 200, description = "The upload", body = Upload)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<UploadId>,
) -> Result<Json<Upload>, Problem> {
    Ok(Json(state.store(move |store| store.upload(caller.owner(), id)).await?))
}

/// Send a part of at most 32 MiB. `Upload-Offset` says where it begins: where the one before
/// ended. A part counts as a whole or not at all.
#[utoipa::path(patch, path = "/api/data/uploads/{id}", tag = "data",
    params(("id" = UploadId, Path, description = "The upload"),
           ("Upload-Offset" = u64, Header, description = "Where the part begins")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The upload", body = Upload)))]
async fn append(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Upload>, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("content-type") != Some(PART_TYPE) {
        return Err(Problem::new(NOT_JSON, format!("send `content-type: {PART_TYPE}`")));
    }
    let offset = text("upload-offset").and_then(|text| text.parse::<u64>().ok());
    let offset = offset.ok_or_else(|| {
        Problem::new(MALFORMED, "the header Upload-Offset says where the part begins, in bytes")
    })?;
    let owner = caller.owner();
    let upload = state.store(move |store| store.upload(owner, id)).await?;
    check_offset(&upload, offset)?;
    let part = read_part(&headers, body).await?;
    let room = upload.size_bytes - offset;
    if part.len() as u64 > room {
        let detail = format!("the part has {} bytes, the file lacks {room}", part.len());
        return Err(Problem::new(INVALID, detail));
    }
    if part.is_empty() {
        return Err(Problem::new(INVALID, "the part is empty"));
    }
    let upload = state.blocking(move |state| keep_part(state, owner, &upload, &part)).await?;
    Ok(Json(upload))
}

fn check_offset(upload: &Upload, offset: u64) -> Result<(), Problem> {
    if upload.complete {
        return Err(Problem::new(STATE, "the upload is complete already"));
    }
    if offset != upload.received_bytes {
        let detail = format!(
            "the part begins at {offset}, but {} bytes are here: go on from there",
            upload.received_bytes
        );
        return Err(Problem::new(OFFSET, detail).with("received_bytes", upload.received_bytes));
    }
    Ok(())
}

/// Reads a part within its bound. What is too large by its own word is refused before it comes.
pub(super) async fn read_part(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("a part has at most {PART_BYTES_MAX} bytes: send smaller ones");
        Problem::new(TOO_LARGE, detail)
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok());
    if length.is_some_and(|length| length > PART_BYTES_MAX as u64) {
        return Err(too_large());
    }
    match Limited::new(body, PART_BYTES_MAX).collect().await {
        Ok(part) => Ok(part.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(body_problem(&*error)),
    }
}

/// Writes a part behind what is known to be there, syncs it, and notes it. What a part that was
/// not noted has left behind is written over.
fn keep_part(
    state: &ApiState,
    owner: OwnerId,
    upload: &Upload,
    part: &[u8],
) -> Result<Upload, Problem> {
    let store = state.folder.store();
    let path = state.folder.upload_path(upload.id);
    let broken = |error: io::Error| io_problem(&path.display().to_string(), &error);
    // One part at a time: two that begin at the same place must not mix.
    let _writing = state.uploading.begin(upload.id)?;
    check_offset(&store.upload(owner, upload.id)?, upload.received_bytes)?;
    let (mut file, received) = write_part(&path, upload.received_bytes, part).map_err(broken)?;
    if let (true, Some(expected)) = (received == upload.size_bytes, upload.sha256) {
        file.rewind().map_err(broken)?;
        let found = digest(&mut file).map_err(broken)?;
        if found != expected {
            let detail = format!(
                "the file has the digest {found}, not {expected}: it changed on its way; delete \
                 the upload and begin again"
            );
            return Err(Problem::new(INVALID, detail));
        }
    }
    if !store.note_part(upload.id, upload.received_bytes, received)? {
        return Err(Problem::new(OFFSET, "another part came first: look where to go on"));
    }
    Ok(store.upload(owner, upload.id)?)
}

/// Writes a part behind the bytes that are known to be there, and syncs it. A part that does not fit
/// on the disk takes no room on it.
fn write_part(path: &FilePath, received: u64, part: &[u8]) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() < received {
        return Err(io::Error::other("the file is shorter than what was received of it"));
    }
    file.set_len(received)?;
    file.seek(SeekFrom::Start(received))?;
    if let Err(error) = file.write_all(part).and_then(|()| file.sync_all()) {
        file.set_len(received)?;
        return Err(error);
    }
    if let (0, Some(folder)) = (received, path.parent()) {
        File::open(folder)?.sync_all()?;
    }
    Ok((file, received + part.len() as u64))
}

/// The uploads of which a part is being written, or which are being deleted.
#[derive(Debug, Default)]
pub(super) struct Writing(Mutex<HashSet<UploadId>>);

/// Nobody else writes to this upload until it is dropped.
#[derive(Debug)]
struct Written<'a> {
    writing: &'a Writing,
    id: UploadId,
}

impl Writing {
    fn begin(&self, id: UploadId) -> Result<Written<'_>, Problem> {
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            let detail = "another part of this upload is being written: look where to go on";
            return Err(Problem::new(OFFSET, detail).retry_after(1));
        }
        Ok(Written { writing: self, id })
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        self.writing.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Delete an upload, whole or not. What was imported from it stays.
#[utoipa::path(delete, path = "/api/data/uploads/{id}", tag = "data",
    params(("id" = UploadId, Path, description = "The upload")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<UploadId>,
) -> Result<StatusCode, Problem> {
    let owner = caller.owner();
    let deleted = state.blocking(move |state| {
        let _writing = state.uploading.begin(id)?;
        state.folder.store().delete_upload(owner, id)?;
        state.folder.sweep()?;
        Ok(StatusCode::NO_CONTENT)
    });
    deleted.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["", "/a", "a//b", "../a", "a/../b", "a/.", ".env", "c:\\a", "a\u{0}", "a\\b"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["a.csv", "worn/pump 3.csv", "Prüfstand/läuft.json"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
