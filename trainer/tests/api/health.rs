//! `health`: what watches the service learns whether it works.

use std::net::TcpListener;
use std::process::Output;

use crate::service::{Place, signal};

#[track_caller]
fn refused(output: &Output, part: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "one line: {errors}");
    assert!(errors.contains(part), "{part} is missing in {errors}");
}

#[test]
fn a_service_that_works_is_healthy_and_one_that_hangs_recovers() {
    let place = Place::new();
    let service = place.serve("");
    let (_, port) = service.base.rsplit_once(':').unwrap();
    let health = |options: &str| place.command(&format!("health {options}")).output().unwrap();
    let output = health(&format!("--listen 0.0.0.0:{port}"));
    assert!(output.status.success() && output.stdout.starts_with(b"ok: "), "{output:?}");
    // The environment says where, as for serve.
    let mut command = place.command("health");
    let output = command.env("CIRAME_LISTEN", format!("0.0.0.0:{port}")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    signal(service.process_id(), "STOP");
    refused(
        &health(&format!("--listen 127.0.0.1:{port} --timeout-s 1")),
        "no answer of http://127.0.0.1:",
    );
    signal(service.process_id(), "CONT");
    assert!(health(&format!("--listen 127.0.0.1:{port}")).status.success());
    let listen = format!("--listen 127.0.0.1:{port}");
    assert!(service.stop().success());
    refused(&health(&listen), "is `cirame-trainer serve` running");
}

#[test]
fn a_service_whose_database_fails_and_another_program_are_not_healthy() {
    let place = Place::new();
    let service = place.serve("");
    let (_, port) = service.base.rsplit_once(':').unwrap();
    let health =
        |port: &str| place.command(&format!("health --listen 127.0.0.1:{port}")).output().unwrap();
    // A database that is no longer one.
    std::fs::write(place.data().join("cirame.db"), vec![7; 1 << 16]).unwrap();
    std::fs::write(place.data().join("cirame.db-wal"), b"").unwrap();
    refused(&health(port), "answers 500");
    drop(service);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
    });
    refused(&health(&port), "another program");
}
