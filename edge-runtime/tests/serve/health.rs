//! `health`: what watches the program learns whether it works, without a token.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Output;

use super::program::{Edge, program};

/// What `health` says of this address.
fn health(listen: &str, options: &[&str]) -> Output {
    let words = ["health", "--listen", listen];
    program().args(words).args(options).output().expect("the program runs")
}

#[track_caller]
fn refusal(output: &Output, part: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "one line: {errors}");
    assert!(errors.contains(part), "{part} is missing in {errors}");
}

#[test]
fn a_program_that_works_is_healthy_also_where_others_need_a_token() {
    let token = [("CIRAME_HTTP_TOKEN", "0123456789abcdef"), ("CIRAME_LISTEN", "0.0.0.0:0")];
    let edge = Edge::start_listening("classification", &[], &token);
    let port = edge.address().rsplit_once(':').unwrap().1;
    for options in [&[][..], &["--ready"]] {
        let output = health(&format!("0.0.0.0:{port}"), options);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.starts_with("ok: "), "{output:?}");
    }
    // The environment says where, as for serve.
    let output = program().arg("health").env("CIRAME_LISTEN", port).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_program_that_is_not_there_or_hangs_is_not_healthy_and_recovers() {
    let edge = Edge::start("classification", &[]);
    assert!(health(edge.address(), &[]).status.success());
    edge.signal("STOP");
    refusal(&health(edge.address(), &["--timeout-s", "1"]), "no answer of http://127.0.0.1:");
    edge.signal("CONT");
    assert!(health(edge.address(), &[]).status.success());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refusal(&health(&free.to_string(), &[]), "is `cirame-edge serve` running");
    refusal(&health("none", &[]), "let serve --listen");
}

#[test]
fn an_answer_that_is_none_of_health_is_told() {
    for (options, answer, part) in [
        (&[][..], "503 Service Unavailable", "answers 503: the inference thread stands still"),
        (&[][..], "404 Not Found", "answers 404"),
        (&["--ready"][..], "503 Service Unavailable", "no model is in service yet"),
        (&["--ready"][..], "404 Not Found", "answers 404"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let body = r#"{"error":"the inference thread stands still"}"#;
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {answer}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("it is asked");
            let mut head = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while head.read_line(&mut line).expect("a request comes") > 2 {
                line.clear();
            }
            stream.write_all(text.as_bytes()).expect("it listens");
        });
        refusal(&health(&address, options), part);
        answering.join().expect("it was answered");
    }
}
