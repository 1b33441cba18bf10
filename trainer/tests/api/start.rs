//! `start`: the service with a device of its own and a demo that is alive, until it is removed.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::service::{Place, Service, wait_for};

const FREE_PORTS: &str = "--api-port 0 --console-port 0 --broker-port 0";

/// The processes below this one.
fn children(service: &Service) -> Vec<u32> {
    crate::broker::children(service.process_id())
}

fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// A new password for the first admin, which outlives the first login.
fn admin(service: &Service) -> (Client, String) {
    let first = service.first_password();
    let password = "a password of tests".to_owned();
    let change = json!({ "old_password": first, "new_password": password });
    service.admin().put("/api/session/password", &change).expect(204);
    (service.anybody().signed_in("admin", &password), password)
}

/// The ports of a service, so that it is found there again.
fn same_ports(service: &Service) -> String {
    let port = |text: &str| text.rsplit_once(':').unwrap().1.to_owned();
    let broker = service.broker.as_ref().unwrap();
    let console = service.said.iter().find_map(|line| line.strip_prefix("console   ")).unwrap();
    let console = console.split_whitespace().next().unwrap();
    let (api, console, broker) = (port(&service.base), port(console), port(broker));
    format!("--api-port {api} --console-port {console} --broker-port {broker}")
}

/// The class of each result that comes, until one `is_it`.
fn result(client: &Client, is_it: impl Fn(&Value) -> bool) -> Value {
    client.events("/api/devices/events").find("result", is_it)
}

#[test]
fn the_demo_is_alive_goes_on_after_a_restart_and_is_removed_by_one_action() {
    let place = Place::new();
    let began = Instant::now();
    let service = place.start(FREE_PORTS);
    println!("ready after {:?}", began.elapsed());
    for (number, line) in (1..=6).zip(service.said.iter().filter(|line| line.starts_with('['))) {
        assert!(line.starts_with(&format!("[{number}/6] ")), "{line}");
    }
    let (admin, password) = admin(&service);
    let demo = admin.get("/api/demo").expect(200).json();
    assert_eq!(demo["present"], true);
    let device = demo["device_id"].as_str().unwrap().to_owned();
    for part in ["dataset", "model", "stream"] {
        assert_eq!(demo[part], "demo-pump");
    }
    let version = admin.get("/api/training/models/demo-pump/versions/1").expect(200).json();
    assert_eq!(version["stage"], "production");
    let run = format!("/api/training/runs/{}", version["run_id"].as_str().unwrap());
    let report = admin.get(&run).expect(200).json()["report"].clone();
    let score = report["evaluation"]["model"]["macro"]["f1"].as_f64().unwrap();
    assert!(score > 0.9, "{score}");
    assert_eq!(report["proof"]["passed"], true);
    let told = result(&admin, |_| true);
    assert_eq!((&told["device_id"], &told["stream"]), (&json!(device), &json!("demo-pump")));
    assert_eq!(told["result"]["model"], "demo-pump");
    // It has enrolled with a token that is gone.
    assert!(admin.list("/api/enrolment-tokens").is_empty());

    // A restart: no second demo, no second device, and results go on.
    let ports = same_ports(&service);
    let edges = children(&service);
    assert!(service.stop().success());
    wait_for("all children have ended", || edges.iter().all(|&p| !is_alive(p)).then_some(()));
    let service = place.start(&ports);
    let admin = service.anybody().signed_in("admin", &password);
    assert_eq!(admin.get("/api/demo").expect(200).json(), demo);
    assert_eq!(admin.list("/api/devices").len(), 1);
    assert_eq!(admin.list("/api/data/datasets").len(), 1);
    assert_eq!(admin.list("/api/training/runs").len(), 1);
    assert_eq!(admin.list("/api/deployments").len(), 1);
    result(&admin, |told| told["device_id"] == *device);

    // Another user neither sees nor removes it.
    let ada = service.user(&admin, "ada");
    assert_eq!(ada.get("/api/demo").expect(200).json(), json!({ "present": false }));
    ada.delete("/api/demo").problem(404, "not_found");

    let live = admin.events("/api/devices/events");
    admin.delete("/api/demo").expect(204);
    assert_eq!(admin.get("/api/demo").expect(200).json(), json!({ "present": false }));
    admin.delete("/api/demo").problem(404, "not_found");
    for list in ["/api/data/datasets", "/api/training/runs", "/api/training/models"] {
        assert!(admin.list(list).is_empty(), "{list}");
    }
    assert!(admin.list("/api/deployments").is_empty() && admin.list("/api/jobs").is_empty());
    // The device stays, and answers with nothing.
    live.find("device", |device| device["heartbeat"]["serving"].is_null());
    assert_eq!(admin.list("/api/devices").len(), 1);
    let models = place.data().join("local-device/models");
    wait_for("the device has no model", || is_empty(&models).then_some(()));
    wait_for("the files are gone", || is_empty(&place.data().join("datasets")).then_some(()));

    // It is not made again.
    assert!(service.stop().success());
    let service = place.start(&ports);
    let admin = service.anybody().signed_in("admin", &password);
    assert_eq!(admin.get("/api/demo").expect(200).json(), json!({ "present": false }));
    assert!(service.said.iter().any(|line| line.starts_with("[2/2] ")), "{:?}", service.said);
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("the folder is there").count() == 0
}

#[test]
fn the_device_is_started_again_where_it_dies_and_ends_with_a_killed_parent() {
    let place = Place::new();
    let service = place.start(&format!("{FREE_PORTS} --no-demo"));
    let (admin, _) = admin(&service);
    assert_eq!(admin.get("/api/demo").expect(200).json(), json!({ "present": false }));
    let device = admin.list("/api/devices")[0].clone();
    let edge = |of: &Service| {
        let is_edge = |&process: &u32| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
            name.is_ok_and(|name| name.trim() == "cirame-edge")
        };
        children(of).into_iter().find(is_edge)
    };
    let first = wait_for("the device runs", || edge(&service));
    crate::service::signal(first, "KILL");
    let second = wait_for("another one", || edge(&service).filter(|&process| process != first));
    let path = format!("/api/devices/{}", device["id"].as_str().unwrap());
    // The same device: it has kept its key.
    wait_for("it is heard again", || {
        let now = admin.get(&path).expect(200).json();
        (now["seen_ms"].as_i64() > device["seen_ms"].as_i64()
            && now["heartbeat"]["uptime_s"].as_i64() < Some(60))
        .then_some(())
    });
    assert_eq!(admin.list("/api/devices").len(), 1);
    service.kill();
    let began = Instant::now();
    wait_for("it has ended", || (!is_alive(second)).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_missing_program_of_the_device_is_named() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("cirame-trainer");
    std::fs::hard_link(env!("CARGO_BIN_EXE_cirame-trainer"), &alone)
        .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_cirame-trainer"), &alone).map(drop))
        .unwrap();
    let output = std::process::Command::new(&alone)
        .args(["--data"])
        .arg(place.data())
        .args(["start", "--no-demo"])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in ["cirame-edge", "make build", "cirame-trainer serve"] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}
