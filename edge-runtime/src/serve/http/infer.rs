//! Open Inference Protocol v2: windows in, the model's outputs back.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use engine::EngineError;
use tokio::sync::oneshot;

use super::body::Posted;
use super::infer_answer::{self, InferAnswer};
use super::infer_request::{self, Takes};
use super::metadata::found;
use super::statistics::Parts;
use super::{App, Refusal, blocking};
use crate::serve::inbox::{Infer, NotTaken, Work};
use crate::serve::mqtt::now_ns;
use crate::serve::state::{InferError, ModelFacts};

/// The header with the size of the JSON where tensors in binary form follow it.
const HEAD_LENGTH: &str = "inference-header-content-length";

pub(super) async fn post(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    answer(app, &name, None, posted).await
}

pub(super) async fn post_version(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    answer(app, &name, Some(&version), posted).await
}

async fn answer(
    app: App,
    name: &str,
    version: Option<&str>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let model = found(&app, name, version)?;
    blocking(move || {
        let began = Instant::now();
        let inferred = infer(&app, &model, &posted);
        let snapshot = app.snapshot();
        let in_service: Vec<_> =
            snapshot.models.iter().map(|model| model.artifact_sha256).collect();
        let now_ms = u64::try_from(now_ns() / 1_000_000).unwrap_or(0);
        let parts = inferred.as_ref().ok().map(|(_, parts)| parts);
        let total = began.elapsed();
        app.statistics.note(model.artifact_sha256, &in_service, now_ms, total, parts);
        let (InferAnswer { body, head_length }, _) = inferred?;
        let kind = match head_length {
            Some(_) => "application/octet-stream",
            None => "application/json",
        };
        let mut response = app.bodies.answer(kind, body)?;
        if let Some(length) = head_length {
            response.headers_mut().insert(HEAD_LENGTH, HeaderValue::from(length));
        }
        Ok(response)
    })
    .await
}

/// Reads, asks the inference thread, and writes. Waits: never on an async worker.
fn infer(
    app: &App,
    model: &Arc<ModelFacts>,
    posted: &Posted,
) -> Result<(InferAnswer, Parts), Refusal> {
    let began = Instant::now();
    // A header that is no text is no number either.
    let head_length = posted.headers.get(HEAD_LENGTH).map(|value| value.to_str().unwrap_or("?"));
    let takes = Takes { window_shape: &model.layout.window_shape, outputs: model.output_names };
    let mut request = infer_request::read(&posted.bytes, head_length, &takes)
        .map_err(|error| Refusal::bad(error.to_string()))?;
    let (answer, answered) = oneshot::channel();
    let asked = Instant::now();
    let (artifact, count) = (model.artifact_sha256, request.count);
    let windows = std::mem::take(&mut request.windows);
    let infer = Infer { artifact, windows, count, asked, answer };
    app.serving.inbox.try_push(Work::Infer(infer))?;
    let inferred = answered.blocking_recv().map_err(|_| NotTaken::Ended)?;
    let inferred = inferred.map_err(|error| {
        let status = match &error {
            InferError::Exchanged => StatusCode::CONFLICT,
            InferError::Engine(EngineError::Failed { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
            InferError::Engine(_) => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, error.to_string())
    })?;
    let writes = Instant::now();
    let written = infer_answer::write(&request, model, &inferred.outputs);
    let parts = Parts {
        count,
        input: asked.duration_since(began),
        queue: inferred.waited,
        infer: inferred.took,
        output: writes.elapsed(),
    };
    Ok((written, parts))
}
