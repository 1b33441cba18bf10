//! `health`: what watches the program learns whether it works, without a token.

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
