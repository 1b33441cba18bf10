//! Open Inference Protocol v2: the server, the model, and whether they are ready.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use model_format::manifest::Task;
use serde_json::{Value, json};

use super::{App, Refusal, json_answer};
use crate::serve::state::ModelFacts;

/// Name of the one input.
pub(super) const INPUT: &str = "windows";

pub(super) async fn server() -> Response {
    let document =
        json!({ "name": "cirame-edge", "version": env!("CARGO_PKG_VERSION"), "extensions": [] });
    json_answer(document.to_string())
}

pub(super) async fn live() -> Response {
    json_answer(json!({ "live": true }).to_string())
}

pub(super) async fn ready(State(app): State<App>) -> Response {
    let is_ready = app.snapshot().model.is_some();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, json_answer(json!({ "ready": is_ready }).to_string())).into_response()
}

pub(super) async fn model(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    found(&app, &name, None).map(|model| described(&model))
}

pub(super) async fn version(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    found(&app, &name, Some(&version)).map(|model| described(&model))
}

pub(super) async fn model_ready(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    found(&app, &name, None).map(|model| is_ready(&model))
}

pub(super) async fn version_ready(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    found(&app, &name, Some(&version)).map(|model| is_ready(&model))
}

/// The model of that name, in that version, if it is in service.
pub(super) fn found(
    app: &App,
    name: &str,
    version: Option<&str>,
) -> Result<Arc<ModelFacts>, Refusal> {
    let snapshot = app.snapshot();
    let not_found = |text: String| Refusal::new(StatusCode::NOT_FOUND, text);
    let Some(model) = &snapshot.model else {
        return Err(not_found("no model is in service yet".to_owned()));
    };
    let (there, there_version) = (&model.name, version_text(model));
    if there != name || version.is_some_and(|version| version != there_version) {
        let text = format!("the model in service is `{there}`, version {there_version}");
        return Err(not_found(text));
    }
    Ok(Arc::clone(model))
}

/// A model that was given on the command line has no version with a trainer: it is the first.
pub(super) fn version_text(model: &ModelFacts) -> String {
    model.version.unwrap_or(1).to_string()
}

fn is_ready(model: &ModelFacts) -> Response {
    json_answer(json!({ "name": model.name, "ready": true }).to_string())
}

fn described(model: &ModelFacts) -> Response {
    let batch: i64 = if model.layout.one_at_a_time { 1 } else { -1 };
    let mut shape = vec![json!(batch)];
    shape.extend(model.layout.window_shape.iter().map(|size| json!(size)));
    let outputs: Vec<Value> = model
        .output_names
        .iter()
        .map(|name| {
            let shape = output_shape(model, name, json!(batch));
            json!({ "name": name, "datatype": datatype(name), "shape": shape })
        })
        .collect();
    let document = json!({
        "name": model.name,
        "versions": [version_text(model)],
        "platform": format!("cirame_{}", model.engine.name()),
        "inputs": [{ "name": INPUT, "datatype": "FP32", "shape": shape }],
        "outputs": outputs,
    });
    json_answer(document.to_string())
}

pub(super) fn datatype(output: &str) -> &'static str {
    if output == "label" { "INT64" } else { "FP32" }
}

/// Probabilities have one number for each class, all other outputs one in all.
pub(super) fn output_shape(model: &ModelFacts, output: &str, batch: Value) -> Vec<Value> {
    match (model.manifest.task, output) {
        (Task::Classification, "probabilities") => {
            vec![batch, json!(model.manifest.classes.len())]
        }
        _ => vec![batch],
    }
}
