//! Bodies and heads that nobody should send.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::program::Edge;
use super::{array, rows};

#[test]
fn hostile_bodies_are_refused_and_the_service_goes_on() {
    let edge = Edge::start("anomaly", &[]);
    let samples = "/v1/samples?stream=a";
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[[]]",
        deep.as_bytes(),
        br#"{"channels":["accX","accY"],"values":[[1]]}"#,
        br#"{"channels":["accX"],"t_ms":1,"values":[[1],[2]]}"#,
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert!(!edge.post(samples, body).refusal(400).is_empty(), "{shown}");
        edge.post("/v2/models/anomaly/infer", body).refusal(400);
    }
    let large = vec![b' '; (16 << 20) + 1];
    edge.post(samples, &large).refusal(413);
    edge.post("/v1/samples", b"{}").refusal(400);
    edge.post("/v1/samples?stream=a%2Fb", b"{}").refusal(400);
    edge.post("/v1/samples?stream=", b"{}").refusal(400);
    edge.post("/v1/streams", b"").refusal(405);
    edge.get("/../etc/passwd").refusal(404);
    let answer = edge.post(samples, array(&rows(64)).as_bytes());
    assert_eq!(answer.json().as_array().unwrap().len(), 3);
}

#[test]
fn binary_and_compressed_bodies_are_refused_by_their_heads() {
    let edge = Edge::start("anomaly", &[]);
    let path = "/v2/models/anomaly/infer";
    for (head, status) in
        [("Inference-Header-Content-Length: 2", "400"), ("Content-Encoding: gzip", "415")]
    {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        let answer = raw(&edge, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[test]
fn endless_heads_are_cut() {
    let edge = Edge::start("anomaly", &[]);
    let line = "X: ".to_owned() + &"x".repeat(1 << 20);
    let answer = raw(&edge, format!("GET /health HTTP/1.1\r\n{line}\r\n\r\n").as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let lines = "X: x\r\n".repeat(1000);
    let answer = raw(&edge, format!("GET /health HTTP/1.1\r\n{lines}\r\n").as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(edge.get("/health").status, 200);
}

/// Sends bytes and reads what comes until the connection ends.
fn raw(edge: &Edge, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(edge.address()).expect("the program listens");
    // The program may close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
