//! Files that uploaders made for Edge Impulse send.

use serde_json::json;

use crate::client::{Answer, Client};
use crate::service::Place;

const ACQUISITION: &str = r#"{"protected":{"ver":"v1","alg":"none"},"signature":"","payload":{
    "device_name":"d1","device_type":"PHONE","interval_ms":16,
    "sensors":[{"name":"accX","units":"m/s2"}],"values":[1,2,3]}}"#;

/// Sends a file as such a program does: with a key, and no session.
fn send(client: &Client, part: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let path = format!("/api/{part}/data");
    client.send("POST", &path, headers, Some(body.to_vec()))
}

#[test]
fn an_uploader_fills_the_dataset_that_is_called_like_its_key() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let asked = json!({ "name": "motion", "scopes": ["data"] });
    let key = admin.post("/api/keys", &asked).expect(201).json();
    let key = key["secret"].as_str().unwrap();
    let anybody = service.anybody();
    let json_type = ("content-type", "application/json");
    let headers = |name: &'static str| vec![json_type, ("x-api-key", key), ("x-file-name", name)];

    let answer = send(&anybody, "training", &headers("idle.01.json"), ACQUISITION.as_bytes());
    assert_eq!(answer.expect(200).body, b"training/idle.01.json");
    let mut labelled = headers("x.json");
    labelled.push(("x-label", "up down"));
    let other = ACQUISITION.replace("[1,2,3]", "[4,5,6]");
    send(&anybody, "testing", &labelled, other.as_bytes()).expect(200);
    // The same content comes in once; who refuses duplicates is told.
    let again = send(&anybody, "training", &headers("idle.02.json"), ACQUISITION.as_bytes());
    assert_eq!(again.expect(200).body, b"training/idle.01.json");
    let mut once = headers("idle.03.json");
    once.push(("x-disallow-duplicates", "1"));
    let refused = send(&anybody, "training", &once, ACQUISITION.as_bytes()).problem(409, "taken");
    assert!(refused["detail"].as_str().unwrap().contains("training/idle.01.json"), "{refused}");
    // Another content of the same name has a name of its own.
    let changed = ACQUISITION.replace("[1,2,3]", "[7,8,9]");
    let answer =
        send(&anybody, "training", &headers("idle.01.json"), changed.as_bytes()).expect(200);
    let name = String::from_utf8(answer.body.clone()).unwrap();
    assert!(name.starts_with("training/idle.01.") && name.len() == 30, "{name}");

    let dataset = admin.get("/api/data/datasets/motion").expect(200).json();
    let found: Vec<_> = dataset["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["labels"][0]["class"].as_str().unwrap(), one["partition"].as_str().unwrap())
        })
        .collect();
    assert_eq!(found, [("up down", "testing"), ("idle", "training"), ("idle", "training")]);
}

#[test]
fn what_such_a_program_sends_wrongly_is_refused_with_the_reason() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let key = |name: &str, scope: &str| {
        let asked = json!({ "name": name, "scopes": [scope] });
        let made = admin.post("/api/keys", &asked).expect(201).json();
        made["secret"].as_str().unwrap().to_owned()
    };
    let (data, read) = (key("motion", "data"), key("reader", "read"));
    let anybody = service.anybody();
    let body = ACQUISITION.as_bytes();
    let with = |key: &str, name: &str, body: &[u8]| {
        send(&anybody, "training", &[("x-api-key", key), ("x-file-name", name)], body)
    };
    with("cme_wrong", "a.json", body).problem(401, "not_signed_in");
    with(&read, "a.json", body).problem(403, "forbidden");
    with(&data, "../a.json", body).problem(422, "invalid");
    with(&data, "a.json", b"").problem(422, "invalid");
    let refused = with(&data, "a.json", b"{\"values\":[]}").problem(422, "import");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("training/a.json") && !detail.contains("uploads"), "{detail}");
    send(&admin, "training", &[("x-file-name", "a.json")], body).problem(401, "not_signed_in");
    admin.get("/api/data/datasets/motion").problem(404, "not_found");
}
