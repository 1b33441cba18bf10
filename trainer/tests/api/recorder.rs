//! Recorders: what devices publish becomes recordings, also where the trainer is killed meanwhile.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use rumqttc::{Client as Mqtt, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};

use crate::client::Client;
use crate::mosquitto::OpenMosquitto;
use crate::service::{Place, wait_for};

const TOPIC: &str = "plant/{line}/{machine}/accel";

/// A machine that publishes.
pub(crate) struct Machine {
    client: Mqtt,
    connection: Connection,
}

impl Machine {
    pub(crate) fn new(broker: &OpenMosquitto, name: &str) -> Self {
        let (client, connection) = Mqtt::new(MqttOptions::new(name, "127.0.0.1", broker.port), 10);
        Machine { client, connection }
    }

    /// Publishes, and waits until the broker has it.
    fn publish(&mut self, topic: &str, payload: &[u8], is_retained: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, is_retained, payload).unwrap();
        for event in self.connection.iter() {
            if matches!(event.expect("the broker is there"), Event::Incoming(Packet::PubAck(_))) {
                return;
            }
        }
        panic!("the connection ended");
    }

    /// Rows of one machine, one each message, 10 ms apart.
    pub(crate) fn rows(&mut self, machine: &str, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let row = json!({ "t_ms": 1_800_000_000_000_u64 + u64::from(number) * 10,
                              "acc": { "x": number, "y": 0.5 } });
            let topic = format!("plant/3/{machine}/accel");
            self.publish(&topic, row.to_string().as_bytes(), false);
        }
    }
}

pub(crate) fn request(dataset: &str, broker: &OpenMosquitto) -> Value {
    json!({ "dataset": dataset, "broker": broker.url(),
            "settings": { "sources": [{ "topic": TOPIC }] } })
}

/// Starts a recorder, and waits until it hears the broker.
pub(crate) fn start(client: &Client, request: &Value) -> String {
    let made = client.post("/api/data/recorders", request).expect(201).json();
    let path = format!("/api/data/recorders/{}", made["id"].as_str().unwrap());
    wait_for("the recorder is connected", || {
        (client.get(&path).expect(200).json()["connected"] == true).then_some(())
    });
    path
}

/// Waits until a recorder has so many rows of all its streams.
pub(crate) fn wait_for_rows(client: &Client, path: &str, count: u64) -> Value {
    wait_for("the rows have come", || {
        let recorder = client.get(path).expect(200).json();
        let streams = recorder["streams"].as_array()?.iter();
        let rows: u64 = streams.map(|stream| stream["rows"].as_u64().unwrap()).sum();
        (rows >= count).then_some(recorder)
    })
}

fn wait_until_kept(client: &Client, path: &str) -> Value {
    wait_for("the recordings are kept", || {
        let recorder = client.get(path).expect(200).json();
        assert_ne!(recorder["state"], "failed", "{recorder}");
        (recorder["state"] == "kept").then_some(recorder)
    })
}

fn recordings(client: &Client, dataset: &str) -> Vec<Value> {
    let version =
        client.get(&format!("/api/data/datasets/{dataset}/versions/1")).expect(200).json();
    version["recordings"].as_array().unwrap().clone()
}

#[test]
fn what_is_published_becomes_a_labelled_recording_of_each_stream() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let mut asked = request("pump", &broker);
    asked["settings"]["label"] = "idle".into();
    asked["settings"]["tags"] = json!({ "load": "full" });
    let path = start(&admin, &asked);
    let mut machine = Machine::new(&broker, "machine");
    machine.rows("pump", 0..5);
    machine.rows("fan", 0..3);
    machine.rows("pump", 2..3);
    machine.publish("plant/3/pump/accel", b"{", false);
    machine.publish("plant/3/pump/accel", br#"{"t_ms":1800000000010,"acc.x":0}"#, false);
    wait_for_rows(&admin, &path, 8);
    admin.put(&format!("{path}/label"), &json!({ "label": "loaded" })).expect(204);
    wait_for("the label holds", || {
        (admin.get(&path).expect(200).json()["label"] == "loaded").then_some(())
    });
    machine.rows("pump", 5..8);
    let standing = wait_for_rows(&admin, &path, 11);
    assert_eq!(standing["refused"], json!({ "not_json": 1 }));
    let pump = &standing["streams"][1];
    assert_eq!(
        (&pump["stream"], &pump["late"], &pump["samples"]),
        (&json!("3.pump"), &json!(2), &json!(10))
    );
    admin.post(&format!("{path}/stop"), &json!({})).expect(202);
    let kept = wait_until_kept(&admin, &path);
    assert_eq!((&kept["ended_by"], &kept["kept"]["version"]), (&json!("stop"), &json!(1)));
    let found = recordings(&admin, "pump");
    assert_eq!(found.len(), 2);
    let pump = &found[1];
    assert!(pump["name"].as_str().unwrap().ends_with("Z/3.pump"), "{pump}");
    assert_eq!(
        (&pump["rows"], &pump["absolute_time"], &pump["tags"]["load"]),
        (&json!(8), &json!(true), &json!("full"))
    );
    let labels = json!([{ "from_row": 0, "to_row": 5, "class": "idle" },
                        { "from_row": 5, "to_row": 8, "class": "loaded" }]);
    assert_eq!(pump["labels"], labels);
    assert_eq!(pump["channels"][0]["name"], "acc.x");
    assert!((pump["rate_hz"].as_f64().unwrap() - 100.0).abs() < 1e-9);
    assert_eq!(std::fs::read_dir(place.data().join("recorders")).unwrap().count(), 0);
    admin.put(&format!("{path}/label"), &json!({ "label": "x" })).problem(409, "state");
}

#[test]
fn a_killed_trainer_keeps_what_had_come_at_its_next_start() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let path = start(&admin, &request("pump", &broker));
    let mut machine = Machine::new(&broker, "machine");
    machine.rows("pump", 0..40);
    wait_for_rows(&admin, &path, 40);
    let (url, more) = (path.clone(), std::thread::spawn(move || machine.rows("pump", 40..400)));
    service.kill();
    more.join().unwrap();
    let service = place.serve("");
    let admin = admin.at(&service.base);
    let kept = wait_until_kept(&admin, &url);
    assert_eq!(kept["ended_by"], "restart");
    let found = recordings(&admin, "pump");
    let rows = found[0]["rows"].as_u64().unwrap();
    assert!((40..400).contains(&rows), "{rows}");
    let id = found[0]["recording_id"].as_str().unwrap();
    let samples = format!("/api/data/recordings/{id}/samples?to_row=40");
    let samples = admin.get(&samples).expect(200).json();
    let x = samples["channels"][0]["min"].as_array().unwrap_or_else(|| panic!("{samples}"));
    let x: Vec<f64> = x.iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(x, (0..40).map(f64::from).collect::<Vec<_>>());
    drop(service);
    // What was kept is kept once.
    let service = place.serve("");
    let admin = admin.at(&service.base);
    assert_eq!(recordings(&admin, "pump").len(), 1);
    // It is still told what came of it.
    let told = admin.list("/api/data/recorders");
    assert_eq!((told.len(), &told[0]), (1, &kept));
    assert_eq!(admin.get(&url).expect(200).json(), kept);
    let stopped = admin.post(&format!("{url}/stop"), &json!({})).expect(202).json();
    assert_eq!(stopped["state"], "kept");
}

#[test]
fn a_trainer_that_is_stopped_keeps_what_its_recorders_heard_at_the_next_start() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve(&format!("--broker {}", broker.url()));
    let admin = service.admin();
    let mut asked = request("pump", &broker);
    asked.as_object_mut().unwrap().remove("broker");
    let path = start(&admin, &asked);
    Machine::new(&broker, "machine").rows("pump", 0..7);
    wait_for_rows(&admin, &path, 7);
    assert!(service.stop().success());
    let service = place.serve("");
    let admin = admin.at(&service.base);
    wait_until_kept(&admin, &path);
    assert_eq!(recordings(&admin, "pump")[0]["rows"], 7);
}

#[test]
fn topics_are_found_with_their_formats_and_channels() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let mut machine = Machine::new(&broker, "machine");
    for (topic, payload) in [
        ("plant/a/accel", r#"{"t_ms":1800000000000,"acc":{"x":1}}"#),
        ("plant/b/senml", r#"[{"n":"temp","u":"Cel","v":61.5}]"#),
        ("plant/c/speed", "1450"),
        ("plant/d/state", "running"),
        ("other/e", "1"),
    ] {
        machine.publish(topic, payload.as_bytes(), true);
    }
    let asked = json!({ "broker": broker.url(), "filter": "plant/#", "seconds": 0.5 });
    let found = admin.post("/api/data/topics", &asked).expect(200).json();
    let formats: Vec<&Value> =
        found["topics"].as_array().unwrap().iter().map(|t| &t["format"]).collect();
    assert_eq!(formats, [&json!("json"), &json!("senml-json"), &json!("number"), &Value::Null]);
    assert_eq!(found["topics"][1]["channels"][0]["unit"], "Cel");
    let table =
        place.command(&format!("--json topics --broker {} --seconds 0.5", broker.url())).output();
    let table: Value = serde_json::from_slice(&table.unwrap().stdout).unwrap();
    assert_eq!(table["topics"].as_array().unwrap().len(), 5);
}

#[test]
fn the_command_records_until_its_time_is_over_and_labels_what_comes() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let arguments = format!(
        "--json record pump --broker {} --topic {TOPIC} --seconds 0.5 --label idle",
        broker.url()
    );
    let mut command = place.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"loaded\n").unwrap();
    let mut machine = Machine::new(&broker, "machine");
    let mut number = 0;
    while child.try_wait().unwrap().is_none() {
        machine.rows("pump", number..number + 1);
        number += 1;
    }
    let output = child.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["ended_by"], &told["kept"]["version"]), (&json!("duration"), &json!(1)));
    assert_eq!(told["kept"]["recordings"][0]["classes"], json!(["loaded"]));
}

#[test]
fn what_cannot_be_recorded_is_refused_by_its_field() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let refused =
        |path: &str, body: Value| admin.post(path, &body).problem(422, "invalid")["field"].clone();
    let source = |topic: &str| json!({ "sources": [{ "topic": topic }] });
    let recorder = |settings: Value, broker: Value| {
        refused(
            "/api/data/recorders",
            json!({ "dataset": "d", "settings": settings, "broker": broker }),
        )
    };
    assert_eq!(recorder(source("a/#"), Value::Null), "sources[0].topic");
    assert_eq!(recorder(source("a/{b}"), Value::Null), "broker");
    assert_eq!(recorder(source("a/{b}"), json!("embedded")), "broker");
    assert_eq!(recorder(source("a/{b}"), json!("http://x")), "broker");
    let settings = json!({ "sources": [{ "topic": "a/{b}" }], "rate_hz": 0.0 });
    assert_eq!(recorder(settings, json!("mqtt://127.0.0.1:1")), "rate_hz");
    assert_eq!(refused("/api/data/topics", json!({ "seconds": 0.0 })), "seconds");
    assert_eq!(refused("/api/data/topics", json!({ "filter": "a/#/b" })), "filter");
    admin
        .post("/api/data/topics", &json!({ "broker": "mqtt://127.0.0.1:1" }))
        .problem(503, "unavailable");
    let unknown = "/api/data/recorders/01890000-0000-7000-8000-000000000000";
    admin.get(unknown).problem(404, "not_found");
    let said = place.refusal("record d --broker mqtt://127.0.0.1:1 --topic a/#");
    assert!(said.contains("--topic") && said.contains("a/#"), "{said}");
}

#[test]
fn a_recorder_is_its_owners_alone() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let path = start(&admin, &request("pump", &broker));
    let other = service.user(&admin, "bob");
    other.get(&path).problem(404, "not_found");
    other.post(&format!("{path}/stop"), &json!({})).problem(404, "not_found");
    other.put(&format!("{path}/label"), &json!({ "label": "x" })).problem(404, "not_found");
    assert!(other.list("/api/data/recorders").is_empty());
    assert_eq!(admin.list("/api/data/recorders").len(), 1);
}

#[test]
fn machines_are_simulated_with_trouble_on_the_way_and_everything_is_accounted_for() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let mut asked = request("hand", &broker);
    asked["settings"]["sources"][0]["topic"] = "cirame/samples/{stream}".into();
    let path = start(&admin, &asked);
    let other = Place::new();
    let publish = format!(
        "--json simulate motion --classes wave --per-class 1 --seconds 40 --speed 100 --chaos 0.3 \
         --seed 5 --publish {}",
        broker.url()
    );
    let output = other.command(&publish).output().unwrap();
    let played: Value = serde_json::from_slice(&output.stdout).unwrap();
    let trouble = played["trouble"].as_object().unwrap();
    assert_eq!(trouble.keys().collect::<Vec<_>>(), ["absurd", "duplicate", "late", "malformed"]);
    // Three rows in each message; the last one has the rest.
    let of_kind = |kind: &str| trouble[kind].as_u64().unwrap();
    let usual = 2500_u64.div_ceil(3);
    assert_eq!(played["messages"], usual + of_kind("duplicate") + of_kind("absurd"), "{played}");
    // The last message is known to have come once the counts stand at what was sent.
    let sent = played["messages"].as_u64().unwrap();
    let recorder = wait_for("all messages have come", || {
        let recorder = admin.get(&path).expect(200).json();
        let refused = recorder["refused"].as_object()?.values().map(|n| n.as_u64().unwrap());
        let streams = recorder["streams"].as_array()?.iter();
        let taken: u64 = streams.map(|stream| stream["messages"].as_u64().unwrap()).sum();
        (refused.sum::<u64>() + taken == sent).then_some(recorder)
    });
    assert!(recorder["refused"]["not_json"].as_u64() > Some(0), "{recorder}");
    admin.post(&format!("{path}/stop"), &json!({})).expect(202);
    let kept = wait_until_kept(&admin, &path);
    let stream = &kept["streams"][0];
    assert!(stream["late"].as_u64() > Some(0), "{stream}");
    assert!(stream["dropped"]["duplicate"].as_u64() > Some(0), "{stream}");
    let of = |name: &str| stream[name].as_u64().unwrap();
    let dropped = stream["dropped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap());
    assert_eq!(of("samples"), of("rows") + of("late") + dropped.sum::<u64>(), "{stream}");
}

#[test]
fn every_machine_of_the_catalogue_becomes_a_dataset_with_its_severity_and_onset() {
    let place = Place::new();
    for (machine, fault) in [
        ("compressor", "valve_leak"),
        ("furnace", "sensor_drift"),
        ("motion", "circle"),
        ("vibration", "inner_race"),
    ] {
        place.run(&format!(
            "simulate {machine} --classes {fault} --per-class 1 --seconds 60 --severity 0.8 --onset-s 45 --into {machine}"
        ));
        let shown = place.command(&format!("--json datasets show {machine}")).output().unwrap();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let labels = &shown["recordings"][0]["labels"];
        let rows = shown["recordings"][0]["rows"].as_u64().unwrap();
        assert_eq!(
            (&labels[1]["class"], labels[1]["from_row"].as_u64()),
            (&json!(fault), Some((rows * 3).div_ceil(4)))
        );
    }
    let said = place.refusal("simulate furnace --severity 2 --into x");
    assert!(said.contains("severity is 2"), "{said}");
}

#[test]
fn a_broker_that_goes_and_comes_back_is_joined_again() {
    let (mut broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let path = start(&admin, &request("pump", &broker));
    Machine::new(&broker, "machine").rows("pump", 0..3);
    wait_for_rows(&admin, &path, 3);
    broker.stop();
    let lost = wait_for("the recorder has lost the broker", || {
        let recorder = admin.get(&path).expect(200).json();
        (recorder["connected"] == false).then_some(recorder)
    });
    assert!(lost["lost"].is_string() && lost["state"] == "recording", "{lost}");
    broker.begin_again();
    wait_for("the recorder is connected", || {
        (admin.get(&path).expect(200).json()["connected"] == true).then_some(())
    });
    Machine::new(&broker, "machine").rows("pump", 3..6);
    wait_for_rows(&admin, &path, 6);
    admin.post(&format!("{path}/stop"), &json!({})).expect(202);
    wait_until_kept(&admin, &path);
    assert_eq!(recordings(&admin, "pump")[0]["rows"], 6);
}

#[test]
fn a_node_whose_birth_was_missed_is_asked_for_it() {
    let (broker, place) = (OpenMosquitto::start(), Place::new());
    let service = place.serve("");
    let admin = service.admin();
    let settings = json!({ "sparkplug_groups": ["+"] });
    let asked = json!({ "dataset": "line", "broker": broker.url(), "settings": settings });
    let path = start(&admin, &asked);
    let mut machine = Machine::new(&broker, "node");
    machine.client.subscribe("spBv1.0/g/NCMD/n", QoS::AtLeastOnce).unwrap();
    // A payload with sequence number 1, which follows no birth.
    machine.client.publish("spBv1.0/g/NDATA/n", QoS::AtLeastOnce, false, &b"\x18\x01"[..]).unwrap();
    let command = wait_for("the node is asked", || {
        match machine.connection.recv_timeout(Duration::from_millis(10)).ok()? {
            Ok(Event::Incoming(Packet::Publish(message))) => Some(message),
            Ok(_) => None,
            Err(error) => panic!("the broker is there: {error}"),
        }
    });
    assert!(command.payload.windows(7).any(|part| part == b"Rebirth"), "{:?}", command.payload);
    wait_for("the data is counted", || {
        (admin.get(&path).expect(200).json()["refused"]["not_born"] == 1).then_some(())
    });
}
