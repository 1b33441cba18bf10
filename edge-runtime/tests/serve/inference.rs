//! Open Inference Protocol v2 over plain HTTP.

use model_format::artifact::Artifact;
use serde_json::{Value, json};

use super::model;
use super::program::Edge;

fn golden(name: &str) -> (Vec<f32>, Vec<f32>, usize) {
    let artifact = Artifact::read(&std::fs::read(model(name)).unwrap()).unwrap();
    let golden = artifact.golden();
    let windows = golden.iter().flat_map(|golden| golden.window.clone()).collect();
    let floats = golden.iter().flat_map(|golden| golden.floats.clone()).collect();
    (windows, floats, golden.len())
}

fn request(windows: &[f32], count: usize) -> Value {
    json!({ "inputs": [{
        "name": "windows", "datatype": "FP32", "shape": [count, 32, 2], "data": windows,
    }] })
}

fn numbers(output: &Value) -> Vec<f32> {
    let data = output["data"].as_array().expect("an output has data");
    data.iter().map(|value| value.as_f64().expect("numbers") as f32).collect()
}

#[test]
fn server_and_model_describe_themselves() {
    let edge = Edge::start("classification", &[]);
    assert_eq!(edge.get("/v2").json()["name"], "cirame-edge");
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/classification/ready",
        "/v2/models/classification/versions/1/ready",
    ] {
        assert_eq!(edge.get(path).status, 200, "{path}");
    }
    let described = edge.get("/v2/models/classification").json();
    assert_eq!(described, edge.get("/v2/models/classification/versions/1").json());
    assert_eq!(described["inputs"][0]["shape"], json!([-1, 32, 2]));
    assert_eq!(described["outputs"][0]["name"], "probabilities");
    assert_eq!(described["outputs"][1], json!({"name":"label","datatype":"INT64","shape":[-1]}));
    let refusal = edge.get("/v2/models/other").refusal(404);
    assert!(refusal.contains("`classification`, version 1"), "{refusal}");
    edge.get("/v2/models/classification/versions/2").refusal(404);
}

#[test]
fn windows_are_answered_as_the_artifact_says() {
    for name in ["classification", "regression", "anomaly"] {
        let edge = Edge::start(name, &[]);
        let path = format!("/v2/models/{name}/infer");
        let (windows, floats, count) = golden(name);
        let flat = request(&windows, count);
        let answer = edge.post(&path, flat.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert_eq!((&answer["model_name"], &answer["model_version"]), (&json!(name), &json!("1")));
        assert_eq!(numbers(&answer["outputs"][0]), floats);
        assert_eq!(answer["outputs"][0]["shape"][0], count);
        let mut nested = flat;
        let rows: Vec<&[f32]> = windows.chunks(2).collect();
        nested["inputs"][0]["data"] = json!(rows.chunks(32).collect::<Vec<_>>());
        nested["id"] = json!("17");
        nested["parameters"] = json!({ "binary_data_output": true });
        let output = answer["outputs"].as_array().unwrap().last().unwrap()["name"].clone();
        nested["outputs"] = json!([{ "name": output, "parameters": { "binary_data": false } }]);
        let path = format!("/v2/models/{name}/versions/1/infer");
        let again = edge.post(&path, nested.to_string().as_bytes()).json();
        assert_eq!(again["id"], "17");
        assert_eq!(again["parameters"]["binary_data_output"], true);
        assert_eq!(again["outputs"].as_array().unwrap().len(), 1);
        assert_eq!(again["outputs"][0], *answer["outputs"].as_array().unwrap().last().unwrap());
    }
}

#[test]
fn requests_that_cannot_be_answered_are_refused_with_the_reason() {
    let edge = Edge::start("anomaly", &[]);
    let refused = |text: &str, change: &dyn Fn(&mut Value)| {
        let mut body = request(&[0.5; 64], 1);
        change(&mut body);
        let answer = edge.post("/v2/models/anomaly/infer", body.to_string().as_bytes());
        let refusal = answer.refusal(400);
        assert!(refusal.contains(text), "{refusal}");
    };
    refused("`windows`", &|body| body["inputs"][0]["name"] = json!("x"));
    refused("FP32, not \"FP64\"", &|body| body["inputs"][0]["datatype"] = json!("FP64"));
    refused("[N, 32, 2], not [1, 2, 32]", &|body| {
        body["inputs"][0]["shape"] = json!([1, 2, 32]);
    });
    refused("says 128 values, its data has 64", &|body| {
        body["inputs"][0]["shape"] = json!([2, 32, 2]);
    });
    refused("at most 1024", &|body| body["inputs"][0]["shape"] = json!([5000, 32, 2]));
    refused("is no inference request", &|body| body["inputs"][0]["data"] = json!([[null]]));
    refused("only finite values", &|body| body["inputs"][0]["data"][3] = json!(1e300));
    refused("has one input", &|body| body["inputs"] = json!([]));
    refused("there is `score`, `label`", &|body| body["outputs"] = json!([{"name": "value"}]));
    refused("\"classification\" of `label` is not supported", &|body| {
        body["outputs"] = json!([{"name": "label", "parameters": {"classification": 3}}]);
    });
    refused("binary tensor data is not supported", &|body| {
        body["inputs"][0]["parameters"] = json!({"binary_data_size": 256});
    });
}
