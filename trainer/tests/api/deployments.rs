//! Deployments of several models to one device: side by side, taken away, limited, signed; and devices of
//! the protocol version before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Client;
use crate::devices::{Enrolled, TestDevice};
use crate::service::Place;

/// Deploys the newest version of a model.
fn deploy(admin: &Client, device: &Enrolled, model: &str) -> Value {
    let asked = json!({ "device_id": device.id, "model": model });
    admin.post("/api/deployments", &asked).expect(201).json()
}

fn path(deployment: &Value) -> String {
    format!("/api/deployments/{}", deployment["id"].as_str().unwrap())
}

fn status(admin: &Client, deployment: &Value) -> String {
    admin.get(&path(deployment)).expect(200).json()["status"].as_str().unwrap().to_owned()
}

/// Names of the models that the device shall serve, the newest first.
fn desired(device: &Enrolled, anybody: &Client) -> Vec<String> {
    let answer = device.heartbeat_of(anybody, json!([])).expect(200).json();
    let models = answer["models"].as_array().unwrap().clone();
    assert_eq!(answer.get("model"), models.first(), "a device of version 1 reads the newest");
    assert_eq!(answer["protocol_version"], model_format::protocol::PROTOCOL_VERSION);
    models.iter().map(|model| model["model"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn models_of_other_names_are_deployed_beside_each_other_and_taken_away_one_by_one() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    for model in ["a", "b"] {
        admin.train("pump", model);
    }
    let device = TestDevice::new(1).enrolled(&admin);
    assert!(desired(&device, &anybody).is_empty());
    let (first, other) = (deploy(&admin, &device, "a"), deploy(&admin, &device, "b"));
    assert_eq!(desired(&device, &anybody), ["b", "a"]);

    // Each is told of on its own.
    let report = |deployment: &Value, state: &str| {
        json!({
            "model": deployment["model"],
            "serving": { "artifact_sha256": deployment["artifact_sha256"], "deployment_id": deployment["id"] },
            "deployment": { "deployment_id": deployment["id"], "state": state, "proof": { "p": 1 } },
        })
    };
    let models = json!([report(&first, "serving"), report(&other, "failed")]);
    device.heartbeat_of(&anybody, models).expect(200);
    assert_eq!(
        (status(&admin, &first), status(&admin, &other)),
        ("serving".into(), "failed".into())
    );
    let seen = admin.get(&format!("/api/devices/{}", device.id)).expect(200).json();
    let kept = &seen["heartbeat"]["models"];
    assert_eq!(kept[0]["serving"]["deployment_id"], first["id"]);
    assert!(kept[0]["deployment"].get("proof").is_none(), "{kept}");
    assert_eq!(admin.get(&path(&first)).json()["proof"]["p"], 1);

    // A newer one of a name replaces that name alone.
    let second = deploy(&admin, &device, "a");
    assert_eq!(status(&admin, &first), "replaced");
    assert_eq!(desired(&device, &anybody), ["a", "b"]);
    let refused = admin.delete(&path(&first)).problem(409, "in_use");
    assert!(refused["detail"].as_str().unwrap().contains("later deployment"), "{refused}");

    // The newest one taken away, nothing of its name is desired, and the older one does not come back.
    let withdrawn = admin.delete(&path(&second)).expect(200).json();
    assert_eq!(withdrawn["status"], "withdrawn");
    assert_eq!(desired(&device, &anybody), ["b"]);
    admin.delete(&path(&second)).expect(200);
    // What the device still says of it changes nothing, and its file is not given out any more.
    device.heartbeat_of(&anybody, json!([report(&second, "serving")])).expect(200);
    assert_eq!(status(&admin, &second), "withdrawn");
    admin.delete("/api/training/models/a").expect(204);
    admin.delete("/api/training/models/b").problem(409, "in_use");
    admin.delete(&path(&other)).expect(200);
    assert!(desired(&device, &anybody).is_empty());
    deploy(&admin, &device, "b");
    assert_eq!(desired(&device, &anybody), ["b"]);
}

#[test]
fn limits_go_to_the_device_and_ones_that_mean_nothing_are_refused() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    admin.train("pump", "m");
    let device = TestDevice::new(1).enrolled(&admin);
    let asked = |limits: Value| json!({ "device_id": device.id, "model": "m", "limits": limits });
    for (limits, part) in [
        (json!({ "failed_share_max": 1.5 }), "failed_share_max is 1.5"),
        (json!({ "latency_p99_us_max": 0 }), "latency_p99_us_max is 0"),
        (json!({ "memory_bytes_max": 0 }), "memory_bytes_max is 0"),
        (json!({ "latency_ms_max": 1 }), "latency_ms_max"),
        (json!({ "latency_p99_us_max": -1 }), "-1"),
    ] {
        let problem = admin.post("/api/deployments", &asked(limits)).problem(422, "invalid");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    let limits = json!({ "latency_p99_us_max": 500, "memory_bytes_max": 50_000_000, "failed_share_max": 0.01 });
    let made = admin.post("/api/deployments", &asked(limits.clone())).expect(201).json();
    assert_eq!(made["limits"], limits);
    let told = device.heartbeat_of(&anybody, json!([])).expect(200).json();
    assert_eq!(told["models"][0]["limits"], limits);
    assert_eq!(admin.get(&path(&made)).json()["limits"], limits);
    deploy(&admin, &device, "m");
    let told = device.heartbeat_of(&anybody, json!([])).expect(200).json();
    assert!(told["models"][0].get("limits").is_none(), "{told}");
}

#[test]
fn a_signature_is_attached_to_a_version_and_goes_with_its_deployments() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    admin.train("pump", "m");
    let version = "/api/training/models/m/versions/1";
    assert!(admin.get(version).json()["signature"].is_null());
    let put = |signature: &str| {
        admin.put(&format!("{version}/signature"), &json!({ "signature": signature }))
    };
    for bad in [STANDARD.encode([7; 63]), "no base64".to_owned(), String::new()] {
        let problem = put(&bad).problem(422, "invalid");
        assert!(problem["detail"].as_str().unwrap().contains("64 bytes"), "{problem}");
    }
    let signature = STANDARD.encode([7; 64]);
    assert_eq!(put(&signature).expect(200).json()["signature"], signature);
    assert_eq!(admin.get(version).json()["signature"], signature);
    let device = TestDevice::new(1).enrolled(&admin);
    deploy(&admin, &device, "m");
    let told = device.heartbeat_of(&anybody, json!([])).expect(200).json();
    assert_eq!(told["models"][0]["signature"], signature);
    // Signed anew, it is told at the next heartbeat.
    let signature = STANDARD.encode([8; 64]);
    put(&signature).expect(200);
    let told = device.heartbeat_of(&anybody, json!([])).expect(200).json();
    assert_eq!(told["models"][0]["signature"], signature);
}

#[test]
fn a_device_of_the_version_before_is_heard_and_served_the_newest_deployment() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    for model in ["a", "b"] {
        admin.train("pump", model);
    }
    let device = TestDevice::new(1).enrolled(&admin);
    deploy(&admin, &device, "a");
    let newest = deploy(&admin, &device, "b");
    // As a program of that version wrote it.
    let text = include_str!("../../../model-format/src/protocol/tests/heartbeat-1.json");
    let mut heartbeat: Value = serde_json::from_str(text).unwrap();
    heartbeat["deployment"]["deployment_id"] = newest["id"].clone();
    heartbeat["serving"]["deployment_id"] = newest["id"].clone();
    let answer = device.tell(&heartbeat).send(&anybody).expect(200).json();
    assert_eq!(answer["model"]["deployment_id"], newest["id"]);
    assert_eq!(status(&admin, &newest), "serving");
}

#[test]
fn a_device_takes_as_many_names_as_it_can_serve() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    admin.train("pump", "m00");
    let device = TestDevice::new(1).enrolled(&admin);
    // Trained once, known by many names.
    let database = place.database();
    for number in 1..=16 {
        database
            .execute_batch(&format!(
                "INSERT INTO models
                 SELECT '01890000-0000-7000-8000-1000000000{number:02}', owner_id, 'm{number:02}', 0
                 FROM models WHERE name = 'm00';
                 INSERT INTO model_versions
                     (id, model_id, number, task, artifact, lineage, run_id, created_ms)
                 SELECT '01890000-0000-7000-8000-2000000000{number:02}', m.id, 1, v.task, v.artifact,
                        v.lineage, v.run_id, 0
                 FROM model_versions v JOIN models o ON o.id = v.model_id AND o.name = 'm00'
                 JOIN models m ON m.name = 'm{number:02}';"
            ))
            .unwrap();
    }
    for number in 0..16 {
        deploy(&admin, &device, &format!("m{number:02}"));
    }
    let asked = json!({ "device_id": device.id, "model": "m16" });
    let refused = admin.post("/api/deployments", &asked).problem(409, "in_use");
    assert!(refused["detail"].as_str().unwrap().contains("16 models"), "{refused}");
    let again = deploy(&admin, &device, "m03");
    admin.delete(&path(&again)).expect(200);
    deploy(&admin, &device, "m16");
}
