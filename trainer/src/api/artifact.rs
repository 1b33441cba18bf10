//! Artifacts as downloads: whole or in ranges, with their digest as the entity tag.

use std::io::SeekFrom;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use model_format::id::Digest;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::problem::{Problem, RANGE, io_problem};
use super::state::ApiState;

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
    let broken = |error: std::io::Error| io_problem(&path.display().to_string(), &error);
    let mut file = File::open(&path).await.map_err(broken)?;
    let size = file.metadata().await.map_err(broken)?.len();
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
            let detail = format!("the file has {size} bytes");
            return Err(Problem::new(RANGE, detail).with("size_bytes", size));
        }
        Some(Range::Bytes { first, last }) => (first, last),
    };
    file.seek(SeekFrom::Start(first)).await.map_err(broken)?;
    let length = last - first + 1;
    let body = Body::from_stream(ReaderStream::new(file.take(length)));
    let builder = builder
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_LENGTH, length)
        .header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
    finish(builder, body)
}

fn finish(
    builder: axum::http::response::Builder,
    body: Body,
) -> Result<Response<Body>, Problem> {
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
