//! Devices follow the broker that their trainer names: with TLS, with a login of their own, and after a restore.

use std::path::Path;

use rumqttc::ConnectReturnCode;
use serde_json::{Value, json};

use crate::broker::connect;
use crate::client::Client;
use crate::devices::TestDevice;
use crate::local_device::edge;
use crate::mosquitto::Mosquitto;
use crate::service::{Place, Service, wait_for};

/// A service for a device that enrols by itself with the token in `file`.
fn serve(place: &Place, port: u16, file: &Path, options: &str) -> Service {
    let mut command = place.command("serve --heartbeat-s 1");
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--local-device"]).arg(file);
    command.args(options.split_whitespace());
    place.spawn(command, &place.data())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The device, once it is heard with a connection to its broker since `after_ms`.
fn connected(admin: &Client, after_ms: i64) -> Value {
    wait_for("the device is connected", || {
        let device = admin.list("/api/devices").pop()?;
        let is_so = device["seen_ms"].as_i64() > Some(after_ms)
            && device["heartbeat"]["broker_connected"] == true;
        is_so.then_some(device)
    })
}

/// What the device was told of its broker last.
fn told(place: &Place) -> Value {
    let kept = std::fs::read(place.beside("device/device.json")).unwrap();
    serde_json::from_slice::<Value>(&kept).unwrap()["broker"].clone()
}

#[test]
fn a_broker_with_tls_is_reached_by_the_trainer_and_by_devices() {
    let (broker, place) = (Mosquitto::start(), Place::new());
    let file = place.beside("enrolment/token");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let address = format!("mqtts://trainer@localhost:{}", broker.tls_port);
    let trusted = format!(
        "--broker {address} --broker-password-file {} --broker-accounts --broker-ca {}",
        broker.password_file().display(),
        broker.authority().display()
    );
    let service = serve(&place, 0, &file, &trusted);
    let admin = service.admin();
    let _device = edge(&place, &service.base);
    let device = connected(&admin, 0);
    let told = told(&place);
    let authority = std::fs::read_to_string(broker.authority()).unwrap();
    assert_eq!(told["tls"]["authorities"], authority);
    assert_eq!((&told["port"], &told["user"]), (&json!(broker.tls_port), &device["id"]));
    // By HTTP or CLI, the same.
    let options = trusted.replace("--broker-accounts", "");
    let output = place.command(&format!("doctor {options} --json")).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == "broker").unwrap();
    assert_eq!(finding["verdict"], "ok", "{finding}");
    assert!(finding["text"].as_str().unwrap().contains("mqtts://localhost"), "{finding}");
    drop(service);

    // Whose certificate nobody vouches for is not believed.
    let untrusted = trusted.split(" --broker-ca").next().unwrap();
    let output = place.command(&format!("doctor {untrusted}")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && text.contains("UnknownIssuer"), "{text}");
    let refusal = place.refusal(&format!(
        "serve --broker mqtt://u@h --broker-ca {}",
        broker.authority().display()
    ));
    assert!(refusal.contains("--broker mqtts://HOST"), "{refusal}");
}

#[test]
fn devices_can_be_told_a_place_with_tls_where_the_trainer_needs_none() {
    let (broker, place) = (Mosquitto::start(), Place::new());
    let service = place.serve(&format!(
        "{} --broker-for-devices mqtts://plant.example --broker-ca {}",
        broker.options(),
        broker.authority().display()
    ));
    let token = json!({ "name": "t" });
    let token = service.admin().post("/api/enrolment-tokens", &token).expect(201).json();
    let secret = token["secret"].as_str().unwrap();
    let answer = TestDevice::new(1).enrol(&service.anybody(), secret).expect(201).json();
    let told = &answer["broker"];
    assert_eq!((&told["host"], &told["port"]), (&json!("plant.example"), &json!(8883)));
    assert!(told["tls"]["authorities"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
}

#[test]
fn a_device_that_shared_a_login_gets_its_own_at_the_next_contact() {
    let (broker, place) = (Mosquitto::start(), Place::new());
    let file = place.beside("enrolment/token");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let port = free_port();
    let shared = broker.options().replace("--broker-accounts", "");
    let service = serve(&place, port, &file, &shared);
    let admin = service.admin();
    let _device = edge(&place, &service.base);
    let device = connected(&admin, 0);
    assert_eq!(told(&place)["user"], "trainer");
    assert!(service.stop().success());

    let service = serve(&place, port, &file, &broker.options());
    let admin = admin.at(&service.base);
    let told = wait_for("it is told", || {
        let told = told(&place);
        (told["user"] == device["id"]).then_some(told)
    });
    let own = (device["id"].as_str().unwrap(), told["password"].as_str().unwrap());
    assert_eq!(connect(&broker.address(), Some(own)), ConnectReturnCode::Success);
    // With it, the program begins anew, and is the same device.
    wait_for("it has begun anew", || {
        let now = admin.list("/api/devices").pop()?;
        let heartbeat = &now["heartbeat"];
        (heartbeat["broker_revision"] == told["revision"] && heartbeat["broker_connected"] == true)
            .then_some(())
    });
    assert_eq!(admin.list("/api/devices").len(), 1);
}

#[test]
fn a_device_that_a_restored_trainer_does_not_know_enrols_again_by_itself() {
    let (broker, place, restored) = (Mosquitto::start(), Place::new(), Place::new());
    let file = place.beside("enrolment/token");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let port = free_port();
    let service = serve(&place, port, &file, &broker.options());
    let device = edge(&place, &service.base);
    let first = connected(&service.admin(), 0);
    assert!(service.stop().success());
    // A data folder from before the device was there.
    let service = serve(&restored, port, &file, &broker.options());
    let admin = service.admin();
    let again = connected(&admin, 0);
    assert_ne!(again["id"], first["id"]);
    assert_eq!(again["public_key"], first["public_key"], "it is the same device");
    assert_eq!(told(&place)["user"], again["id"]);
    drop(device);
}
