//! HTTP: health, metrics, streams, samples, inference for programs beside the device, a page for people.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

use super::Serving;
use super::board::Snapshot;
use super::inbox::NotTaken;
use super::metrics::Now;
use super::outbox::Outbox;
use crate::memory::resident_bytes;
use crate::service::Service as _;

mod access;
mod body;
pub(super) mod connections;
mod counts;
mod infer;
mod infer_answer;
pub(crate) mod infer_request;
mod metadata;
mod page;
mod samples;
mod statistics;

pub(super) use access::Access;
use body::Bodies;
use counts::Counts;
use statistics::Statistics;

/// Longest time from a request to its answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What the routes need.
#[derive(Clone)]
pub(super) struct App {
    serving: Arc<Serving>,
    access: Access,
    bodies: Arc<Bodies>,
    statistics: Arc<Statistics>,
    counts: Counts,
    /// Name of the device.
    device: Arc<str>,
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
    pub(super) fn new(serving: Arc<Serving>, access: Access, device: &str) -> Self {
        let (bodies, statistics) = <(Arc<Bodies>, Arc<Statistics>)>::default();
        let counts = Counts::default();
        serving.metrics.also(|registry| counts.register(registry));
        App { serving, access, bodies, statistics, counts, device: Arc::from(device) }
    }

    /// What HTTP counts.
    pub(super) fn counts(&self) -> Counts {
        self.counts.clone()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.serving.board.snapshot()
    }
}

/// Everything that the device serves.
pub(super) fn router(app: App) -> Router {
    let guard = middleware::from_fn_with_state(app.clone(), access::guard);
    let count = middleware::from_fn_with_state(app.clone(), counts::count);
    Router::new()
        .route("/", get(page::page))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/streams", get(samples::streams))
        .route("/v1/samples", post(samples::post))
        .nest("/v2", inference())
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is no such address") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
        })
        .layer(guard)
        .layer(CatchPanicLayer::custom(|_| broken().into_response()))
        .layer(middleware::from_fn(in_time))
        .layer(count)
        .with_state(app)
}

/// The Open Inference Protocol.
fn inference() -> Router<App> {
    let of_version = Router::new()
        .route("/", get(metadata::version))
        .route("/ready", get(metadata::version_ready))
        .route("/config", get(metadata::version_config))
        .route("/stats", get(metadata::version_stats))
        .route("/infer", post(infer::post_version));
    Router::new()
        .route("/", get(metadata::server))
        .route("/health/live", get(metadata::live))
        .route("/health/ready", get(metadata::ready))
        .route("/repository/index", post(metadata::index))
        .route("/repository/models/{model}/load", post(metadata::repository))
        .route("/repository/models/{model}/unload", post(metadata::repository))
        .route("/models/stats", get(metadata::all_stats))
        .route("/models/{model}", get(metadata::model))
        .route("/models/{model}/ready", get(metadata::model_ready))
        .route("/models/{model}/config", get(metadata::config))
        .route("/models/{model}/stats", get(metadata::stats))
        .route("/models/{model}/infer", post(infer::post))
        .nest("/models/{model}/versions/{version}", of_version)
}

async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(ANSWER_MAX, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let seconds = ANSWER_MAX.as_secs();
        let text = format!("the device is busy: no answer within {seconds} seconds; ask for less");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    })
}

/// Runs what waits or computes, on a thread that may.
async fn blocking(
    work: impl FnOnce() -> Result<Response, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    // A panic is in the log.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(broken()))
}

fn broken() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the device's log has the reason")
}

fn json_answer(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The program works; and, for those who show the token, how it is.
async fn health(State(app): State<App>, headers: HeaderMap) -> Result<Response, Refusal> {
    if app.serving.board.is_stuck() {
        let text =
            "the inference thread hangs: start the program anew; its log may have the reason";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    if !app.access.knows(&headers) {
        return Ok(json_answer(json!({ "state": "working" }).to_string()));
    }
    let (snapshot, status) = (app.snapshot(), app.serving.status());
    let outbox = app.serving.outbox.as_deref();
    let figures = outbox.map(Outbox::figures);
    let link = app.serving.link.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let document = json!({
        "state": "working",
        "version": env!("CARGO_PKG_VERSION"),
        "boot": app.serving.board.boot(),
        "uptime_s": app.serving.metrics.uptime().as_secs(),
        "memory_bytes": resident_bytes(),
        "models": snapshot.models.iter().map(|model| &model.name).collect::<Vec<_>>(),
        "trainer_answers": link.trainer_answers,
        "deployments": link.models.iter().map(|model| json!({
            "model": model.model,
            "serving": model.serving,
            "deployment": model.deployment.as_ref().map(|report| json!({
                "deployment_id": report.deployment_id,
                "state": report.state,
                "error": report.error,
            })),
        })).collect::<Vec<_>>(),
        "broker_connected": outbox.map(|_| status.broker_connected),
        "streams": snapshot.stream_count,
        "samples": snapshot.samples,
        "dropped_samples": status.dropped_samples,
        "windows": status.windows,
        "failed_windows": snapshot.failed_windows(),
        "window_p50_us": snapshot.window_p50_us,
        "window_p99_us": snapshot.window_p99_us,
        "sample_to_result_p50_us": outbox.map(|outbox| outbox.delay_us(0.5)),
        "sample_to_result_p99_us": outbox.map(|outbox| outbox.delay_us(0.99)),
        "results_waiting": figures.map(|figures| figures.results_waiting),
        "results_dropped": figures.map(|figures| figures.results_dropped),
        "alarms_waiting": figures.map(|figures| figures.alarms_waiting),
        "alarms_dropped": figures.map(|figures| figures.alarms_dropped),
        "outbox_disk_errors": figures.map(|figures| figures.disk_errors),
    });
    Ok(json_answer(document.to_string()))
}

/// There is a model in service.
async fn ready(State(app): State<App>) -> Result<Response, Refusal> {
    let models = &app.snapshot().models;
    if models.is_empty() {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no model is in service yet"));
    }
    let models = models.iter().map(|model| {
        json!({
            "name": model.name,
            "version": model.version,
            "artifact_sha256": model.artifact_sha256,
            "artifact_bytes": model.artifact_bytes,
        })
    });
    let document = json!({ "models": models.collect::<Vec<_>>() });
    Ok(json_answer(document.to_string()))
}

async fn metrics(State(app): State<App>) -> Result<Response, Refusal> {
    let serving = &app.serving;
    let outbox = serving.outbox.as_deref();
    let now = Now {
        snapshot: &app.snapshot(),
        inbox_dropped: serving.inbox.dropped(),
        outbox: outbox.map(Outbox::figures).unwrap_or_default(),
        broker_connected: serving.board.broker_connected(),
    };
    let text = serving.metrics.text(&now).map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no figures: {error}"))
    })?;
    let kind = prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
