//! What a request carries, as types; what cannot be read becomes a problem.

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model_format::id::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_http::timeout::TimeoutError;

use super::problem::{INVALID, MALFORMED, NOT_FOUND, NOT_JSON, Problem, SLOW, TOO_LARGE};
use crate::store::Attempt;

/// A JSON body, in and out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<T>(pub T);

/// Parameters of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<T>(pub T);

/// Parameters after the question mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Json(value)),
            Err(rejection) => Err(json_problem(rejection)),
        }
    }
}

fn json_problem(rejection: JsonRejection) -> Problem {
    let text = rejection.body_text();
    match rejection {
        JsonRejection::JsonDataError(_) => Problem::new(INVALID, text),
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(NOT_JSON, "send `content-type: application/json`")
        }
        JsonRejection::BytesRejection(rejection) => bytes_problem(rejection),
        _ => Problem::new(MALFORMED, text),
    }
}

/// Why a body could not be read.
pub(super) fn bytes_problem(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(TOO_LARGE, "the body is larger than this address takes");
    }
    body_problem(&rejection)
}

/// Why the rest of a body did not come.
pub(super) fn body_problem(error: &(dyn Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return Problem::new(SLOW, "the body stopped arriving");
        }
        cause = error.source();
    }
    Problem::new(MALFORMED, "the body did not arrive whole")
}

/// A body as it came, in memory.
#[derive(Clone, Debug)]
pub(super) struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Raw).map_err(bytes_problem)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(Problem::new(NOT_FOUND, format!("there is nothing of that name: {error}")))
            }
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Query(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                Err(Problem::new(INVALID, error.body_text()))
            }
            Err(error) => Err(Problem::new(MALFORMED, error.body_text())),
        }
    }
}

/// Longest Idempotency-Key.
const ATTEMPT_KEY_BYTES_MAX: usize = 100;

/// A JSON body, and the header `Idempotency-Key`: asking the same again with the same key does not
/// do the work twice.
#[derive(Clone, Debug)]
pub(super) struct Once<T>(pub T, pub Option<Attempt>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Once<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Some(key) = attempt_key(request.headers())? else {
            return Ok(Once(Json::from_request(request, state).await?.0, None));
        };
        let (parts, body) = request.into_parts();
        let again = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(again, state).await.map_err(bytes_problem)?;
        let mut asked = format!("{} {}\n", parts.method, parts.uri.path()).into_bytes();
        asked.extend_from_slice(&bytes);
        let attempt = Attempt { key, request: Digest::of(&asked) };
        let request = Request::from_parts(parts, Body::from(bytes));
        Ok(Once(Json::from_request(request, state).await?.0, Some(attempt)))
    }
}

fn attempt_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= ATTEMPT_KEY_BYTES_MAX => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(Problem::new(
            MALFORMED,
            format!("an Idempotency-Key has 1 to {ATTEMPT_KEY_BYTES_MAX} plain characters"),
        )),
    }
}
