//! `/v1`: samples in, results out, for programs that speak no MQTT; and how the streams are.

use std::time::Instant;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::body::Posted;
use super::{App, Refusal, blocking, json_answer};
use crate::serve::inbox::{NotTaken, Origin, Samples, Work};
use crate::serve::mqtt::now_ns;
use crate::serve::state::Refused;
use crate::service::Service as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    stream: String,
}

/// Takes one message and answers with the results of the windows that it completes.
pub(super) async fn post(
    State(app): State<App>,
    options: Result<Query<Options>, QueryRejection>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (received, arrival_ns) = (Instant::now(), now_ns());
    let Query(Options { stream }) = options.map_err(|_| {
        Refusal::bad("the address must name the stream, as in /v1/samples?stream=pump-7")
    })?;
    if app.snapshot().models.is_empty() {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no model is in service yet"));
    }
    blocking(move || {
        let payload = posted.bytes.clone();
        let (answer, answered) = oneshot::channel();
        let origin = Origin::Stream(stream);
        let samples = Samples { origin, payload, arrival_ns, received, answer: Some(answer) };
        app.serving.inbox.try_push(Work::Samples(samples))?;
        let taken = answered.blocking_recv().map_err(|_| NotTaken::Ended)?;
        let results = taken.map_err(|refused| {
            let status = match refused {
                Refused::TooManyStreams(_) => StatusCode::TOO_MANY_REQUESTS,
                Refused::OtherShard(_) => StatusCode::MISDIRECTED_REQUEST,
                _ => StatusCode::BAD_REQUEST,
            };
            Refusal::new(status, refused.to_string())
        })?;
        app.bodies.answer("application/json", format!("[{}]", results.join(",")).into_bytes())
    })
    .await
}

/// The streams, the busiest first, with what does not fit.
pub(super) async fn streams(State(app): State<App>) -> Response {
    let streams = app.serving.status().streams;
    let document = json!({ "streams": streams, "total": app.snapshot().stream_count });
    json_answer(document.to_string())
}
