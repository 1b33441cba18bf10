//! Streams, alarms and commands as a configuration file says them, over a real broker.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::mosquitto::Mosquitto;
use super::program::{Edge, run};
use super::subscriber::Subscriber;
use super::{as_of_run, object, rows, until};

const STATUS: &str = "cirame/devices/edge-1/status";
const ALARMS: &str = "cirame/devices/edge-1/alarms/3.pump";

fn wait_for_broker(edge: &Edge) {
    until("the connection to the broker", || {
        (edge.get("/health").json()["broker_connected"] == true).then_some(())
    });
}

/// A configuration, in a file.
fn config(folder: &Path, text: &str) -> String {
    let path = folder.join("edge.toml");
    fs::write(&path, text).expect("the folder can be written");
    path.display().to_string()
}

#[test]
fn two_processes_that_divide_the_streams_lose_and_double_nothing() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    let url = broker.url();
    let parts = ["1/2", "2/2"].map(|part| {
        let edge = Edge::start("anomaly", &["--broker", &url, "--shard", part]);
        wait_for_broker(&edge);
        edge
    });
    let rows = rows(200);
    let streams: Vec<String> = (0..12).map(|stream| format!("pump-{stream}")).collect();
    for (number, row) in rows.iter().enumerate() {
        for stream in &streams {
            let payload = object(number, *row);
            subscriber.publish(&format!("cirame/samples/{stream}"), payload.as_bytes());
        }
    }
    for stream in &streams {
        let expected = run("anomaly", "edge-1", stream, &rows);
        let topic = format!("cirame/devices/edge-1/results/{stream}");
        let results = subscriber.wait_for(&topic, expected.len());
        let results: Vec<Value> = results.into_iter().map(as_of_run).collect();
        assert_eq!(results, expected, "{stream}");
    }
    let counts = parts.map(|edge| edge.get("/health").json()["streams"].as_u64().unwrap());
    assert!(counts[0] > 0 && counts[1] > 0 && counts[0] + counts[1] == 12, "{counts:?}");
    for part in ["1of2", "2of2"] {
        assert_eq!(subscriber.on(&format!("{STATUS}/{part}"))[0]["state"], "online");
    }
}

const WATCHED: &str = r#"
[[source]]
topic = "plant/{line}/{machine}/accel"

[[alarm]]
name = "odd"
watch = "score"
above = 0.0
clear = -1.0
severity = "critical"
raise_windows = 2

[results]
every_s = 3600
"#;

#[test]
fn an_alarm_is_raised_acknowledged_and_known_after_a_kill() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    let (url, folder) = (broker.url(), tempfile::tempdir().unwrap());
    let config = config(folder.path(), WATCHED);
    let state = folder.path().join("state").display().to_string();
    let options = ["--broker", &url, "--config", &config, "--state", &state];
    let edge = Edge::start("anomaly", &options);
    wait_for_broker(&edge);
    let rows = rows(200);
    let send = |from: usize, to: usize| {
        for (number, row) in rows.iter().enumerate().take(to).skip(from) {
            subscriber.publish("plant/3/pump/accel", object(number, *row).as_bytes());
        }
    };
    send(0, 100);
    let raise = subscriber.wait_for(ALARMS, 1).remove(0);
    assert_eq!(raise["event"], "raise");
    assert_eq!(raise["severity"], "critical");
    assert!(raise["text"].as_str().unwrap().starts_with("3.pump: odd: the score has been"));
    let command = r#"{"command":"acknowledge","stream":"3.pump","by":"Ann"}"#;
    subscriber.publish("cirame/devices/edge-1/command", command.as_bytes());
    let acknowledged = subscriber.wait_for(ALARMS, 2).remove(1);
    assert_eq!(acknowledged["event"], "acknowledge");
    assert_eq!(acknowledged["alarm_id"], raise["alarm_id"]);
    let known = |status: &Value| {
        let alarm = &status["alarms"][0];
        alarm["alarm"] == "odd" && alarm["acknowledged"] == true
    };
    until("the status", || subscriber.on(STATUS).into_iter().rfind(known));
    // The file is written by a thread of its own.
    until("the file of raised alarms", || {
        let text = fs::read_to_string(Path::new(&state).join("alarms.json")).ok()?;
        text.contains("\"is_acknowledged\":true").then_some(())
    });
    until("the note of streams that live", || {
        let text = fs::read_to_string(Path::new(&state).join("boot.json")).ok()?;
        text.contains("3.pump").then_some(())
    });
    edge.signal("KILL");
    drop(edge);

    let edge = Edge::start("anomaly", &options);
    wait_for_broker(&edge);
    let boots = |status: &Value| status["boot"] == 2 && known(status);
    until("the status after the kill", || subscriber.on(STATUS).into_iter().rfind(boots));
    let metrics = edge.get("/metrics").text;
    assert!(metrics.contains(r#"cirame_edge_gaps_total{reason="restart"} 1"#), "{metrics}");
    send(100, 200);
    until("windows", || (edge.get("/health").json()["windows"].as_u64()? > 2).then_some(()));
    assert_eq!(subscriber.on(ALARMS).len(), 2, "it is raised already");
    // The first window after each start is published, the others are thinned out.
    let results = subscriber.on("cirame/devices/edge-1/results/3.pump");
    assert!(results.len() <= 3, "{results:?}");
}

#[test]
fn a_hundred_thousand_topics_are_counted_and_take_no_memory() {
    const TOPICS: usize = 100_000;
    const STREAMS: usize = 50;
    let broker = Mosquitto::start_with(|_| {
        "allow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\n".to_owned()
    });
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    let url = broker.url();
    let limit = STREAMS.to_string();
    let options = ["--broker", &url, "--max-streams", &limit];
    let edge = Edge::start("anomaly", &options);
    wait_for_broker(&edge);
    let figure = |line: &str| edge.get("/metrics").text.lines().any(|found| found == line);
    let memory = || edge.get("/health").json()["memory_bytes"].as_u64().unwrap();
    let rows = rows(64);
    // Half of the topics before, so that memory that is kept for good is there already.
    let send = |topics: std::ops::Range<usize>| {
        for topic in topics {
            subscriber.publish(
                &format!("cirame/samples/t{topic}"),
                b"{\"t_ms\":1,\"accX\":1,\"accY\":1}",
            );
        }
    };
    let refused = |count: usize| {
        let line =
            format!("cirame_edge_dropped_messages_total{{reason=\"too_many_streams\"}} {count}");
        until("the count of the topics", || figure(&line).then_some(()));
    };
    send(0..TOPICS / 2);
    refused(TOPICS / 2 - STREAMS);
    let before = memory();
    send(TOPICS / 2..TOPICS);
    refused(TOPICS - STREAMS);
    let after = memory();
    assert!(after < before + (4 << 20), "{before} bytes before, {after} after");
    assert!(figure(&format!("cirame_edge_streams {STREAMS}")));
    // A stream that is known is still answered.
    for (number, row) in rows.iter().enumerate() {
        subscriber.publish("cirame/samples/t7", object(number + 1, *row).as_bytes());
    }
    assert!(!subscriber.wait_for("cirame/devices/edge-1/results/t7", 1).is_empty());
}

#[test]
fn a_sparkplug_node_without_a_birth_is_asked_for_one() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "spBv1.0/plant/NCMD/#");
    let (url, folder) = (broker.url(), tempfile::tempdir().unwrap());
    let config = config(folder.path(), "[[sparkplug]]\ngroup = \"plant\"\n");
    let edge = Edge::start("anomaly", &["--broker", &url, "--config", &config]);
    wait_for_broker(&edge);
    // A payload with a timestamp and the sequence number 3.
    subscriber.publish("spBv1.0/plant/NDATA/press", &[0x08, 0x01, 0x18, 0x03]);
    let asked = until("the request", || subscriber.raw("spBv1.0/plant/NCMD/press").pop());
    let text = String::from_utf8_lossy(&asked);
    assert!(text.contains("Node Control/Rebirth"), "{text}");
}

#[test]
fn a_configuration_that_cannot_be_followed_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "[[alarm]]\nname = \"a\"\nwatch = \"value\"\n");
    let mut command = super::program::program();
    command.arg("serve").arg(super::model("anomaly")).args(["--config", &config]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("[[alarm]] number 1") && text.contains("above"), "{text}");
}
