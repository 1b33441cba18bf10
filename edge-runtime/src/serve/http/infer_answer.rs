//! The body of an answer to an inference request: JSON, and tensors in binary form behind it.

use engine::Outputs;
use serde_json::json;

use super::infer_request::InferRequest;
use super::metadata::{datatype, output_shape, version_text};
use crate::answer::json_float;
use crate::serve::state::ModelFacts;

/// An answer.
#[derive(Debug, PartialEq)]
pub(super) struct InferAnswer {
    pub(super) body: Vec<u8>,
    /// Size of the JSON where tensors in binary form follow it.
    pub(super) head_length: Option<usize>,
}

/// Writes the outputs that are wanted, each as it is wanted.
pub(super) fn write(request: &InferRequest, model: &ModelFacts, outputs: &Outputs) -> InferAnswer {
    let (mut tensors, mut tail) = (Vec::new(), Vec::new());
    for wanted in &request.outputs {
        let labels = outputs.labels.as_deref().filter(|_| wanted.name == "label");
        let mut head = json!({
            "name": wanted.name,
            "datatype": datatype(wanted.name),
            "shape": output_shape(model, wanted.name, json!(request.count)),
        });
        if wanted.is_binary {
            let before = tail.len();
            match labels {
                Some(labels) => tail.extend(labels.iter().flat_map(|label| label.to_le_bytes())),
                None => tail.extend(outputs.floats.iter().flat_map(|value| value.to_le_bytes())),
            }
            head["parameters"] = json!({ "binary_data_size": tail.len() - before });
            tensors.push(head.to_string());
            continue;
        }
        let data: Vec<String> = match labels {
            Some(labels) => labels.iter().map(i64::to_string).collect(),
            None => outputs.floats.iter().map(|value| number(*value)).collect(),
        };
        tensors.push(with(head.to_string(), "data", &data));
    }
    let mut head = json!({ "model_name": model.name, "model_version": version_text(model) });
    if let Some(id) = &request.id {
        head["id"] = json!(id);
    }
    let mut body = with(head.to_string(), "outputs", &tensors).into_bytes();
    let is_binary = request.outputs.iter().any(|output| output.is_binary);
    let head_length = is_binary.then_some(body.len());
    body.append(&mut tail);
    InferAnswer { body, head_length }
}

fn number(value: f32) -> String {
    let mut text = String::new();
    json_float(value, &mut text);
    text
}

/// The object with one more member, an array of what is JSON already.
fn with(mut object: String, name: &str, items: &[String]) -> String {
    object.pop();
    format!("{object},\"{name}\":[{}]}}", items.join(","))
}
