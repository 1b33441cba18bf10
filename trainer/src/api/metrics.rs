//! `/metrics`: figures for Prometheus.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::problem::Problem;
use super::state::ApiState;
use crate::live::LiveCounts;
use crate::memory::resident_bytes;

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    duration: Family<RouteLabels, Histogram>,
    waiting: Gauge<u64, AtomicU64>,
    running: Gauge<u64, AtomicU64>,
    memory: Gauge<u64, AtomicU64>,
    live: LiveCounts,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("cirame_trainer");
        let requests = Family::<RequestLabels, Counter>::default();
        let duration = Family::<RouteLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.0005, 2.0, 16))
        });
        let (waiting, running, memory) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register("jobs_waiting", "Jobs in the queue", waiting.clone());
        registry.register("jobs_running", "Jobs in work", running.clone());
        registry.register_with_unit(
            "resident_memory",
            "Memory of the process",
            Unit::Bytes,
            memory.clone(),
        );
        let live = LiveCounts::default();
        registry.register("device_results", "Results that came from devices", live.results.clone());
        registry.register(
            "device_results_dropped",
            "Results that were not shown, or not to everybody who follows",
            live.dropped.clone(),
        );
        let registry = Mutex::new(registry);
        Metrics { registry, requests, duration, waiting, running, memory, live }
    }
}

impl Metrics {
    /// What is counted of results.
    pub(super) fn live(&self) -> LiveCounts {
        self.live.clone()
    }
}

/// All figures, in the OpenMetrics text format.
pub(super) async fn metrics(State(state): State<ApiState>) -> Result<Response, Problem> {
    let (waiting, running) = state.store(|store| store.job_counts()).await?;
    let metrics = &state.metrics;
    metrics.waiting.set(waiting.into());
    metrics.running.set(running.into());
    metrics.memory.set(resident_bytes().unwrap_or(0));
    let mut text = String::new();
    let registry = metrics.registry.lock().map_err(|error| Problem::internal(&error))?;
    encode(&mut text, &registry).map_err(|error| Problem::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Counts and times every request by its route, never by its address.
pub(super) async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str();
    // Methods are the client's to choose: unknown ones count as one.
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = if known.contains(&method) { method } else { "other" }.to_owned();
    let began = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let metrics = &state.metrics;
    metrics
        .duration
        .get_or_create(&RouteLabels { route: route.clone() })
        .observe(began.elapsed().as_secs_f64());
    metrics.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    response
}
