//! What a request carries, as types; what cannot be read becomes a problem.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::{INVALID, MALFORMED, NOT_FOUND, NOT_JSON, Problem, SLOW, TOO_LARGE};

/// A JSON body, in and out.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// Parameters of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// Parameters after the question mark.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

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
        JsonRejection::BytesRejection(rejection) => match rejection.status().as_u16() {
            413 => Problem::new(TOO_LARGE, "the body is larger than this address takes"),
            408 => Problem::new(SLOW, "the body did not arrive in time"),
            _ => Problem::new(MALFORMED, "the body did not arrive whole"),
        },
        _ => Problem::new(MALFORMED, text),
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

/// The header `Idempotency-Key`: asking again with the same key does not do the work twice.
#[derive(Clone, Debug)]
pub struct AttemptKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for AttemptKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        attempt_key(&parts.headers).map(AttemptKey)
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
