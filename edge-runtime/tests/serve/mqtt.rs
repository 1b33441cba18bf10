//! Samples and results over a real broker.

use serde_json::{Value, json};

use super::mosquitto::Mosquitto;
use super::program::{Edge, run};
use super::subscriber::Subscriber;
use super::{array, as_of_run, object, rows, until};

const RESULTS: &str = "plant/devices/edge-1/results/pump-7";
const STATUS: &str = "plant/devices/edge-1/status";

fn edge(broker: &Mosquitto, model: &str, options: &[&str]) -> Edge {
    let url = broker.url();
    let mut all = vec!["--broker", &url, "--topic-prefix", "plant"];
    all.extend(options);
    let edge = Edge::start(model, &all);
    wait_for_broker(&edge);
    edge
}

fn wait_for_broker(edge: &Edge) {
    until("the connection to the broker", || {
        (edge.get("/health").json()["broker_connected"] == true).then_some(())
    });
}

/// The last status, once it satisfies `is_it`.
fn status(subscriber: &Subscriber, is_it: impl Fn(&Value) -> bool) -> Value {
    until("the status", || subscriber.on(STATUS).into_iter().rfind(&is_it))
}

#[test]
fn results_are_those_of_run() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "plant/devices/#");
    let rows = rows(400);
    for model in ["anomaly", "classification"] {
        let stream = format!("pump-{model}");
        let edge = edge(&broker, model, &[]);
        status(&subscriber, |status| status["models"][0]["name"] == model);
        for (number, row) in rows.iter().enumerate() {
            let payload = object(number, *row);
            subscriber.publish(&format!("plant/samples/{stream}"), payload.as_bytes());
        }
        let expected = run(model, "edge-1", &stream, &rows);
        assert!(expected.len() > 20);
        let topic = format!("plant/devices/edge-1/results/{stream}");
        let results = subscriber.wait_for(&topic, expected.len());
        for (number, result) in results.iter().enumerate() {
            assert_eq!(result["sequence"], number);
            assert_eq!(result["model"], model);
            assert_eq!(result["version"], Value::Null);
            assert_eq!(result["artifact_sha256"].as_str().unwrap().len(), 64);
        }
        let results: Vec<Value> = results.into_iter().map(as_of_run).collect();
        assert_eq!(results, expected);
        drop(edge);
    }
}

#[test]
fn results_wait_while_the_broker_is_away() {
    let mut broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "plant/devices/#");
    let edge = edge(&broker, "anomaly", &[]);
    status(&subscriber, |status| status["state"] == "online");
    let rows = rows(300);
    let before = edge.post("/v1/samples?stream=pump-7", array(&rows[..100]).as_bytes());
    subscriber.wait_for(RESULTS, before.json().as_array().unwrap().len());
    broker.stop();
    until("the loss of the connection", || {
        (edge.get("/health").json()["broker_connected"] == false).then_some(())
    });
    for (number, row) in rows.iter().enumerate().skip(100) {
        edge.post("/v1/samples?stream=pump-7", object(number, *row).as_bytes());
    }
    let health = edge.get("/health").json();
    assert!(health["results_waiting"].as_u64().unwrap() > 5, "{health}");
    broker.start_again();
    let expected = run("anomaly", "edge-1", "pump-7", &rows);
    let last = &expected.last().expect("there are results")["id"];
    until("the last result", || {
        subscriber.on(RESULTS).iter().any(|result| result["id"] == *last).then_some(())
    });
    // What the broker had not acknowledged when it ended comes twice.
    let mut results: Vec<Value> = subscriber.on(RESULTS).into_iter().map(as_of_run).collect();
    let mut known = std::collections::HashSet::new();
    results.retain(|result| known.insert(result["id"].to_string()));
    assert_eq!(results, expected);
    // And samples come in again.
    wait_for_broker(&edge);
    until("the subscription after the restart", || {
        subscriber.publish("plant/samples/new", b"{\"accX\":1}");
        let streams = edge.get("/v1/streams").json();
        streams["streams"].as_array()?.iter().find(|stream| stream["stream"] == "new").map(drop)
    });
    assert_eq!(edge.get("/health").json()["results_dropped"], 0);
}

#[test]
fn a_stream_that_does_not_fit_is_reported_with_what_is_near() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "plant/devices/#");
    let edge = edge(&broker, "anomaly", &["--max-streams", "2"]);
    status(&subscriber, |status| status["state"] == "online");
    subscriber.publish("plant/samples/odd", br#"{"t_ms":1,"acc_x":1,"accY":2}"#);
    subscriber.publish("plant/samples/good", object(0, [1.0, 2.0]).as_bytes());
    subscriber.publish("plant/samples/third", object(0, [1.0, 2.0]).as_bytes());
    subscriber.publish("plant/samples/good", b"no JSON");
    let is_odd = |stream: &&Value| stream["stream"] == "odd";
    let seen = status(&subscriber, |status| {
        let odd = status["streams"].as_array().and_then(|all| all.iter().find(is_odd).cloned());
        odd.is_some_and(|odd| odd["state"] == "mismatched")
    });
    let odd = seen["streams"].as_array().unwrap().iter().find(is_odd).unwrap();
    let text = odd["mismatch"].as_str().unwrap();
    assert!(text.contains("the model wants `accX`, `accY`"), "{text}");
    assert!(text.contains("did you mean \"acc_x\"?"), "{text}");
    let streams = edge.get("/v1/streams").json();
    assert!(streams["streams"].as_array().unwrap().iter().any(|stream| stream["mismatch"] == text));
    let figures = until("the drops", || {
        let figures = edge.get("/metrics").text;
        figures.contains("dropped_messages_total{reason=\"not_json\"} 1").then_some(figures)
    });
    for line in [
        "cirame_edge_dropped_messages_total{reason=\"too_many_streams\"} 1",
        "cirame_edge_streams 2",
        "cirame_edge_broker_connected 1",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} in\n{figures}");
    }
}

#[test]
fn the_end_is_told_and_comes_soon() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "plant/devices/#");
    for (signal, is_graceful) in [("TERM", true), ("INT", true), ("KILL", false)] {
        let before = subscriber.on(STATUS).len();
        let mut edge = edge(&broker, "anomaly", &[]);
        until("the model in the status", || {
            let all = subscriber.on(STATUS);
            all[before..].iter().find(|status| status["models"][0]["name"] == "anomaly").map(drop)
        });
        let before = subscriber.on(STATUS).len();
        edge.signal(signal);
        assert_eq!(edge.ended().success(), is_graceful, "{signal}");
        let all = subscriber.wait_for(STATUS, before + 1);
        assert_eq!(all.last().unwrap(), &json!({ "state": "offline" }), "{signal}");
    }
}

#[test]
fn a_broker_that_is_not_there_is_no_reason_to_end() {
    let mut broker = Mosquitto::start();
    broker.stop();
    let edge = Edge::start("anomaly", &["--broker", &broker.url(), "--topic-prefix", "plant"]);
    let answer = edge.post("/v1/samples?stream=pump-7", array(&rows(64)).as_bytes());
    assert_eq!(answer.json().as_array().unwrap().len(), 3);
    broker.start_again();
    wait_for_broker(&edge);
    until("an empty outbox", || (edge.get("/health").json()["results_waiting"] == 0).then_some(()));
}
