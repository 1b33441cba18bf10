//! Accounts at a broker that is not ours: each device has its own, and may do what a device does.

use std::time::{Duration, Instant};

use rumqttc::{
    Client, ConnectReturnCode, Connection, Event, Incoming, MqttOptions, QoS, SubscribeReasonCode,
};
use serde_json::json;

use crate::broker::connect;
use crate::devices::TestDevice;
use crate::mosquitto::{Mosquitto, PASSWORD};
use crate::service::{PATIENCE, Place, wait_for};

/// A program that is signed in at the broker.
struct Program {
    client: Client,
    connection: Connection,
}

impl Program {
    fn new(broker: &Mosquitto, user: &str, password: &str) -> Self {
        let (host, port) = broker
            .address()
            .rsplit_once(':')
            .map(|(h, p)| (h.to_owned(), p.parse().unwrap()))
            .unwrap();
        let mut options = MqttOptions::new(format!("test-{user}"), host, port);
        options.set_credentials(user, password).set_keep_alive(Duration::from_secs(5));
        let (client, connection) = Client::new(options, 10);
        let mut program = Program { client, connection };
        program.wait(|packet| matches!(packet, Incoming::ConnAck(_)).then_some(()));
        program
    }

    fn wait<T>(&mut self, mut find: impl FnMut(Incoming) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event =
                self.connection.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let event = event.expect("something comes").expect("the connection holds");
            if let Event::Incoming(packet) = event
                && let Some(found) = find(packet)
            {
                return found;
            }
        }
    }

    /// True where the broker lets it follow the topic.
    fn may_follow(&mut self, topic: &str) -> bool {
        self.client.subscribe(topic, QoS::AtLeastOnce).unwrap();
        self.wait(|packet| match packet {
            Incoming::SubAck(answer) => {
                Some(answer.return_codes[0] != SubscribeReasonCode::Failure)
            }
            _ => None,
        })
    }

    fn publish(&mut self, topic: &str) {
        self.client.publish(topic, QoS::AtLeastOnce, false, "{}").unwrap();
        self.wait(|packet| matches!(packet, Incoming::PubAck(_)).then_some(()));
    }

    /// The topic of the next message.
    fn heard(&mut self) -> String {
        self.wait(|packet| match packet {
            Incoming::Publish(message) => Some(message.topic),
            _ => None,
        })
    }
}

/// User and password of a new device.
fn login(service: &crate::service::Service, secret: &str, number: u8) -> (String, String) {
    let answer = TestDevice::new(number).enrol(&service.anybody(), secret).expect(201).json();
    let text = |name: &str| answer["broker"][name].as_str().unwrap().to_owned();
    assert_eq!(answer["device_id"], answer["broker"]["user"]);
    (text("user"), text("password"))
}

#[test]
fn a_device_may_do_what_a_device_does_and_nothing_else() {
    let broker = Mosquitto::start();
    let place = Place::new();
    let service = place.serve(&format!("{} --device-topics plant/+/raw", broker.options()));
    let admin = service.admin();
    let token = admin.post("/api/enrolment-tokens", &json!({ "name": "t", "uses": 2 })).expect(201);
    let secret = token.json()["secret"].as_str().unwrap().to_owned();
    let ((one, password), (other, other_password)) =
        (login(&service, &secret, 1), login(&service, &secret, 2));
    assert_ne!(
        connect(&broker.address(), Some((&one, &other_password))),
        ConnectReturnCode::Success
    );
    assert_ne!(connect(&broker.address(), None), ConnectReturnCode::Success);

    let mut device = Program::new(&broker, &one, &password);
    for topic in [
        "cirame/samples/+",
        "cirame/samples/pump",
        "plant/+/raw",
        &format!("cirame/devices/{one}/command"),
    ] {
        assert!(device.may_follow(topic), "{topic}");
    }
    for topic in [
        "#",
        "cirame/#",
        "$CONTROL/dynamic-security/v1/response",
        "plant/#",
        &format!("cirame/devices/{other}/command"),
        &format!("cirame/devices/{other}/results/+"),
        &format!("cirame/devices/{one}/results/+"),
        "cirame/devices/+/status",
    ] {
        assert!(!device.may_follow(topic), "{topic}");
    }

    // MQTT 3.1.1 knows no refusal of a message: what is not allowed does not arrive.
    let mut all = Program::new(&broker, "trainer", PASSWORD);
    assert!(all.may_follow("cirame/#"));
    let own =
        ["results/pump", "alarms/pump", "status"].map(|of| format!("cirame/devices/{one}/{of}"));
    for topic in [
        "cirame/samples/pump".to_owned(),
        format!("cirame/devices/{other}/results/pump"),
        format!("cirame/devices/{other}/status"),
        format!("cirame/devices/{one}/command"),
        format!("cirame/devices/{one}/results/pump/more"),
        "$CONTROL/dynamic-security/v1".to_owned(),
    ] {
        device.publish(&topic);
    }
    for topic in &own {
        device.publish(topic);
        assert_eq!(all.heard(), *topic);
    }

    // The account goes with the device.
    assert_eq!(
        connect(&broker.address(), Some((&other, &other_password))),
        ConnectReturnCode::Success
    );
    admin.delete(&format!("/api/devices/{other}")).expect(204);
    wait_for("its account is gone", || {
        let code = connect(&broker.address(), Some((&other, &other_password)));
        (code != ConnectReturnCode::Success).then_some(())
    });
    assert!(!place.log().contains(&password));
}

#[test]
fn a_sensor_may_publish_samples_and_nothing_else() {
    let broker = Mosquitto::start();
    let place = Place::new();
    let service = place.serve(&broker.options());
    let admin = service.admin();
    let token = admin.post("/api/enrolment-tokens", &json!({ "name": "t" })).expect(201);
    let secret = token.json()["secret"].as_str().unwrap().to_owned();
    let (one, password) = login(&service, &secret, 1);
    let mut device = Program::new(&broker, &one, &password);
    assert!(device.may_follow("cirame/samples/+"));
    let mut all = Program::new(&broker, "trainer", PASSWORD);
    assert!(all.may_follow("cirame/#"));
    let output =
        place.command(&format!("broker-login pump {} --json", broker.options())).output().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sensor_password = made["password"].as_str().unwrap();
    let mut sensor = Program::new(&broker, "pump", sensor_password);
    sensor.publish(&format!("cirame/devices/{one}/results/pump"));
    sensor.publish("cirame/samples/pump");
    assert_eq!(device.heard(), "cirame/samples/pump");
    assert_eq!(all.heard(), "cirame/samples/pump");
    assert!(!sensor.may_follow("cirame/samples/+"));
    place.run(&format!("broker-login pump {} --remove", broker.options()));
    assert_ne!(
        connect(&broker.address(), Some(("pump", sensor_password))),
        ConnectReturnCode::Success
    );
    let refusal = place.refusal(&format!("broker-login {one} {}", broker.options()));
    assert!(refusal.contains("choose another name"), "{refusal}");
}

#[test]
fn a_broker_that_has_lost_its_accounts_gets_them_again() {
    let mut broker = Mosquitto::start();
    let place = Place::new();
    let service = place.serve(&broker.options());
    let admin = service.admin();
    let token = admin.post("/api/enrolment-tokens", &json!({ "name": "t", "uses": 2 })).expect(201);
    let secret = token.json()["secret"].as_str().unwrap().to_owned();
    let (one, password) = login(&service, &secret, 1);
    let gets_in = |broker: &Mosquitto| {
        let code = connect(&broker.address(), Some((&one, &password)));
        (code == ConnectReturnCode::Success).then_some(())
    };
    gets_in(&broker).expect("it has its account");
    let output =
        place.command(&format!("broker-login pump {} --json", broker.options())).output().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sensor_gets_in = |broker: &Mosquitto| {
        let login = ("pump", made["password"].as_str().unwrap());
        let code = connect(&broker.address(), Some(login));
        (code == ConnectReturnCode::Success).then_some(())
    };
    sensor_gets_in(&broker).expect("it has its account, too");
    broker.forget_all();
    wait_for("it has its account again", || gets_in(&broker));
    wait_for("the sensor has its account again", || sensor_gets_in(&broker));
    drop(service);
    broker.forget_all();
    let service = place.serve(&broker.options());
    wait_for("it has its account after a start of the trainer", || gets_in(&broker));
    wait_for("the sensor has its own, too", || sensor_gets_in(&broker));
    // One that was taken away does not come back.
    place.run(&format!("broker-login pump {} --remove", broker.options()));
    broker.forget_all();
    wait_for("the device has its account again", || gets_in(&broker));
    assert!(sensor_gets_in(&broker).is_none());
    drop(service);
}

#[test]
fn a_broker_that_gives_no_accounts_is_told_and_enrolment_goes_on() {
    let broker = Mosquitto::start();
    let place = Place::new();
    let wrong = broker.password_file().with_file_name("wrong");
    std::fs::write(&wrong, "another password\n").unwrap();
    let options = format!(
        "--broker mqtt://trainer@{} --broker-password-file {} --broker-accounts \
         --broker-for-devices plant.example:1884",
        broker.address(),
        wrong.display()
    );
    let service = place.serve(&options);
    let admin = service.admin();
    let token = admin.post("/api/enrolment-tokens", &json!({ "name": "t" })).expect(201);
    let secret = token.json()["secret"].as_str().unwrap().to_owned();
    let answer = TestDevice::new(1).enrol(&service.anybody(), &secret).expect(201).json();
    assert_eq!(
        (&answer["broker"]["host"], &answer["broker"]["port"]),
        (&json!("plant.example"), &json!(1884))
    );
    wait_for("the log tells it", || place.log().contains("--broker-password-file").then_some(()));
    drop(service);

    for (options, part) in [
        ("serve --broker embedded:0 --broker-accounts", "mqtt://USER@HOST"),
        ("serve --broker mqtt://h --broker-password-file /nowhere", "names no user"),
        ("serve --broker mqtt://u@h --broker-password-file /nowhere", "/nowhere cannot be read"),
        (
            "serve --broker mqtt://u@h --device-topics a/#/b --broker-accounts",
            "a topic is expected",
        ),
        ("broker-login pump --broker mqtt://u@h", "--broker-accounts"),
    ] {
        let refusal = place.refusal(options);
        assert!(refusal.contains(part), "{part} is missing in {refusal}");
    }
}
