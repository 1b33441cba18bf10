//! Problems: every refusal of the API, from one table, as RFC 9457 asks for.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::data_folder::FolderError;
use crate::importing::ImportingError;
use crate::ingest::SettingsError;
use crate::ingest::parquet::ParquetError;
use crate::progress::Cancelled;
use crate::repair::RepairError;
use crate::store::{RelabelError, StoreError};
use crate::training::TrainError;

/// One line of the table: what can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable; programs may rely on it.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// For people, the same for all problems of the kind.
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:literal $code:literal $title:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: Kind = Kind { code: $code, status: $status, title: $title };
        )*
        /// The whole table, for the documentation.
        pub const KINDS: &[Kind] = &[$($name),*];
    };
}

kinds! {
    MALFORMED = 400 "malformed" "The request cannot be read";
    INVALID = 422 "invalid" "The request asks for something that cannot be";
    NOT_SIGNED_IN = 401 "not_signed_in" "A session or an API key is needed";
    WRONG_PASSWORD = 401 "wrong_password" "Name and password do not match";
    BAD_SIGNATURE = 401 "bad_signature" "The request is not signed by that device";
    CLOCK_SKEW = 401 "clock_skew" "The device's clock is wrong";
    FORBIDDEN = 403 "forbidden" "That is not allowed with this session or key";
    BAD_TOKEN = 403 "bad_token" "The enrolment token is not valid";
    NOT_FOUND = 404 "not_found" "There is no such thing";
    NO_ROUTE = 404 "no_route" "There is no such address";
    NO_METHOD = 405 "no_method" "That cannot be done here";
    SLOW = 408 "slow" "The request took too long to arrive";
    TAKEN = 409 "taken" "The name is taken";
    IN_USE = 409 "in_use" "It is in use";
    OFFSET = 409 "offset" "The upload continues elsewhere";
    ATTEMPT_KEY = 409 "attempt_key" "The Idempotency-Key was used for something else";
    STATE = 409 "state" "That cannot be done any more, or not yet";
    TOO_LARGE = 413 "too_large" "The request is too large";
    NOT_JSON = 415 "not_json" "The content type is not the one that is read here";
    RANGE = 416 "range" "The file does not have these bytes";
    TOO_MANY = 429 "too_many" "Too many attempts or too much work waiting";
    CANCELLED = 409 "cancelled" "It was cancelled";
    INTERRUPTED = 409 "interrupted" "The trainer ended before the job did";
    MEMORY = 422 "memory" "There is not enough memory for this";
    TRAINING = 422 "training" "The run cannot be carried out";
    IMPORT = 422 "import" "The files cannot be imported";
    REPAIR = 422 "repair" "The recordings cannot be repaired like that";
    DISK_FULL = 507 "disk_full" "The disk is full";
    INTERNAL = 500 "internal" "Something went wrong inside the trainer";
    UNAVAILABLE = 503 "unavailable" "The trainer is busy or ending";
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    more: Map<String, Value>,
    retry_after_s: Option<u64>,
}

/// A refusal as it is sent: RFC 9457, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:cirame:problem:` and the code.
    pub r#type: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable; programs may rely on it.
    pub code: String,
    /// For people, the same for all problems of the kind.
    pub title: String,
    /// For people: what was found, and what to change.
    pub detail: String,
}

impl Problem {
    /// A problem of this kind; `detail` says what was found and what to change.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Problem { kind, detail: detail.into(), more: Map::new(), retry_after_s: None }
    }

    /// Something that is nobody's fault outside: it is logged, and not told.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %error, "request failed");
        Problem::new(
            INTERNAL,
            "the trainer's log has the reason, under the request id of this answer",
        )
    }

    /// Adds a member beside the standard ones.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Says when to ask again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same with another detail.
    pub fn with_detail(self, detail: String) -> Self {
        Problem { detail, ..self }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What was found and what to change.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Its JSON.
    pub fn json(&self) -> Value {
        let body = ProblemBody {
            r#type: format!("urn:cirame:problem:{}", self.kind.code),
            status: self.kind.status,
            code: self.kind.code.to_owned(),
            title: self.kind.title.to_owned(),
            detail: self.detail.clone(),
        };
        let mut json = serde_json::to_value(body).expect("plain data has a JSON form");
        if let Some(object) = json.as_object_mut() {
            object.extend(self.more.clone());
        }
        json
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status).expect("the table has valid statuses");
        let mut response = (status, self.json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(HeaderName::from_static("retry-after"), HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Unknown { .. } => Problem::new(NOT_FOUND, text),
            StoreError::Name { kind: "label set", .. } => {
                Problem::new(INVALID, text).with("field", "label_set")
            }
            StoreError::Name { .. } => Problem::new(INVALID, text),
            StoreError::Taken { .. } => Problem::new(TAKEN, text),
            StoreError::InUse { .. } => Problem::new(IN_USE, text),
            StoreError::Access { access, needed, .. } => {
                let plain =
                    |access| serde_json::to_value(access).expect("plain data has a JSON form");
                let problem = Problem::new(FORBIDDEN, text);
                problem.with("access", plain(access)).with("needed", plain(needed))
            }
            StoreError::Share { number, .. } => {
                Problem::new(INVALID, text).with("field", format!("users.{number}.user"))
            }
            StoreError::AttemptKey => Problem::new(ATTEMPT_KEY, text),
            StoreError::Full { .. } => Problem::new(TOO_MANY, text).retry_after(10),
            StoreError::Sqlite(ref source) if is_disk_full(source) => {
                tracing::error!(error = %text, "the disk is full");
                Problem::new(DISK_FULL, "the trainer's disk is full: make room, then ask again")
            }
            StoreError::Damaged { .. }
            | StoreError::Locked
            | StoreError::Migration(_)
            | StoreError::Sqlite(_) => Problem::internal(&text),
        }
    }
}

fn is_disk_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Store(error) => error.into(),
            FolderError::Io { path, source } => io_problem(&format!("{}", path.display()), &source),
            FolderError::Locked { .. } | FolderError::Make { .. } => Problem::internal(&error),
        }
    }
}

/// A failure of the file system: a full disk is told, the rest is logged.
pub fn io_problem(what: &str, error: &std::io::Error) -> Problem {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        tracing::error!(what, error = %error, "the disk is full");
        return Problem::new(DISK_FULL, "the trainer's disk is full: make room, then ask again");
    }
    Problem::internal(&format!("{what}: {error}"))
}

impl From<Cancelled> for Problem {
    fn from(error: Cancelled) -> Self {
        Problem::new(CANCELLED, error.to_string())
    }
}

impl From<TrainError> for Problem {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Store(error) => error.into(),
            TrainError::Folder(error) | TrainError::Recording(ParquetError::Folder(error)) => {
                error.into()
            }
            TrainError::Cancelled(error) => error.into(),
            TrainError::Fit(learn::estimator::FitError::Cancelled) => Cancelled.into(),
            error => Problem::new(TRAINING, error.to_string()),
        }
    }
}

impl From<RelabelError> for Problem {
    fn from(error: RelabelError) -> Self {
        let text = error.to_string();
        match error {
            RelabelError::Store(error) => error.into(),
            RelabelError::Edit(edit) => {
                let field = format!("edits.{}.{}", edit.number, edit.field);
                Problem::new(INVALID, text).with("field", field)
            }
            RelabelError::Moved { newest, .. } => {
                Problem::new(STATE, text).with("newest_version", newest)
            }
        }
    }
}

impl From<RepairError> for Problem {
    fn from(error: RepairError) -> Self {
        let text = error.to_string();
        match error {
            RepairError::Store(error) => error.into(),
            RepairError::Folder(error) | RepairError::Recording(ParquetError::Folder(error)) => {
                error.into()
            }
            RepairError::Cancelled(error) => error.into(),
            RepairError::Asked { field, .. } => Problem::new(REPAIR, text).with("field", field),
            RepairError::Step { number, field, .. } => {
                Problem::new(REPAIR, text).with("field", format!("steps.{number}.{field}"))
            }
            RepairError::Recording(_)
            | RepairError::NoLineage { .. }
            | RepairError::Format { .. } => Problem::new(REPAIR, text),
        }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        let problem = Problem::new(INVALID, error.reason);
        match error.field {
            Some(field) => problem.with("field", field),
            None => problem,
        }
    }
}

impl From<ImportingError> for Problem {
    fn from(error: ImportingError) -> Self {
        match error {
            ImportingError::Store(error) => error.into(),
            ImportingError::Folder(error) => error.into(),
            ImportingError::Cancelled(error) => error.into(),
            ImportingError::Known { .. } => Problem::new(TAKEN, error.to_string()),
            ImportingError::Import(error) => Problem::new(IMPORT, error.to_string()),
            ImportingError::Recording(ParquetError::Folder(error)) => error.into(),
            ImportingError::Recording(error) => Problem::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..index].iter().all(|other| other.code != kind.code), "{}", kind.code);
            assert!((400..600).contains(&kind.status), "{}", kind.code);
        }
    }
}
