//! `/api/data/uploads`: files on their way in, in parts that can be sent again.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use model_format::id::Digest;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{AttemptKey, Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{
    INVALID, MALFORMED, NOT_JSON, OFFSET, Problem, SLOW, STATE, TOO_LARGE, io_problem,
};
use super::state::ApiState;
use crate::store::{NewUpload, OwnerId, Upload, UploadId};

/// Largest file.
const FILE_BYTES_MAX: u64 = 1 << 40;

/// Largest part.
pub(super) const PART_BYTES_MAX: usize = 32 << 20;

/// Longest pause within a part.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 1000;

/// Content type of a part.
const PART_TYPE: &str = "application/offset+octet-stream";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, append, delete))
        .layer(DefaultBodyLimit::max(PART_BYTES_MAX))
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
    AttemptKey(attempt_key): AttemptKey,
    Json(request): Json<UploadRequest>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    check_name(&request.name)?;
    if !(1..=FILE_BYTES_MAX).contains(&request.size_bytes) {
        let detail = format!("size_bytes: a file has 1 to {FILE_BYTES_MAX} bytes");
        return Err(Problem::new(INVALID, detail));
    }
    let UploadRequest { name, size_bytes, sha256 } = request;
    let new = NewUpload { name, size_bytes, sha256, attempt_key };
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
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
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
    let part = read_part(body).await?;
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

/// Reads a part within its bound; a pause that is too long ends it.
async fn read_part(body: Body) -> Result<Vec<u8>, Problem> {
    let mut body = Limited::new(body, PART_BYTES_MAX);
    let mut part = Vec::new();
    loop {
        let frame = tokio::time::timeout(PAUSE_MAX, body.frame()).await;
        let frame = frame.map_err(|_| Problem::new(SLOW, "the part stopped arriving"))?;
        match frame {
            None => return Ok(part),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    part.extend_from_slice(&data);
                }
            }
            Some(Err(error)) if error.is::<LengthLimitError>() => {
                let detail = format!("a part has at most {PART_BYTES_MAX} bytes: send smaller ones");
                return Err(Problem::new(TOO_LARGE, detail));
            }
            Some(Err(_)) => return Err(Problem::new(MALFORMED, "the part did not arrive whole")),
        }
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
    let broken = |error: std::io::Error| io_problem(&path.display().to_string(), &error);
    // One part at a time: two that begin at the same place must not mix.
    let _writing = state.uploading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    check_offset(&store.upload(owner, upload.id)?, upload.received_bytes)?;
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(broken)?;
    file.set_len(upload.received_bytes).map_err(broken)?;
    file.seek(SeekFrom::Start(upload.received_bytes)).map_err(broken)?;
    file.write_all(part).and_then(|()| file.sync_all()).map_err(broken)?;
    let received = upload.received_bytes + part.len() as u64;
    if let (true, Some(expected)) = (received == upload.size_bytes, upload.sha256) {
        file.seek(SeekFrom::Start(0)).map_err(broken)?;
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

fn digest(file: &mut std::fs::File) -> std::io::Result<Digest> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(Digest::from_bytes(hash.finalize().into()));
        }
        hash.update(&buffer[..count]);
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
        state.folder.store().delete_upload(owner, id)?;
        state.folder.remove(&state.folder.upload_path(id))?;
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
