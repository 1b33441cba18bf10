//! Bodies, heads and connections that nobody should send.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::program::{Edge, is_emulated};
use super::socket::{SOON, ask, connect, raw, reply, rest};
use super::{array, rows};

/// More connections than there are places.
const MANY: usize = 80;

/// The device answers others, soon.
fn assert_answers(edge: &Edge) {
    let began = Instant::now();
    assert_eq!(edge.get("/health").status, 200);
    let answer = edge.post("/v1/samples?stream=other", array(&rows(16)).as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
}

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
        b"[[1]]",
        deep.as_bytes(),
        br#"{"channels":["accX","accY"],"values":[[1]]}"#,
        br#"{"channels":["accX"],"t_ms":1,"values":[[1],[2]]}"#,
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert!(!edge.post(samples, body).refusal(400).is_empty(), "{shown}");
        edge.post("/v2/models/anomaly/infer", body).refusal(400);
    }
    edge.post("/v1/samples", b"{}").refusal(400);
    edge.post("/v1/samples?stream=a%2Fb", b"{}").refusal(400);
    edge.post("/v1/samples?stream=", b"{}").refusal(400);
    edge.post("/v1/streams", b"").refusal(405);
    edge.get("/../etc/passwd").refusal(404);
    let answer = edge.post(samples, array(&rows(64)).as_bytes());
    assert_eq!(answer.json().as_array().unwrap().len(), 3);
}

#[test]
fn bodies_without_measure_are_refused_with_the_reason() {
    let edge = Edge::start("anomaly", &[]);
    let large = vec![b' '; 100 << 20];
    for path in ["/v1/samples?stream=a", "/v2/models/anomaly/infer", "/v2/repository/index"] {
        let refusal = edge.post(path, &large).refusal(413);
        assert!(refusal.contains("16777216 bytes"), "{refusal}");
    }
    // Who asks before it sends is told before it sends.
    let lines = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", large.len());
    let answer = ask(&edge, "POST", "/v1/samples?stream=a", &lines, b"");
    assert_eq!(answer.status, 413);
    let mut stream = connect(&edge);
    let head = "POST /v1/samples?stream=a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
        Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..17 {
        stream.write_all(format!("{:x}\r\n", 1 << 20).as_bytes()).unwrap();
        stream.write_all(&large[..1 << 20]).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(reply(&rest(&mut stream)).status, 413);
    assert_answers(&edge);
}

#[test]
fn lengths_that_are_wrong_are_refused() {
    let edge = Edge::start("anomaly", &[]);
    let sent = |lines: &str, body: &str| {
        let head = "POST /v1/samples?stream=a HTTP/1.1\r\nHost: localhost\r\n";
        let answer = raw(&edge, format!("{head}{lines}\r\n{body}").as_bytes());
        String::from_utf8_lossy(&answer).into_owned()
    };
    for lines in [
        "Content-Length: -1\r\n",
        "Content-Length: x\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: gzip\r\n",
    ] {
        let answer = sent(lines, "{}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{lines}: {answer}");
    }
    // A body that ends too early leaves nobody to answer; one that goes on too long is a request of
    // its own, and none that can be read.
    let mut early = connect(&edge);
    let head =
        "POST /v1/samples?stream=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n{}";
    early.write_all(head.as_bytes()).unwrap();
    early.shutdown(Shutdown::Write).unwrap();
    let early = String::from_utf8_lossy(&rest(&mut early)).into_owned();
    assert!(early.is_empty() || early.starts_with("HTTP/1.1 400"), "{early}");
    let late = sent("Content-Length: 2\r\n", "{}{}{}{}\r\n\r\n");
    let [whole, rest] =
        ["200", "400"].map(|status| late.matches(&format!("HTTP/1.1 {status}")).count());
    assert_eq!((whole, rest), (1, 1), "{late}");
    assert_answers(&edge);
}

#[test]
fn compressed_bodies_are_refused_by_their_heads() {
    let edge = Edge::start("anomaly", &[]);
    let path = "/v2/models/anomaly/infer";
    let answer = ask(&edge, "POST", path, "Content-Encoding: gzip\r\n", b"{}");
    assert_eq!(answer.status, 415);
    assert!(answer.error().contains("request_compression_algorithm"), "{}", answer.error());
}

#[test]
fn endless_heads_are_cut() {
    let edge = Edge::start("anomaly", &[]);
    let line = "X: ".to_owned() + &"x".repeat(1 << 20);
    let lines = "X: x\r\n".repeat(1000);
    for lines in [line + "\r\n", lines] {
        let answer = raw(&edge, format!("GET /health HTTP/1.1\r\n{lines}\r\n").as_bytes());
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert_answers(&edge);
}

#[test]
fn requests_one_behind_the_other_are_answered_until_one_is_garbage() {
    let edge = Edge::start("anomaly", &[]);
    let one = "GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut bytes = one.repeat(100).into_bytes();
    bytes.extend(b"\x00\xff\x16\x03\x01 \r\n\r\n");
    bytes.extend(one.as_bytes());
    let answer = String::from_utf8_lossy(&raw(&edge, &bytes)).into_owned();
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 100, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
    assert_answers(&edge);
}

#[test]
fn who_says_nothing_or_half_a_head_keeps_nobody_out() {
    let edge = Edge::start("anomaly", &[]);
    let started = |start: &[u8]| -> Vec<TcpStream> {
        let open = |_| {
            let mut stream = connect(&edge);
            // It may have been cut for the next one.
            let _ = stream.write_all(start);
            stream
        };
        (0..MANY).map(open).collect()
    };
    let idle = started(b"");
    assert_answers(&edge);
    let slow = started(b"GET /health HTTP/1.1\r\nHost: loc");
    assert_answers(&edge);
    let kept = started(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answers(&edge);
    drop((idle, slow, kept));
}

#[test]
fn bodies_that_do_not_come_hold_nothing_and_end_in_time() {
    let edge = Edge::start("anomaly", &[]);
    let head = format!(
        "POST /v1/samples?stream=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{{",
        16 << 20
    );
    let mut slow: Vec<TcpStream> = (0..MANY).map(|_| connect(&edge)).collect();
    for stream in &mut slow {
        let _ = stream.write_all(head.as_bytes());
    }
    assert_answers(&edge);
    let mut last = slow.pop().unwrap();
    let answer = reply(&rest(&mut last));
    assert_eq!(answer.status, 408);
    assert!(answer.error().contains("within 10 seconds"), "{}", answer.error());
}

#[test]
fn answers_that_nobody_reads_keep_nobody_out() {
    let edge = Edge::start("anomaly", &[]);
    // Answers longer than what a connection holds; an emulator has to be ready within an answer's time.
    let row_count = if is_emulated() { 12_000 } else { 50_000 };
    let windows = (row_count - 32) / 16 + 1;
    let values: Vec<String> = rows(row_count).iter().map(|[x, y]| format!("[{x},{y}]")).collect();
    let body = format!(
        r#"{{"channels":["accX","accY"],"t_ms":0,"rate_hz":100,"values":[{}]}}"#,
        values.join(",")
    );
    let deaf: Vec<TcpStream> = (0..6)
        .map(|number| {
            let head = format!(
                "POST /v1/samples?stream={number} HTTP/1.1\r\nHost: localhost\r\n\
                 Connection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = connect(&edge);
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            stream
        })
        .collect();
    super::until("all are at their answers", || {
        let answered = edge.get("/health").json()["windows"].as_u64()?;
        (answered >= 6 * windows as u64).then_some(())
    });
    assert_answers(&edge);
    // They may read later: the answers are whole.
    for mut stream in deaf {
        let mut first = [0; 15];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        assert!(rest(&mut stream).ends_with(b"]"));
    }
}
