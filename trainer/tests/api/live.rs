//! What happens on devices, as their owner follows it: results through the real broker, devices,
//! deployments.

use std::time::Duration;

use rumqttc::{Client as MqttClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};

use crate::client::{Client, Events};
use crate::devices::TestDevice;
use crate::service::{Place, Service, signal, wait_for};

/// A device with its access to the broker.
struct Publishing {
    id: String,
    user: String,
    password: String,
}

/// A device of `owner` that can publish.
fn publishing(number: u8, owner: &Client) -> Publishing {
    let token = owner.post("/api/enrolment-tokens", &json!({ "name": "t" })).expect(201).json();
    let secret = token["secret"].as_str().unwrap().to_owned();
    let answer = TestDevice::new(number).enrol(&owner.anonymous(), &secret).expect(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let broker = &answer["broker"];
    Publishing {
        id: text(&answer["device_id"]),
        user: text(&broker["user"]),
        password: text(&broker["password"]),
    }
}

impl Publishing {
    /// Publishes to a stream of a device, and waits until the broker has all.
    fn publish(&self, service: &Service, device: &str, payloads: &[Vec<u8>]) {
        let address = service.broker.as_ref().unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        let id = format!("test-{}-{}", self.id, payloads.len());
        let mut options = MqttOptions::new(id, host, port.parse().unwrap());
        options.set_keep_alive(Duration::from_secs(5));
        options.set_max_packet_size(1 << 20, 1 << 20);
        options.set_credentials(&self.user, &self.password);
        let (client, mut connection) = MqttClient::new(options, 100);
        for payload in payloads {
            let topic = format!("cirame/devices/{device}/results/pump-1");
            client.publish(topic, QoS::AtLeastOnce, false, payload.clone()).unwrap();
        }
        // Once all is acknowledged the connection just closes: rumqttd ends a client that says goodbye twice, and the
        // second end can meet the client that has its place by then.
        let mut left = payloads.len();
        while left > 0 {
            let event = connection.recv().expect("it lasts").expect("the broker takes it");
            if let Event::Incoming(Packet::PubAck(_)) = event {
                left -= 1;
            }
        }
    }
}

fn result(index: u64) -> Vec<u8> {
    json!({ "class": "bearing", "index": index }).to_string().into_bytes()
}

/// The events of a client that follows, from the moment when results arrive.
fn follow(client: &Client, path: &str) -> Events {
    let events = client.events(path);
    let (first, broker) = events.next();
    assert_eq!(first, "broker");
    if broker["state"] != "connected" {
        events.find("broker", |broker| broker["state"] == "connected");
    }
    events
}

#[test]
fn a_result_is_told_to_the_owner_of_its_device_alone() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let admin = service.admin();
    let ada = service.user(&admin, "ada");
    let (pump, fan) = (publishing(1, &admin), publishing(2, &ada));
    let (of_admin, of_ada) =
        (follow(&admin, "/api/devices/events"), follow(&ada, "/api/devices/events"));
    pump.publish(&service, &pump.id, &[result(0), result(1)]);
    fan.publish(&service, &fan.id, &[result(2)]);
    let told = of_admin.find("result", |_| true);
    assert_eq!(told["device_id"], *pump.id);
    assert_eq!(told["stream"], "pump-1");
    assert_eq!(told["result"], json!({ "class": "bearing", "index": 0 }));
    assert!(told["received_ms"].as_i64().unwrap() > 1_700_000_000_000, "{told}");
    assert_eq!(of_admin.find("result", |_| true)["result"]["index"], 1);
    // What came before is not told to another user: the first thing that she sees is her own.
    let told = of_ada.find("result", |_| true);
    assert_eq!((&told["device_id"], &told["result"]["index"]), (&json!(fan.id), &json!(2)));

    // One who comes later sees what there was, and of one device alone where that is asked for.
    let later = admin.events(&format!("/api/devices/events?device={}", pump.id));
    let names: Vec<String> = (0..4).map(|_| later.next().0).collect();
    assert_eq!(names, ["broker", "device", "result", "result"]);
    let foreign = format!("/api/devices/events?device={}", fan.id);
    admin.get(&foreign).problem(404, "not_found");
    admin.anonymous().get("/api/devices/events").problem(401, "not_signed_in");
}

#[test]
fn sixty_results_of_a_stream_are_kept() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let admin = service.admin();
    let pump = publishing(1, &admin);
    let live = follow(&admin, "/api/devices/events");
    let all: Vec<Vec<u8>> = (0..70).map(result).collect();
    pump.publish(&service, &pump.id, &all);
    live.find("result", |told| told["result"]["index"] == 69);
    let later = admin.events("/api/devices/events");
    let first = later.find("result", |_| true);
    assert_eq!(first["result"]["index"], 10);
    for index in 11..70 {
        let (event, told) = later.next();
        assert_eq!((&*event, &told["result"]["index"]), ("result", &json!(index)));
    }
}

#[test]
fn results_arrive_again_after_the_broker_has_died() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let admin = service.admin();
    let pump = publishing(1, &admin);
    let live = follow(&admin, "/api/devices/events");
    let broker = wait_for("the broker's process", || {
        crate::broker::children(service.process_id()).first().copied()
    });
    signal(broker, "KILL");
    let lost = live.find("broker", |broker| broker["state"] == "connecting");
    assert!(!lost["detail"].as_str().unwrap().is_empty(), "{lost}");
    live.find("broker", |broker| broker["state"] == "connected");
    pump.publish(&service, &pump.id, &[result(7)]);
    assert_eq!(live.find("result", |_| true)["result"]["index"], 7);
}

#[test]
fn what_is_no_result_of_a_known_device_is_counted_and_not_told() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let admin = service.admin();
    let (pump, gone) = (publishing(1, &admin), publishing(2, &admin));
    let live = follow(&admin, "/api/devices/events");
    admin.delete(&format!("/api/devices/{}", gone.id)).expect(204);
    let mut large = json!({ "text": "x".repeat(65 << 10) }).to_string().into_bytes();
    pump.publish(&service, &pump.id, &[large.clone(), b"[1]".to_vec(), b"{".to_vec()]);
    large.truncate(10);
    gone.publish(&service, &gone.id, &[result(1)]);
    pump.publish(&service, "nobody", &[result(2)]);
    pump.publish(&service, &pump.id, &[result(3)]);
    assert_eq!(live.find("result", |_| true)["result"]["index"], 3);
    let metrics = String::from_utf8(admin.get("/metrics").expect(200).body).unwrap();
    for (reason, count) in [("TooLarge", 1), ("Unreadable", 2), ("UnknownDevice", 2)] {
        let name = "cirame_trainer_device_results_dropped_total";
        let line = format!("{name}{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} is missing in {metrics}");
    }
    assert!(metrics.contains("cirame_trainer_device_results_total 1\n"), "{metrics}");
}

#[test]
fn devices_and_deployments_are_told_as_they_change() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    admin.train("pump", "m");
    let ada = service.user(&admin, "ada");
    let (live, of_ada) = (admin.events("/api/devices/events"), ada.events("/api/devices/events"));
    // The trainer was started without a broker, and says so.
    assert_eq!(live.next(), ("broker".to_owned(), json!({ "state": "none" })));
    assert_eq!(of_ada.next(), ("broker".to_owned(), json!({ "state": "none" })));

    let device = TestDevice::new(1).enrolled(&admin);
    let enrolled = live.find("device", |_| true);
    assert_eq!((&enrolled["id"], &enrolled["seen_ms"]), (&json!(device.id), &Value::Null));
    device.heartbeat(&anybody, Value::Null).expect(200);
    let seen = live.find("device", |_| true);
    assert_eq!(seen, admin.get(&format!("/api/devices/{}", device.id)).json());
    assert!(seen["seen_ms"].is_number(), "{seen}");

    let asked = json!({ "device_id": device.id, "model": "m" });
    let first = admin.post("/api/deployments", &asked).expect(201).json();
    assert_eq!(live.find("deployment", |_| true), first);
    let report = json!({ "deployment_id": first["id"], "state": "serving", "proof": { "p": 1 } });
    device.heartbeat(&anybody, report.clone()).expect(200);
    let serving = live.find("deployment", |_| true);
    assert_eq!((&serving["status"], &serving["proof"]), (&json!("serving"), &json!({ "p": 1 })));
    // The same again is no news.
    device.heartbeat(&anybody, report).expect(200);
    let second = admin.post("/api/deployments", &asked).expect(201).json();
    assert_eq!(live.find("deployment", |_| true)["status"], "replaced");
    assert_eq!(live.find("deployment", |_| true), second);

    // Nothing of it was told to another user.
    let own = TestDevice::new(2).enrolled(&ada);
    assert_eq!(of_ada.next().1["id"], *own.id);
}

#[test]
fn events_end_with_the_service() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let live = service.admin().events("/api/devices/events");
    live.next();
    let began = std::time::Instant::now();
    assert!(service.stop().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
