//! Requests that are too large, too slow, cut off, or of the wrong type.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::service::{PATIENCE, Place, Service};

/// A connection on which a test writes what no client would.
struct Raw {
    stream: TcpStream,
}

impl Raw {
    fn new(service: &Service) -> Self {
        let address = service.base.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw { stream }
    }

    fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Head of a request with a body of so many bytes.
    fn head(&mut self, client: &Client, method: &str, path: &str, kind: &str, bytes: usize) {
        let (name, value) = client.login();
        self.write(&format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\n{name}: {value}\r\ncontent-type: {kind}\r\n\
             content-length: {bytes}\r\nupload-offset: 0\r\n\r\n"
        ));
    }

    /// Everything that is answered until the service closes the connection.
    fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        // A connection that is reset has been closed all the same.
        let _ = self.stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The problem that is answered.
    fn problem(self, status: u16, code: &str) {
        let text = self.rest();
        let code = format!("\"code\":\"{code}\"");
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && text.contains(&code), "{text}");
    }
}

const PART: &str = "application/octet-stream";

fn upload(client: &Client, size_bytes: usize) -> String {
    let asked = json!({ "name": "a.bin", "size_bytes": size_bytes });
    let upload = client.post("/api/data/uploads", &asked).expect(201).json();
    format!("/api/data/uploads/{}", upload["id"].as_str().unwrap())
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let path = upload(&admin, 100 << 20);
    let mut raw = Raw::new(&service);
    raw.head(&admin, "PATCH", &path, PART, (32 << 20) + 1);
    raw.stream.shutdown(Shutdown::Write).unwrap();
    raw.problem(413, "too_large");
    let mut raw = Raw::new(&service);
    raw.head(&admin, "POST", "/api/keys", "application/json", 1 << 30);
    raw.write(&"x".repeat(1000));
    raw.stream.shutdown(Shutdown::Write).unwrap();
    assert!(!raw.rest().starts_with("HTTP/1.1 2"));
    let large = json!({ "name": "x".repeat(1 << 20), "scopes": ["read"] });
    admin.post("/api/keys", &large).problem(413, "too_large");
    admin.post_once("/api/data/datasets/d/imports", "k", &large).problem(413, "too_large");

    // Without a length it is counted while it comes.
    let (name, value) = admin.login();
    let mut raw = Raw::new(&service);
    raw.write(&format!(
        "PATCH {path} HTTP/1.1\r\nhost: x\r\n{name}: {value}\r\ncontent-type: {PART}\r\n\
         transfer-encoding: chunked\r\nupload-offset: 0\r\n\r\n"
    ));
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let sent = (0..200).take_while(|_| raw.stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < 200, "all of it was taken");
    assert_eq!(admin.get(&path).json()["received_bytes"], 0);

    for head in ["GET /api/jobs?cursor=", "GET /api/jobs HTTP/1.1\r\nhost: x\r\nx-many: "] {
        let mut raw = Raw::new(&service);
        // The service may close the connection before it has read all of it.
        let _ = raw.stream.write_all(format!("{head}{}", "x".repeat(200_000)).as_bytes());
        let answer = raw.rest();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    admin.get("/api/health").expect(200);
}

#[test]
fn a_request_that_is_cut_off_leaves_nothing() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let path = upload(&admin, 1000);
    let mut raw = Raw::new(&service);
    raw.head(&admin, "PATCH", &path, PART, 1000);
    raw.write(&"x".repeat(600));
    raw.stream.shutdown(Shutdown::Write).unwrap();
    raw.rest();
    assert_eq!(admin.get(&path).json()["received_bytes"], 0);
    let mut raw = Raw::new(&service);
    raw.head(&admin, "POST", "/api/data/uploads", "application/json", 1000);
    raw.write(r#"{"name":"b.bin","size_bytes":3}"#);
    raw.stream.shutdown(Shutdown::Write).unwrap();
    raw.rest();
    assert_eq!(admin.list("/api/data/uploads").len(), 1);
}

#[test]
fn slow_requests_are_ended_and_do_not_keep_others_waiting() {
    let place = Place::new();
    let service = place.serve("--request-pause-s 1");
    let admin = service.admin();
    let path = upload(&admin, 1000);
    let began = Instant::now();
    let mut slow_head = Raw::new(&service);
    slow_head.write("GET /api/health HTTP/1.1\r\nhost");
    let idle = Raw::new(&service);
    let mut slow_part = Raw::new(&service);
    slow_part.head(&admin, "PATCH", &path, PART, 1000);
    slow_part.write("xxxxx");
    let mut slow_body = Raw::new(&service);
    slow_body.head(&admin, "POST", "/api/data/uploads", "application/json", 1000);
    slow_body.write("{");
    admin.get("/api/health").expect(200);
    slow_part.problem(408, "slow");
    slow_body.problem(408, "slow");
    assert!(!slow_head.rest().starts_with("HTTP/1.1 2"));
    assert_eq!(idle.rest(), "");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(admin.get(&path).json()["received_bytes"], 0);

    // Slow, but never silent for long: that is a slow network, and goes on.
    let mut steady = Raw::new(&service);
    steady.head(&admin, "PATCH", &path, PART, 1000);
    let began = Instant::now();
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(300));
        steady.write(&"x".repeat(200));
    }
    assert!(began.elapsed() > Duration::from_secs(1));
    let mut answer = [0; 12];
    steady.stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(admin.get(&path).json()["complete"], true);
}

#[test]
fn wrong_types_are_refused_with_the_field() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    for (path, body, field) in [
        ("/api/data/uploads", json!({ "name": "a", "size_bytes": "many" }), "size_bytes"),
        ("/api/data/uploads", json!({ "name": 7, "size_bytes": 1 }), "name"),
        ("/api/data/uploads", json!({ "name": "a", "size_bytes": 0 }), "size_bytes"),
        ("/api/data/uploads", json!({ "name": "a", "size_bytes": -1 }), "size_bytes"),
        ("/api/data/uploads", json!({ "name": "a", "size_bytes": 1, "sha256": "x" }), "sha256"),
        ("/api/data/uploads", json!({ "name": "a", "size_bytes": 1, "colour": 1 }), "colour"),
        ("/api/data/uploads", json!({ "name": "a" }), "size_bytes"),
        ("/api/keys", json!({ "name": "k", "scopes": ["write"] }), "scopes[0]"),
        ("/api/keys", json!({ "name": "k", "scopes": [] }), "scopes"),
        ("/api/keys", json!({ "name": "k k", "scopes": ["read"] }), "key name"),
        ("/api/enrolment-tokens", json!({ "name": "t", "uses": 0 }), "uses"),
        ("/api/enrolment-tokens", json!({ "name": "" }), "name"),
        ("/api/deployments", json!({ "device_id": "x", "model": "m" }), "device_id"),
        ("/api/users", json!({ "name": "u", "password": "short", "role": "engineer" }), "password"),
        ("/api/users", json!({ "name": "u", "password": "long enough", "role": "king" }), "role"),
        ("/api/session", json!({ "name": "x".repeat(300), "password": "p" }), "name"),
        ("/api/data/datasets/d/imports", json!({ "uploads": [] }), "files"),
        ("/api/data/datasets/d/imports", json!({ "uploads": ["x"] }), "uploads[0]"),
        (
            "/api/data/datasets/d/imports",
            json!({ "sources": ["a"], "options": { "rate_hz": "fast" } }),
            "rate_hz",
        ),
        (
            "/api/training/evaluations",
            json!({ "model": "m", "dataset": "d", "rows": "all" }),
            "rows",
        ),
        (
            "/api/training/evaluations",
            json!({ "model": "m", "dataset": "d", "engine": "steam" }),
            "steam",
        ),
    ] {
        let refused = admin.post(path, &body).problem(422, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains(field), "{field}: {refused}");
    }
    for (query, part) in [
        ("/api/jobs?limit=0", "limit"),
        ("/api/jobs?limit=501", "limit"),
        ("/api/jobs?limit=x", "limit"),
        ("/api/jobs?page=2", "page"),
    ] {
        let refused = admin.get(query).problem(422, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
    }
    admin.get("/api/jobs/not-a-uuid").problem(404, "not_found");
    admin.get("/api/training/models/m/versions/one").problem(404, "not_found");
}

#[test]
fn what_is_no_json_is_refused() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let send = |kind: &str, body: &str| {
        let headers = [("content-type", kind)];
        admin.send("POST", "/api/keys", &headers, Some(body.as_bytes().to_vec()))
    };
    send("application/json", "{\"name\":").problem(400, "malformed");
    send("application/json", "").problem(400, "malformed");
    send("application/json", "\u{feff}{}").problem(400, "malformed");
    send("text/plain", "{}").problem(415, "not_json");
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let deep = format!(r#"{{"dataset":"d","estimator":"e","parameters":{{"p":{deep}}}}}"#);
    let headers = [("content-type", "application/json")];
    let deep = admin.send("POST", "/api/training/runs", &headers, Some(deep.into_bytes()));
    deep.problem(400, "malformed");
    let path = upload(&admin, 10);
    let part = |headers: &[(&str, &str)]| admin.send("PATCH", &path, headers, Some(b"x".to_vec()));
    part(&[("content-type", "text/csv"), ("upload-offset", "0")]).problem(415, "not_json");
    part(&[("content-type", PART)]).problem(400, "malformed");
    part(&[("content-type", PART), ("upload-offset", "-1")]).problem(400, "malformed");
    let long = "k".repeat(101);
    let asked = json!({ "name": "a", "size_bytes": 1 });
    admin.post_once("/api/data/uploads", &long, &asked).problem(400, "malformed");
    admin.post_once("/api/data/uploads", "", &asked).problem(400, "malformed");
    let raw = Value::String("x".to_owned());
    admin.put("/api/session/password", &raw).problem(422, "invalid");
}
