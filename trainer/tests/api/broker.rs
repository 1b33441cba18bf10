//! The embedded broker: it has its port, knows its passwords, and ends with its parent.

use std::net::TcpListener;
use std::time::Duration;

use model_format::id::Digest;
use rumqttc::{Client, ConnAck, ConnectReturnCode, Event, Incoming, MqttOptions};
use serde_json::json;

use crate::devices::TestDevice;
use crate::service::{Place, wait_for};

/// What the broker says to this login.
pub(crate) fn connect(address: &str, login: Option<(&str, &str)>) -> ConnectReturnCode {
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut options = MqttOptions::new("test", host, port.parse().unwrap());
    options.set_keep_alive(Duration::from_secs(5));
    if let Some((user, password)) = login {
        options.set_credentials(user, password);
    }
    let (client, mut connection) = Client::new(options, 10);
    let answer = connection.iter().next().expect("there is an event");
    drop(client);
    match answer {
        Ok(Event::Incoming(Incoming::ConnAck(ConnAck { code, .. }))) => code,
        Err(rumqttc::ConnectionError::ConnectionRefused(code)) => code,
        // The broker closes the connection of whom it does not know.
        Err(_) => ConnectReturnCode::NotAuthorized,
        Ok(other) => panic!("{other:?}"),
    }
}

/// The living children of a process.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("the system tells its processes");
    let child = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let (state, its_parent) = (fields.next()?, fields.next()?);
        let own = state != "Z" && its_parent == parent.to_string();
        if own { entry.file_name().to_str()?.parse().ok() } else { None }
    };
    processes.filter_map(Result::ok).filter_map(child).collect()
}

#[test]
fn a_taken_port_is_refused_with_the_option_to_change() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refusal = place.refusal(&format!("serve --listen 127.0.0.1:0 --broker embedded:{port}"));
    for part in [&*port.to_string(), "--broker embedded:PORT", "--broker mqtt://"] {
        assert!(refusal.contains(part), "{part} is missing in {refusal}");
    }
    drop(taken);
    place.serve(&format!("--broker embedded:{port}")).anybody().get("/api/health").expect(200);
}

#[test]
fn devices_get_a_password_of_their_own_and_nobody_else_gets_in() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let admin = service.admin();
    let address = service.broker.clone().expect("it says where the broker is");
    let token = admin.post("/api/enrolment-tokens", &json!({ "name": "t", "uses": 2 })).expect(201);
    let secret = token.json()["secret"].as_str().unwrap().to_owned();
    let enrolled = |number| {
        let answer = TestDevice::new(number).enrol(&service.anybody(), &secret).expect(201).json();
        let broker = answer["broker"].clone();
        assert_eq!(broker["port"], address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap());
        assert_eq!(
            (&broker["topic_prefix"], &broker["user"]),
            (&json!("cirame"), &answer["device_id"])
        );
        let text = |name: &str| broker[name].as_str().unwrap().to_owned();
        (text("user"), text("password"))
    };
    let ((user, password), (other, other_password)) = (enrolled(1), enrolled(2));
    assert_eq!(connect(&address, Some((&user, &password))), ConnectReturnCode::Success);
    assert_eq!(connect(&address, Some((&other, &other_password))), ConnectReturnCode::Success);
    assert_ne!(connect(&address, Some((&user, &other_password))), ConnectReturnCode::Success);
    assert_ne!(connect(&address, Some((&user, ""))), ConnectReturnCode::Success);
    assert_ne!(connect(&address, None), ConnectReturnCode::Success);
    assert!(!place.log().contains(&password));
    drop(service);

    // The passwords outlive the service.
    let service = place.serve("--broker embedded:0");
    let address = service.broker.clone().unwrap();
    assert_eq!(connect(&address, Some((&user, &password))), ConnectReturnCode::Success);
    let kept = std::fs::read(place.data().join("broker-secret")).unwrap();
    assert_ne!(Digest::of(&kept), Digest::of(b""));
}

#[test]
fn the_broker_is_started_again_where_it_dies_and_ends_with_its_parent() {
    let place = Place::new();
    let service = place.serve("--broker embedded:0");
    let children = || children(service.process_id());
    let first = children()[0];
    crate::service::signal(first, "KILL");
    let second =
        wait_for("another broker", || children().first().copied().filter(|&child| child != first));
    let address = service.broker.clone().unwrap();
    wait_for("it listens", || std::net::TcpStream::connect(&address).ok());
    service.kill();
    wait_for("it has ended", || {
        let gone = !std::path::Path::new(&format!("/proc/{second}")).exists();
        gone.then_some(())
    });
    assert!(std::net::TcpStream::connect(&address).is_err());
}
