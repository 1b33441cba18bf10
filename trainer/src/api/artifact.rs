//! Artifacts as downloads: whole or in ranges, with their digest as the entity tag.

use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use model_format::id::Digest;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::problem::{Problem, RANGE, io_problem};
use super::state::ApiState;
use crate::data_folder::digest;

/// Size of an artifact in bytes.
pub(super) async fn artifact_bytes(state: &ApiState, artifact: Digest) -> Result<u64, Problem> {
    let path = state.folder.artifact_path(artifact);
    let metadata = tokio::fs::metadata(&path).await;
    Ok(metadata.map_err(|error| io_problem(&path.display().to_string(), &error))?.len())
}

/// Sends an artifact. `If-None-Match` spares sending it again, `Range` (with `If-Range`) resumes.
pub(super) async fn send_artifact(
    state: &ApiState,
    artifact: Digest,
    headers: &HeaderMap,
    file_name: Option<String>,
) -> Result<Response<Body>, Problem> {
    let path = state.folder.artifact_path(artifact);
    let (file, size) = state.blocking(move |_| open_checked(&path, artifact)).await?;
    let mut file = File::from_std(file);
    let tag = format!("\"{artifact}\"");
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let mut builder = Response::builder()
        .header(header::ETAG, &tag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, max-age=31536000, immutable");
    if text(header::IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&tag)) {
        return finish(builder.status(StatusCode::NOT_MODIFIED), Body::empty());
    }
    if let Some(name) = file_name {
        let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
        builder = builder.header(
            header::CONTENT_DISPOSITION,
            disposition.map_err(|error| Problem::internal(&error))?,
        );
    }
    builder = builder.header(header::CONTENT_TYPE, "application/octet-stream");
    let same = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(header::RANGE).filter(|_| same).and_then(|text| parse_range(text, size));
    let (first, last) = match range {
        None => {
            let body = Body::from_stream(ReaderStream::new(file));
            return finish(builder.header(header::CONTENT_LENGTH, size), body);
        }
        Some(Range::Beyond) => {
            let problem = Problem::new(RANGE, format!("the file has {size} bytes"));
            let mut response = problem.with("size_bytes", size).into_response();
            let range = HeaderValue::try_from(format!("bytes */{size}"));
            let range = range.map_err(|error| Problem::internal(&error))?;
            response.headers_mut().insert(header::CONTENT_RANGE, range);
            return Ok(response);
        }
        Some(Range::Bytes { first, last }) => (first, last),
    };
    let sought = file.seek(SeekFrom::Start(first)).await;
    sought.map_err(|error| io_problem(&artifact.to_string(), &error))?;
    let length = last - first + 1;
    let body = Body::from_stream(ReaderStream::new(file.take(length)));
    let builder = builder
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_LENGTH, length)
        .header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
    finish(builder, body)
}

/// Opens an artifact whose bytes are what its digest says: damaged ones are never sent, whatever
/// part of them is asked for.
fn open_checked(path: &Path, artifact: Digest) -> Result<(std::fs::File, u64), Problem> {
    let opened = std::fs::File::open(path).and_then(|mut file| {
        let found = digest(&mut file)?;
        let size = file.stream_position()?;
        file.rewind()?;
        Ok((file, size, found))
    });
    let broken = |error: std::io::Error| io_problem(&path.display().to_string(), &error);
    let (file, size, found) = opened.map_err(broken)?;
    if found != artifact {
        let reason = format!("{} is damaged: its digest is {found}", path.display());
        return Err(Problem::internal(&reason));
    }
    Ok((file, size))
}

fn finish(builder: axum::http::response::Builder, body: Body) -> Result<Response<Body>, Problem> {
    builder.body(body).map_err(|error| Problem::internal(&error))
}

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// Bytes of the file, both ends included.
    Bytes { first: u64, last: u64 },
    /// Bytes that the file does not have.
    Beyond,
}

/// One range of bytes; several ranges and other units are not for us, and the whole file is sent,
/// as RFC 9110 allows.
fn parse_range(text: &str, size: u64) -> Option<Range> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let bytes = match (first, last) {
        ("", last) => {
            let length = last.parse::<u64>().ok()?;
            if length == 0 {
                return Some(Range::Beyond);
            }
            (size.saturating_sub(length), size.saturating_sub(1))
        }
        (first, "") => (first.parse().ok()?, size.saturating_sub(1)),
        (first, last) => {
            let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
            if last < first {
                return None;
            }
            (first, last.min(size.saturating_sub(1)))
        }
    };
    let (first, last) = bytes;
    Some(if first >= size { Range::Beyond } else { Range::Bytes { first, last } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        let bytes = |first, last| Some(Range::Bytes { first, last });
        assert_eq!(parse_range("bytes=0-", 10), bytes(0, 9));
        assert_eq!(parse_range("bytes=3-5", 10), bytes(3, 5));
        assert_eq!(parse_range("bytes=3-99", 10), bytes(3, 9));
        assert_eq!(parse_range("bytes=-4", 10), bytes(6, 9));
        assert_eq!(parse_range("bytes=-99", 10), bytes(0, 9));
        assert_eq!(parse_range("bytes=10-", 10), Some(Range::Beyond));
        assert_eq!(parse_range("bytes=-0", 10), Some(Range::Beyond));
        assert_eq!(parse_range("bytes=0-", 0), Some(Range::Beyond));
        for other in ["", "bytes=5-3", "bytes=a-", "rows=0-1", "bytes=0-1,3-4"] {
            assert_eq!(parse_range(other, 10), None, "{other}");
        }
    }
}
