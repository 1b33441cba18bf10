//! HTTP: health, metrics, streams, samples, and inference for programs beside the device.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model_format::payload::message::MESSAGE_BYTES_MAX;
use serde_json::json;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use super::Serving;
use super::board::Snapshot;
use super::inbox::NotTaken;
use super::metrics::Now;
use super::outbox::Outbox;
use crate::memory::resident_bytes;
use crate::service::Service as _;

pub(super) mod connections;
mod infer;
mod metadata;
mod samples;

/// Longest time from a request to its answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Requests with large bodies that are worked on at once: bounds their memory.
const POSTS_MAX: usize = 4;

/// What the routes need.
#[derive(Clone)]
pub(super) struct App {
    serving: Arc<Serving>,
    posts: Arc<Semaphore>,
}

/// An answer that says what is wrong, as `{"error": "…"}`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Refusal { status, text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, text)
    }
}

impl From<NotTaken> for Refusal {
    fn from(error: NotTaken) -> Self {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.text }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl App {
    pub(super) fn new(serving: Arc<Serving>) -> Self {
        App { serving, posts: Arc::new(Semaphore::new(POSTS_MAX)) }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.serving.board.snapshot()
    }
}

/// Everything that the device serves.
pub(super) fn router(app: App) -> Router {
    let posts = Router::new()
        .route("/v1/samples", post(samples::post))
        .route("/v2/models/{model}/infer", post(infer::post))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer::post_version))
        .layer(middleware::from_fn_with_state(app.clone(), one_of_few))
        .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX));
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/streams", get(samples::streams))
        .route("/v2", get(metadata::server))
        .route("/v2/health/live", get(metadata::live))
        .route("/v2/health/ready", get(metadata::ready))
        .route("/v2/models/{model}", get(metadata::model))
        .route("/v2/models/{model}/ready", get(metadata::model_ready))
        .route("/v2/models/{model}/versions/{version}", get(metadata::version))
        .route("/v2/models/{model}/versions/{version}/ready", get(metadata::version_ready))
        .merge(posts)
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is no such address") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
        })
        .layer(CatchPanicLayer::custom(|_| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Refusal::new(status, "the device's log has the reason").into_response()
        }))
        .layer(middleware::from_fn(in_time))
        .with_state(app)
}

async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(ANSWER_MAX, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let text = format!("the request took longer than {} seconds", ANSWER_MAX.as_secs());
        Refusal::new(StatusCode::REQUEST_TIMEOUT, text).into_response()
    })
}

async fn one_of_few(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.posts.acquire().await {
        Ok(_place) => next.run(request).await,
        Err(_) => Refusal::from(NotTaken::Ended).into_response(),
    }
}

/// The body of a request, or why there is none.
fn body(
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Bytes, Refusal> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        let text = "compressed bodies are not accepted: send the body as it is";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let text = format!("the body is larger than {MESSAGE_BYTES_MAX} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
        }
        status => Refusal::new(status, rejection.body_text()),
    })
}

fn json_answer(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The program works; how it is.
async fn health(State(app): State<App>) -> Response {
    let (snapshot, status) = (app.snapshot(), app.serving.status());
    let outbox = app.serving.outbox.as_deref();
    let link = app.serving.link.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let document = json!({
        "state": "working",
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": app.serving.metrics.uptime().as_secs(),
        "memory_bytes": resident_bytes(),
        "model": snapshot.model.as_ref().map(|model| &model.name),
        "trainer_answers": link.trainer_answers,
        "serving": link.serving,
        "deployment": link.deployment.map(|report| json!({
            "deployment_id": report.deployment_id,
            "state": report.state,
            "error": report.error,
        })),
        "broker_connected": outbox.map(|_| status.broker_connected),
        "streams": snapshot.stream_count,
        "samples": snapshot.samples,
        "dropped_samples": status.dropped_samples,
        "windows": status.windows,
        "failed_windows": status.failed_windows,
        "window_p50_us": snapshot.window_p50_us,
        "window_p99_us": snapshot.window_p99_us,
        "sample_to_result_p50_us": outbox.map(|outbox| outbox.delay_us(0.5)),
        "sample_to_result_p99_us": outbox.map(|outbox| outbox.delay_us(0.99)),
        "results_waiting": outbox.map(Outbox::len),
        "results_dropped": outbox.map(|_| status.dropped_results),
    });
    json_answer(document.to_string())
}

/// There is a model in service.
async fn ready(State(app): State<App>) -> Result<Response, Refusal> {
    match &app.snapshot().model {
        Some(model) => {
            let document = json!({
                "model": model.name,
                "version": model.version,
                "artifact_sha256": model.artifact_sha256,
                "artifact_bytes": model.artifact_bytes,
            });
            Ok(json_answer(document.to_string()))
        }
        None => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no model is in service yet")),
    }
}

async fn metrics(State(app): State<App>) -> Result<Response, Refusal> {
    let serving = &app.serving;
    let outbox = serving.outbox.as_deref();
    let now = Now {
        snapshot: &app.snapshot(),
        inbox_dropped: serving.inbox.dropped(),
        results_dropped: outbox.map_or(0, Outbox::dropped),
        results_waiting: outbox.map_or(0, Outbox::len) as u64,
        broker_connected: serving.board.broker_connected(),
    };
    let text = serving.metrics.text(&now).map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no figures: {error}"))
    })?;
    let kind = prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
