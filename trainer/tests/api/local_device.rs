//! A device on the trainer's host enrols with the token in a file, without any person.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use crate::service::{Place, wait_for};

/// A device that waits for its token; ends with its test.
pub(crate) struct Edge(Child);

impl Drop for Edge {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a device that enrols with the token in the file `enrolment/token`.
pub(crate) fn edge(place: &Place, trainer: &str) -> Edge {
    let program =
        std::path::Path::new(env!("CARGO_BIN_EXE_cirame-trainer")).with_file_name("cirame-edge");
    let mut command = Command::new(program);
    command.args(["serve", "--trainer", trainer, "--listen", "0", "--name", "here"]);
    command.env("CIRAME_TOKEN_FILE", place.beside("enrolment/token"));
    command.arg("--state").arg(place.beside("device"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Edge(command.spawn().expect("the device starts"))
}

#[test]
fn a_device_on_the_host_enrols_by_itself_once() {
    let place = Place::new();
    let file = place.beside("enrolment/token");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    // The device is there before its trainer, and waits.
    let device = edge(&place, &format!("http://127.0.0.1:{port}"));
    let options =
        format!("--listen 127.0.0.1:{port} --heartbeat-s 1 --local-device {}", file.display());
    let serve = || {
        let mut command = place.command("serve");
        command.args(options.split_whitespace());
        place.spawn(command, &place.data())
    };
    let service = serve();
    let admin = service.admin();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let heard = || admin.list("/api/devices").pop().filter(|device| !device["seen_ms"].is_null());
    assert_eq!(wait_for("the device is heard", heard)["name"], "here");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(!place.log().contains(secret.trim()));
    drop(device);

    // It has used its token: the next start makes no other one, and the device needs none.
    assert!(service.stop().success());
    let service = serve();
    assert!(!file.exists());
    let admin = admin.at(&service.base);
    let before = admin.list("/api/devices")[0]["seen_ms"].as_i64();
    let _device = edge(&place, &service.base);
    wait_for("it is heard again", || {
        (admin.list("/api/devices")[0]["seen_ms"].as_i64() > before).then_some(())
    });
    assert_eq!(admin.list("/api/devices").len(), 1);
}

#[test]
fn a_token_that_nobody_used_stays_and_a_lost_one_is_replaced() {
    let place = Place::new();
    let file = place.beside("token");
    let options = format!("--local-device {}", file.display());
    let service = place.serve(&options);
    let first = std::fs::read_to_string(&file).unwrap();
    let admin = service.admin();
    drop(service);
    let service = place.serve(&options);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    drop(service);
    std::fs::remove_file(&file).unwrap();
    let service = place.serve(&options);
    let second = std::fs::read_to_string(&file).unwrap();
    assert_ne!(second, first);
    // The one that was lost lets nobody in.
    let tokens = admin.at(&service.base).list("/api/enrolment-tokens");
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    drop(service);
    let refusal = place.refusal("serve --listen 127.0.0.1:0 --local-device /proc/nothing/token");
    assert!(refusal.contains("--local-device names a file that cannot be written"), "{refusal}");
}
