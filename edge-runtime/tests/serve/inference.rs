//! Open Inference Protocol v2 over plain HTTP: JSON and binary tensors, descriptions, statistics.

use model_format::artifact::Artifact;
use serde_json::{Value, json};

use super::model;
use super::program::Edge;
use super::socket::{Reply, ask};

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
    assert!(refusal.contains("no model \"other\"; in service: `classification`"), "{refusal}");
    for end in ["", "/ready", "/config", "/stats"] {
        let path = format!("/v2/models/classification/versions/2{end}");
        let refusal = edge.get(&path).refusal(404);
        assert!(refusal.contains("version \"2\"") && refusal.contains("version 1 is"), "{refusal}");
    }
    let body = request(&[0.5; 64], 1).to_string();
    edge.post("/v2/models/classification/versions/2/infer", body.as_bytes()).refusal(404);
}

#[test]
fn the_configuration_and_the_index_tell_what_is_in_service() {
    let edge = Edge::start("classification_one_window", &[]);
    let path = "/v2/models/classification_one_window";
    let config = edge.get(&format!("{path}/config")).json();
    assert_eq!(config, edge.get(&format!("{path}/versions/1/config")).json());
    assert_eq!(config["max_batch_size"], 0);
    let input = json!([{ "name": "windows", "data_type": "TYPE_FP32", "dims": [-1, 32, 2] }]);
    assert_eq!(config["input"], input);
    let label = json!({ "name": "label", "data_type": "TYPE_INT64", "dims": [-1] });
    assert_eq!(config["output"][1], label);
    let model = json!({ "name": "classification_one_window", "version": "1", "state": "READY", "reason": "" });
    for body in ["", "{}", r#"{"ready":true}"#] {
        assert_eq!(edge.post("/v2/repository/index", body.as_bytes()).json(), json!([model]));
    }
    edge.post("/v2/repository/index", br#"{"name":"x"}"#).refusal(400);
    let refusal = edge.post("/v2/repository/models/x/load", b"").refusal(403);
    assert!(refusal.contains("deployments"), "{refusal}");
    // A model that takes one window at a time takes more of them one by one.
    let (windows, floats, count) = golden("classification_one_window");
    let body = request(&windows, count).to_string();
    let answer = edge.post(&format!("{path}/infer"), body.as_bytes()).json();
    assert_eq!(numbers(&answer["outputs"][0]), floats);
}

/// The head of a request with one binary tensor, and the body.
fn in_binary(windows: &[f32], count: usize, more: &Value) -> (String, Vec<u8>) {
    let mut head = json!({ "inputs": [{
        "name": "windows", "datatype": "FP32", "shape": [count, 32, 2],
        "parameters": { "binary_data_size": 4 * windows.len() },
    }] });
    for (name, value) in more.as_object().unwrap() {
        head[name] = value.clone();
    }
    let mut body = head.to_string().into_bytes();
    let line = format!("Inference-Header-Content-Length: {}\r\n", body.len());
    body.extend(windows.iter().flat_map(|value| value.to_le_bytes()));
    (line, body)
}

/// The JSON of an answer and what follows it.
fn parts(reply: &Reply) -> (Value, &[u8]) {
    let length = reply.header("inference-header-content-length").expect("a binary answer");
    let (head, tail) = reply.body.split_at(length.parse().unwrap());
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    (serde_json::from_slice(head).unwrap(), tail)
}

#[test]
fn binary_tensors_hold_what_json_tensors_hold() {
    let edge = Edge::start("classification", &[]);
    let path = "/v2/models/classification/infer";
    let (windows, floats, count) = golden("classification");
    let floats: Vec<u8> = floats.iter().flat_map(|value| value.to_le_bytes()).collect();
    let answer = edge.post(path, request(&windows, count).to_string().as_bytes()).json();
    let labels = answer["outputs"][1]["data"].as_array().unwrap().iter();
    let labels: Vec<u8> = labels.flat_map(|label| label.as_i64().unwrap().to_le_bytes()).collect();
    let (line, body) =
        in_binary(&windows, count, &json!({"parameters":{"binary_data_output":true}}));
    let reply = ask(&edge, "POST", path, &line, &body);
    assert_eq!(reply.status, 200);
    let (head, tail) = parts(&reply);
    assert_eq!(tail, [&floats[..], &labels].concat());
    for (output, size) in [(0, floats.len()), (1, labels.len())] {
        assert_eq!(head["outputs"][output]["parameters"]["binary_data_size"], size);
        assert_eq!(head["outputs"][output]["shape"], answer["outputs"][output]["shape"]);
    }
    // An output's own wish counts more than that for all, and the order is the one asked for.
    let mixed = json!({
        "id": "mixed",
        "parameters": { "binary_data_output": true },
        "outputs": [
            { "name": "label" },
            { "name": "probabilities", "parameters": { "binary_data": false } },
        ],
    });
    let (line, body) = in_binary(&windows, count, &mixed);
    let reply = ask(&edge, "POST", path, &line, &body);
    let (head, tail) = parts(&reply);
    assert_eq!((tail, &head["id"]), (&labels[..], &json!("mixed")));
    assert_eq!(head["outputs"][1], answer["outputs"][0]);
    let (line, body) = in_binary(&windows, count, &json!({}));
    let reply = ask(&edge, "POST", path, &line, &body);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), answer);
}

#[test]
fn values_that_are_not_finite_are_refused_with_their_place() {
    let edge = Edge::start("anomaly", &[]);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut windows = [0.5; 128];
        windows[64 + 2 * 3 + 1] = value;
        let (line, body) = in_binary(&windows, 2, &json!({}));
        let reply = ask(&edge, "POST", "/v2/models/anomaly/infer", &line, &body);
        assert_eq!(reply.status, 400);
        let error = reply.error();
        assert!(error.contains("window 1, sample 3, channel accY"), "{error}");
    }
}

#[test]
fn lengths_of_binary_bodies_that_are_wrong_are_refused() {
    let edge = Edge::start("anomaly", &[]);
    let (line, body) = in_binary(&[0.5; 64], 1, &json!({}));
    let head_length = body.len() - 256;
    let sent = |line: &str, body: &[u8]| {
        let reply = ask(&edge, "POST", "/v2/models/anomaly/infer", line, body);
        assert_eq!(reply.status, 400, "{line}");
        reply.error()
    };
    assert!(sent(&line, &body[..body.len() - 4]).contains("252 bytes follow"));
    assert!(sent(&line, &[&body[..], b"0000"].concat()).contains("260 bytes follow"));
    for length in ["-1", "", "x", "\u{e9}", "18446744073709551616", "100000"] {
        let line = format!("Inference-Header-Content-Length: {length}\r\n");
        let error = sent(&line, &body);
        assert!(error.contains("the size of the JSON is expected"), "{length}: {error}");
    }
    let line = format!("Inference-Header-Content-Length: {}\r\n", head_length - 1);
    assert!(sent(&line, &body).contains("no inference request"));
    assert!(sent("", &body).contains("no inference request"));
}

#[test]
fn statistics_tell_what_was_asked_and_how_long_it_took() {
    let edge = Edge::start("anomaly", &[]);
    let path = "/v2/models/anomaly/stats";
    let stats = edge.get(path).json()["model_stats"][0].clone();
    assert_eq!((&stats["inference_count"], &stats["last_inference"]), (&json!(0), &json!(0)));
    for count in [1, 3, 3] {
        let body = request(&vec![0.5; 64 * count], count).to_string();
        assert_eq!(edge.post("/v2/models/anomaly/infer", body.as_bytes()).status, 200);
    }
    edge.post("/v2/models/anomaly/infer", b"{}").refusal(400);
    let document = edge.get(path).json();
    for other in ["/v2/models/stats", "/v2/models/anomaly/versions/1/stats"] {
        assert_eq!(edge.get(other).json(), document);
    }
    let stats = &document["model_stats"][0];
    assert_eq!((&stats["name"], &stats["version"]), (&json!("anomaly"), &json!("1")));
    assert_eq!((&stats["inference_count"], &stats["execution_count"]), (&json!(7), &json!(3)));
    let of = |name: &str, what: &str| stats["inference_stats"][name][what].as_u64().unwrap();
    for (name, count) in [("success", 3), ("fail", 1), ("queue", 3), ("compute_infer", 3)] {
        assert_eq!(of(name, "count"), count, "{name}");
        assert!(of(name, "ns") > 0, "{name}");
    }
    let parts = ["queue", "compute_input", "compute_infer", "compute_output"];
    let sum: u64 = parts.iter().map(|name| of(name, "ns")).sum();
    assert!(sum <= of("success", "ns"), "parts are not longer than the whole");
    let batches = stats["batch_stats"].as_array().unwrap();
    let batches: Vec<_> = batches
        .iter()
        .map(|batch| (batch["batch_size"].as_u64(), batch["compute_infer"]["count"].as_u64()))
        .collect();
    assert_eq!(batches, [(Some(1), Some(1)), (Some(3), Some(2))]);
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
        nested["parameters"] = json!({ "binary_data_output": false });
        let output = answer["outputs"].as_array().unwrap().last().unwrap()["name"].clone();
        nested["outputs"] = json!([{ "name": output, "parameters": { "binary_data": false } }]);
        let path = format!("/v2/models/{name}/versions/1/infer");
        let again = edge.post(&path, nested.to_string().as_bytes()).json();
        assert_eq!(again["id"], "17");
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
    refused("\"sequence_id\" of the request is not supported", &|body| {
        body["parameters"] = json!({"sequence_id": 7});
    });
    refused("send one", &|body| {
        body["inputs"][0]["parameters"] = json!({"binary_data_size": 256});
    });
    refused("expected u64", &|body| body["inputs"][0]["shape"] = json!([-1, 32, 2]));
}
