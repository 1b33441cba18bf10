//! What HTTP counts: answers by their status, connections that are open and that were cut.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::App;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// Clones count together.
#[derive(Clone, Default)]
pub(in crate::serve) struct Counts {
    answers: Family<Status, Counter>,
    /// Connections that are open.
    pub(super) open: Gauge,
    /// Connections that ended because another wanted their place.
    pub(super) cut: Counter,
}

impl Counts {
    pub(super) fn register(&self, registry: &mut Registry) {
        let text = "Answers to HTTP requests, by status";
        registry.register("http_answers", text, self.answers.clone());
        registry.register("http_connections", "Connections that are open", self.open.clone());
        let text = "Connections that ended because another wanted their place";
        registry.register("http_connections_cut", text, self.cut.clone());
    }
}

/// Counts every answer.
pub(super) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status().as_u16();
    app.counts.answers.get_or_create(&Status { status }).inc();
    response
}
