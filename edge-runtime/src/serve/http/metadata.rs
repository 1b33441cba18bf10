//! Open Inference Protocol v2: the server, its models, whether they are ready, and what they cost.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use model_format::manifest::Task;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Posted;
use super::infer_request::{INPUT, short};
use super::{App, Refusal, json_answer};
use crate::serve::state::ModelFacts;

/// Extensions of the protocol that are there as a whole, by their names.
const EXTENSIONS: [&str; 3] = ["binary_tensor_data", "model_configuration", "statistics"];

pub(super) async fn server() -> Response {
    let document = json!({
        "name": "cirame-edge",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": EXTENSIONS,
    });
    json_answer(document.to_string())
}

pub(super) async fn live() -> Response {
    json_answer(json!({ "live": true }).to_string())
}

pub(super) async fn ready(State(app): State<App>) -> Response {
    let is_ready = !app.snapshot().models.is_empty();
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

pub(super) async fn config(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    found(&app, &name, None).map(|model| configured(&model))
}

pub(super) async fn version_config(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    found(&app, &name, Some(&version)).map(|model| configured(&model))
}

pub(super) async fn stats(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    found(&app, &name, None).map(|model| counted(&app, &[model]))
}

pub(super) async fn version_stats(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    found(&app, &name, Some(&version)).map(|model| counted(&app, &[model]))
}

pub(super) async fn all_stats(State(app): State<App>) -> Response {
    counted(&app, &app.snapshot().models)
}

/// The models that can be asked: all are ready, so asking for the ready ones alone changes nothing.
pub(super) async fn index(State(app): State<App>, posted: Posted) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[serde(default, rename = "ready")]
        _ready: bool,
    }
    if !posted.bytes.trim_ascii().is_empty() {
        serde_json::from_slice::<Asked>(&posted.bytes)
            .map_err(|error| Refusal::bad(format!("the body asks for no index: {error}")))?;
    }
    let snapshot = app.snapshot();
    let models = snapshot.models.iter().map(|model| {
        json!({
            "name": model.name,
            "version": version_text(model),
            "state": "READY",
            "reason": "",
        })
    });
    Ok(json_answer(Value::from(models.collect::<Vec<_>>()).to_string()))
}

/// Loading and unloading.
pub(super) async fn repository() -> Refusal {
    let text = "models go in and out of service by deployments of the trainer, or by the file that \
        cirame-edge is started with; not by this protocol";
    Refusal::new(StatusCode::FORBIDDEN, text)
}

/// The model of that name, in that version, if it is in service.
pub(super) fn found(
    app: &App,
    name: &str,
    version: Option<&str>,
) -> Result<Arc<ModelFacts>, Refusal> {
    let snapshot = app.snapshot();
    let not_found = |text: String| Refusal::new(StatusCode::NOT_FOUND, text);
    let named = snapshot.models.iter().find(|model| model.name == name);
    let model = named.ok_or_else(|| match snapshot.models.len() {
        0 => not_found("no model is in service yet".to_owned()),
        _ => {
            let names = snapshot.models.iter().map(|model| format!("`{}`", model.name));
            let (name, names) = (short(name), names.collect::<Vec<_>>().join(", "));
            not_found(format!("there is no model {name:?}; in service: {names}"))
        }
    })?;
    let there = version_text(model);
    if let Some(version) = version.filter(|version| *version != there) {
        let version = short(version);
        let text = format!("version {version:?} of `{name}` is not in service; version {there} is");
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
    let outputs: Vec<Value> = model
        .output_names
        .iter()
        .map(|name| {
            let shape = output_shape(model, name, json!(-1));
            json!({ "name": name, "datatype": datatype(name), "shape": shape })
        })
        .collect();
    let document = json!({
        "name": model.name,
        "versions": [version_text(model)],
        "platform": platform(model),
        "inputs": [{ "name": INPUT, "datatype": "FP32", "shape": input_shape(model) }],
        "outputs": outputs,
    });
    json_answer(document.to_string())
}

/// The protocol's configuration of a model, as far as it has a meaning here. The number of windows
/// is a dimension as any other: requests are not put together.
fn configured(model: &ModelFacts) -> Response {
    let outputs = model.output_names.iter().map(|name| {
        json!({
            "name": name,
            "data_type": format!("TYPE_{}", datatype(name)),
            "dims": output_shape(model, name, json!(-1)),
        })
    });
    let document = json!({
        "name": model.name,
        "platform": platform(model),
        "backend": "cirame",
        "version_policy": { "specific": { "versions": [model.version.unwrap_or(1)] } },
        "max_batch_size": 0,
        "input": [{ "name": INPUT, "data_type": "TYPE_FP32", "dims": input_shape(model) }],
        "output": outputs.collect::<Vec<_>>(),
        "instance_group": [{ "name": model.name, "kind": "KIND_CPU", "count": 1 }],
        "parameters": {
            "artifact_sha256": { "string_value": model.artifact_sha256.to_string() },
        },
    });
    json_answer(document.to_string())
}

fn counted(app: &App, models: &[Arc<ModelFacts>]) -> Response {
    let stats: Vec<Value> = models.iter().map(|model| app.statistics.of(model)).collect();
    json_answer(json!({ "model_stats": stats }).to_string())
}

fn platform(model: &ModelFacts) -> String {
    format!("cirame_{}", model.engine.name())
}

/// Any number of windows: where a model takes one at a time, they are run one by one.
fn input_shape(model: &ModelFacts) -> Vec<Value> {
    let one = model.layout.window_shape.iter().map(|size| json!(size));
    std::iter::once(json!(-1)).chain(one).collect()
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
