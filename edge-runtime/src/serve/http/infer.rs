//! Open Inference Protocol v2: windows in JSON tensors in, the model's outputs back.

use std::fmt;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use engine::{EngineError, Outputs};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::metadata::{INPUT, datatype, found, output_shape, version_text};
use super::{App, Refusal, body, json_answer};
use crate::answer::json_number;
use crate::serve::inbox::{Infer, NotTaken, Work};
use crate::serve::state::{InferError, ModelFacts};

/// Most windows in one request: streams wait while they are answered.
const WINDOWS_MAX: usize = 1024;
/// Deepest nesting of a tensor's data.
const DEPTH_MAX: usize = 8;
/// The header that announces tensors in binary form behind the JSON.
const BINARY_HEADER: &str = "inference-header-content-length";

const NO_BINARY: &str = "binary tensor data is not supported: send the data as JSON (in \
    tritonclient: set_data_from_numpy(…, binary_data=False))";

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Option<Vec<Requested>>,
}

#[derive(Deserialize)]
struct Input {
    name: String,
    shape: Vec<u64>,
    datatype: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    data: Option<Flat>,
}

#[derive(Deserialize)]
struct Requested {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

pub(super) async fn post(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    payload: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    answer(app, &name, None, &headers, payload).await
}

pub(super) async fn post_version(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
    payload: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    answer(app, &name, Some(&version), &headers, payload).await
}

async fn answer(
    app: App,
    name: &str,
    version: Option<&str>,
    headers: &HeaderMap,
    payload: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let model = found(&app, name, version)?;
    if headers.contains_key(BINARY_HEADER) {
        return Err(Refusal::bad(NO_BINARY));
    }
    let payload = body(headers, payload)?;
    let facts = std::sync::Arc::clone(&model);
    let read = tokio::task::spawn_blocking(move || read(&payload, &facts)).await;
    let (request, windows, count) = read.map_err(|_| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the device's log has the reason")
    })??;
    let (answer, answered) = oneshot::channel();
    let infer = Infer { artifact: model.artifact_sha256, windows, count, answer };
    app.serving.inbox.try_push(Work::Infer(infer))?;
    let outputs = answered.await.map_err(|_| NotTaken::Ended)?;
    let outputs = outputs.map_err(|error| {
        let status = match &error {
            InferError::Exchanged => StatusCode::CONFLICT,
            InferError::Engine(EngineError::Failed { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
            InferError::Engine(_) => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, error.to_string())
    })?;
    Ok(json_answer(written(&request, &model, &outputs, count)))
}

/// The request and its windows.
fn read(payload: &[u8], model: &ModelFacts) -> Result<(Request, Vec<f32>, usize), Refusal> {
    let mut request: Request = serde_json::from_slice(payload)
        .map_err(|error| Refusal::bad(format!("the body is no inference request: {error}")))?;
    let [input] = &mut request.inputs[..] else {
        let text = format!("the model has one input, `{INPUT}`; {} came", request.inputs.len());
        return Err(Refusal::bad(text));
    };
    let (windows, count) = windows(input, model)?;
    for output in request.outputs.iter().flatten() {
        if !model.output_names.contains(&output.name.as_str()) {
            let (name, names) = (short(&output.name), model.output_names.join("`, `"));
            return Err(Refusal::bad(format!("there is no output {name:?}; there is `{names}`")));
        }
        // The answer is JSON, whatever form was preferred: clients take both.
        if let Some(other) = output.parameters.keys().find(|name| *name != "binary_data") {
            return Err(unknown_parameter(&output.name, other));
        }
    }
    Ok((request, windows, count))
}

fn windows(input: &mut Input, model: &ModelFacts) -> Result<(Vec<f32>, usize), Refusal> {
    let one = &model.layout.window_shape;
    let wanted: Vec<String> = one.iter().map(usize::to_string).collect();
    let wanted = format!("[N, {}]", wanted.join(", "));
    if input.name != INPUT {
        let name = short(&input.name);
        return Err(Refusal::bad(format!("there is no input {name:?}; there is `{INPUT}`")));
    }
    if input.datatype != "FP32" {
        let found = short(&input.datatype);
        return Err(Refusal::bad(format!("`{INPUT}` has the datatype FP32, not {found:?}")));
    }
    if input.parameters.contains_key("binary_data_size") {
        return Err(Refusal::bad(NO_BINARY));
    }
    if let Some(other) = input.parameters.keys().next() {
        return Err(unknown_parameter(INPUT, other));
    }
    let fits = input.shape.len() == one.len() + 1
        && input.shape[1..].iter().zip(one).all(|(found, wanted)| *found == *wanted as u64);
    if !fits {
        let found: Vec<u64> = input.shape.iter().copied().take(8).collect();
        return Err(Refusal::bad(format!("`{INPUT}` has the shape {wanted}, not {found:?}")));
    }
    let count = input.shape[0];
    let Some(count) = usize::try_from(count).ok().filter(|count| *count <= WINDOWS_MAX) else {
        let text = format!("{count} windows came at once; send at most {WINDOWS_MAX}");
        return Err(Refusal::bad(text));
    };
    let Some(Flat(data)) = input.data.take() else {
        return Err(Refusal::bad(format!("`{INPUT}` has no `data`: {NO_BINARY}")));
    };
    let expected = count * model.layout.window_values();
    if data.len() != expected {
        let text = format!("`{INPUT}` says {expected} values, its data has {}", data.len());
        return Err(Refusal::bad(text));
    }
    Ok((data, count))
}

fn unknown_parameter(tensor: &str, name: &str) -> Refusal {
    let text = format!("the parameter {:?} of `{tensor}` is not supported", short(name));
    Refusal::bad(text)
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

fn written(request: &Request, model: &ModelFacts, outputs: &Outputs, count: usize) -> String {
    let all: Vec<&str> = model.output_names.to_vec();
    let wanted = match &request.outputs {
        Some(some) if !some.is_empty() => some.iter().map(|output| &output.name[..]).collect(),
        _ => all,
    };
    let tensors: Vec<String> = wanted
        .iter()
        .map(|name| {
            let head = json!({
                "name": name,
                "datatype": datatype(name),
                "shape": output_shape(model, name, json!(count)),
            });
            let data: Vec<String> = match (*name, &outputs.labels) {
                ("label", Some(labels)) => labels.iter().map(i64::to_string).collect(),
                _ => outputs.floats.iter().map(|value| json_number(*value)).collect(),
            };
            let mut text = head.to_string();
            text.pop();
            text + ",\"data\":[" + &data.join(",") + "]}"
        })
        .collect();
    let mut head = json!({ "model_name": model.name, "model_version": version_text(model) });
    if let Some(id) = &request.id {
        head["id"] = json!(id);
    }
    if let Some(parameters) = &request.parameters {
        head["parameters"] = json!(parameters);
    }
    let mut text = head.to_string();
    text.pop();
    text + ",\"outputs\":[" + &tensors.join(",") + "]}"
}

/// The numbers of a tensor, nested or flat, in their order.
struct Flat(Vec<f32>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flat, D::Error> {
        let mut numbers = Vec::new();
        deserializer.deserialize_seq(Level { numbers: &mut numbers, depth: 1 })?;
        Ok(Flat(numbers))
    }
}

struct Level<'a> {
    numbers: &'a mut Vec<f32>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or an array of numbers")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.numbers.push(value as f32);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        if self.depth > DEPTH_MAX {
            return Err(de::Error::custom("the data is nested too deep"));
        }
        let depth = self.depth + 1;
        while parts.next_element_seed(Level { numbers: self.numbers, depth })?.is_some() {}
        Ok(())
    }
}
