//! The API: a file per resource, one table of rules, one table of problems, one OpenAPI document.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

mod artifact;
mod backoff;
mod catalogue;
mod console;
mod datasets;
mod demo;
mod deployments;
mod devices;
mod document;
mod estimators;
mod evaluations;
mod events;
mod extract;
mod guard;
mod health;
mod imports;
mod install;
mod jobs;
mod keys;
mod labels;
mod looking;
mod metrics;
mod models;
mod page;
mod pipelines;
pub mod problem;
mod recorders;
mod recordings;
mod repairs;
pub mod rules;
mod runs;
mod sent;
mod session;
mod sharing;
mod state;
mod tokens;
mod uploads;
mod users;

pub use datasets::Source;
pub use install::EdgePrograms;
pub use state::ApiState;

use console::Console;
use problem::{INTERNAL, NO_METHOD, Problem, SLOW};

/// Largest body where a route does not take more.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Longest time from a request to its answer; answers that stream may then go on.
const ANSWER_MAX: Duration = Duration::from_secs(300);

/// The API's routes and the OpenAPI document that describes them.
fn described() -> (Router<ApiState>, OpenApi) {
    let routes = OpenApiRouter::with_openapi(document::base())
        .merge(health::routes())
        .merge(session::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(jobs::routes())
        .merge(catalogue::routes())
        .merge(pipelines::routes())
        .merge(datasets::routes())
        .merge(imports::routes())
        .merge(sent::routes())
        .merge(recordings::routes())
        .merge(sharing::routes())
        .merge(labels::routes())
        .merge(repairs::routes())
        .merge(recorders::routes())
        .merge(looking::routes())
        .merge(uploads::routes())
        .merge(estimators::routes())
        .merge(runs::routes())
        .merge(evaluations::routes())
        .merge(models::routes())
        .merge(tokens::routes())
        .merge(devices::routes())
        .merge(events::routes())
        .merge(deployments::routes())
        .merge(demo::routes());
    let (router, mut openapi) = routes.split_for_parts();
    document::complete(&mut openapi);
    (router, openapi)
}

/// The OpenAPI document, as it is served and committed.
///
/// # Errors
/// Where it has no JSON form.
pub fn openapi_json() -> serde_json::Result<String> {
    let (_, openapi) = described();
    openapi.to_pretty_json().map(|text| text + "\n")
}

/// Everything that the trainer serves.
pub fn router(state: ApiState) -> Router {
    let (router, openapi) = described();
    let document = serde_json::to_string(&openapi).expect("the document has a JSON form");
    let document = axum::body::Bytes::from(document);
    let console = Arc::new(Console::built_in());
    let json = [(header::CONTENT_TYPE, "application/json")];
    router
        .route("/api/openapi.json", get(move || async move { (json, document) }))
        .route("/metrics", get(metrics::metrics))
        .merge(document::pages())
        .merge(install::routes())
        .fallback(move |request: Request| async move { console.answer(&request) })
        .method_not_allowed_fallback(|| async {
            Problem::new(NO_METHOD, "this address does not take that method")
        })
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), metrics::count))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::new(INTERNAL, "the trainer's log has the reason").into_response()
        }))
        .layer(middleware::from_fn(around))
        .with_state(state)
}

/// Around every request: an id, a line in the log, a bound on its time, headers that keep browsers
/// from guessing.
async fn around(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!("request", request.id = %id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = async move {
        let began = std::time::Instant::now();
        let answered = tokio::time::timeout(ANSWER_MAX, next.run(request)).await;
        let response = answered.unwrap_or_else(|_| {
            Problem::new(SLOW, "the request took longer than five minutes").into_response()
        });
        let status = response.status();
        let ms = began.elapsed().as_millis() as u64;
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%method, path, status = status.as_u16(), duration_ms = ms, "answered");
        } else {
            tracing::info!(%method, path, status = status.as_u16(), duration_ms = ms, "answered");
        }
        response
    };
    let mut response = answered.instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let policy = "default-src 'none'; frame-ancestors 'none'";
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
