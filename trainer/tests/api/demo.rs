//! The demo of `serve`: with a device that enrols by itself, at a broker that is not ours.

use rumqttc::ConnectReturnCode;
use serde_json::{Value, json};

use crate::broker::connect;
use crate::client::Client;
use crate::local_device::edge;
use crate::mosquitto::Mosquitto;
use crate::service::{Place, Service, wait_for};

/// Waits for a result of the demo, after what was heard before.
fn result(client: &Client) -> Value {
    let events = client.events("/api/devices/events");
    events.find("result", |told| told["stream"] == "demo-pump")
}

fn serve(place: &Place, broker: &Mosquitto, port: u16) -> Service {
    let file = place.beside("enrolment/token");
    let mut command = place.command(&format!("serve {}", broker.options()));
    command.args(["--demo", "--heartbeat-s", "1", "--threads", "2", "--listen"]);
    command.arg(format!("127.0.0.1:{port}")).arg("--local-device").arg(file);
    place.spawn(command, &place.data())
}

#[test]
fn the_demo_of_a_service_lives_at_a_broker_that_is_not_ours() {
    let (mut broker, place) = (Mosquitto::start(), Place::new());
    std::fs::create_dir(place.beside("enrolment")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let service = serve(&place, &broker, port);
    let first = service.first_password();
    let admin = service.admin();
    // Nobody has heard of the device yet, and there is nothing to remove.
    assert_eq!(admin.get("/api/demo").expect(200).json(), json!({ "present": false }));
    let _device = edge(&place, &service.base);
    let told = result(&admin);
    assert_eq!(told["result"]["model"], "demo-pump");
    let demo = admin.get("/api/demo").expect(200).json();
    assert_eq!(demo["device_id"], told["device_id"]);
    wait_for("the demo is made", || {
        let log = place.log();
        log.contains("[4/4] a simulated pump publishes").then_some(())
    });
    let version = admin.get("/api/training/models/demo-pump/versions/1").expect(200).json();
    assert_eq!(version["stage"], "production");

    // A restart: no second demo, and results go on.
    let password = "a password of tests".to_owned();
    let change = json!({ "old_password": first, "new_password": password });
    admin.put("/api/session/password", &change).expect(204);
    assert!(service.stop().success());
    let service = serve(&place, &broker, port);
    let admin = service.anybody().signed_in("admin", &password);
    result(&admin);
    for list in ["/api/devices", "/api/data/datasets", "/api/training/runs", "/api/deployments"] {
        assert_eq!(admin.list(list).len(), 1, "{list}");
    }

    // The machine has an account that is made again where the broker has lost it.
    let login = format!("broker-login demo-pump {} --json", broker.options());
    let login: Value =
        serde_json::from_slice(&place.command(&login).output().unwrap().stdout).unwrap();
    let login = ("demo-pump", login["password"].as_str().unwrap());
    assert_eq!(connect(&broker.address(), Some(login)), ConnectReturnCode::Success);
    broker.forget_all();
    result(&admin);

    let live = admin.events("/api/devices/events");
    admin.delete("/api/demo").expect(204);
    live.find("device", |device| device["heartbeat"]["serving"].is_null());
    for list in ["/api/data/datasets", "/api/training/models", "/api/deployments"] {
        assert!(admin.list(list).is_empty(), "{list}");
    }
    wait_for("the machine has no account any more", || {
        let code = connect(&broker.address(), Some(login));
        (code != ConnectReturnCode::Success).then_some(())
    });
    // It is not made again.
    assert!(service.stop().success());
    let service = serve(&place, &broker, port);
    let admin = service.anybody().signed_in("admin", &password);
    assert_eq!(admin.get("/api/demo").expect(200).json(), json!({ "present": false }));
    assert!(admin.list("/api/data/datasets").is_empty());
}

#[test]
fn a_demo_that_cannot_live_is_refused_at_once() {
    let place = Place::new();
    let file = place.beside("token");
    for (options, part) in [
        ("--demo --broker embedded:0".to_owned(), "--local-device FILE"),
        (format!("--demo --local-device {}", file.display()), "--demo needs a broker"),
    ] {
        let refusal = place.refusal(&format!("serve --listen 127.0.0.1:0 {options}"));
        assert!(refusal.contains(part), "{part} is missing in {refusal}");
    }
    place.simulate("demo-pump");
    let refusal = place.refusal(&format!(
        "serve --listen 127.0.0.1:0 --broker embedded:0 --demo --local-device {}",
        file.display()
    ));
    assert!(refusal.contains("start without the demo"), "{refusal}");
}

#[test]
fn a_demo_that_was_never_finished_can_be_removed() {
    let (broker, place) = (Mosquitto::start(), Place::new());
    std::fs::create_dir(place.beside("enrolment")).unwrap();
    let service = serve(&place, &broker, 0);
    let admin = service.admin();
    // As a start leaves it that ended in the middle, whose device has gone since.
    let device = "019a0000-0000-7000-8000-000000000000";
    let facts = json!({ "state": "making", "device_id": device }).to_string();
    std::fs::write(place.data().join("demo.json"), facts).unwrap();
    assert_eq!(admin.get("/api/demo").expect(200).json()["present"], true);
    admin.delete("/api/demo").expect(204);
    assert_eq!(admin.get("/api/demo").expect(200).json(), json!({ "present": false }));
    assert!(admin.list("/api/data/datasets").is_empty());
}
