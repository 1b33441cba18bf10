//! Load for a service that reads samples from a broker and publishes results: how long it takes from the message
//! that completes a window to its result.
//!
//! `cargo bench -p edge-runtime --bench mqtt -- MODEL PORT PREFIX ROWS RATE SECONDS` sends messages of so many rows,
//! `RATE` a second over 100 streams, to `PREFIX/samples/STREAM`, and takes results from
//! `PREFIX/devices/+/results/STREAM`. Rate 0 sends as fast as results come, 500 at most under way. Prints a JSON line.
//! The service, whichever it is, must be there already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use model_format::artifact::Artifact;
use model_format::payload::time::{Decimal, TimeFormat};
use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, QoS};

const STREAMS: usize = 100;
/// Windows under way, where the rate is not given.
const UNDER_WAY: usize = 500;
/// Windows that are not counted: everything is cold then.
const WARM_UP: usize = 500;
/// Longest time without a result at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// When windows left, by stream and index.
type Sent = Arc<Mutex<HashMap<(usize, u64), Instant>>>;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    // `cargo test --benches` asks for nothing.
    let [model, port, prefix, rows, rate, seconds] = &arguments[..] else {
        eprintln!(
            "usage: cargo bench -p edge-runtime --bench mqtt -- MODEL PORT PREFIX ROWS RATE SECONDS"
        );
        return;
    };
    let bytes = std::fs::read(model).expect("the model can be read");
    let artifact = Artifact::read(&bytes).expect("the model is an artifact");
    let port: u16 = port.parse().expect("a port");
    let rows: usize = rows.parse().expect("rows in a message");
    let rate: usize = rate.parse().expect("messages a second");
    let seconds: u64 = seconds.parse().expect("seconds");
    let payloads = Payloads::of(&artifact, rows);
    let sent: Sent = Sent::default();
    let under_way = Arc::new(AtomicUsize::new(0));

    let (client, connection) = connect("bench-results", port);
    client.subscribe(format!("{prefix}/devices/+/results/+"), QoS::AtMostOnce).expect("queued");
    let (ready, is_ready) = mpsc::channel();
    let (results, taken) = mpsc::channel();
    let (table, count) = (Arc::clone(&sent), Arc::clone(&under_way));
    thread::spawn(move || take(connection, &table, &count, &ready, &results));
    is_ready.recv().expect("the broker takes the subscription");

    let (client, mut connection) = connect("bench-samples", port);
    thread::spawn(move || connection.iter().for_each(drop));
    // Streams of a run do not come again: to a service that is there since the run before, windows that
    // begin where they began before would be late.
    let run = std::process::id();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let began_ns = now.expect("the clock is right").as_nanos() as u64;
    let (start, end) = (Instant::now(), Duration::from_secs(seconds));
    let (mut number, mut windows, mut turn) = (0, 0, 0);
    while start.elapsed() < end {
        match rate {
            0 => {
                while under_way.load(Ordering::Relaxed) >= UNDER_WAY && start.elapsed() < end {
                    thread::sleep(Duration::from_micros(100));
                }
            }
            _ => {
                let due = Duration::from_secs_f64(number as f64 / rate as f64);
                thread::sleep(due.saturating_sub(start.elapsed()));
            }
        }
        let (stream, round) = (turn % STREAMS, turn / STREAMS);
        turn += 1;
        // Streams begin one after the other, so that their windows are not complete at the same time.
        let Some(index) = round.checked_sub(stream % payloads.parts.len()) else { continue };
        let payload = payloads.of_part(began_ns, index);
        if let Some(start_ns) = payloads.completes(began_ns, index) {
            windows += 1;
            under_way.fetch_add(1, Ordering::Relaxed);
            let mut sent = sent.lock().expect("no thread has panicked");
            sent.insert((stream, start_ns / 1_000_000), Instant::now());
        }
        let topic = format!("{prefix}/samples/bench-{run}-{stream}");
        client.publish(topic, QoS::AtMostOnce, false, payload).expect("queued");
        number += 1;
    }
    let took = start.elapsed();
    let mut times_ms = Vec::new();
    while times_ms.len() < windows {
        match taken.recv_timeout(PATIENCE) {
            Ok(time_ms) => times_ms.push(time_ms),
            Err(_) => break,
        }
    }
    let received = times_ms.len();
    let mut times_ms = times_ms.split_off(WARM_UP.min(received));
    times_ms.sort_by(f64::total_cmp);
    let quantile = |share: f64| times_ms.get((times_ms.len() as f64 * share) as usize).copied();
    println!(
        r#"{{"name":"mqtt","windows":{windows},"results":{received},"messages_per_s":{:.0},"p50_ms":{:.3},"p99_ms":{:.3}}}"#,
        number as f64 / took.as_secs_f64(),
        quantile(0.5).unwrap_or(f64::NAN),
        quantile(0.99).unwrap_or(f64::NAN),
    );
}

fn connect(name: &str, port: u16) -> (Client, Connection) {
    let mut options = MqttOptions::new(name, "127.0.0.1", port);
    options.set_max_packet_size(16 << 20, 16 << 20);
    let (client, mut connection) = Client::new(options, 1000);
    connection.eventloop.network_options.set_tcp_nodelay(true);
    (client, connection)
}

/// Takes results and tells how long each took, in milliseconds.
fn take(
    mut connection: Connection,
    sent: &Sent,
    under_way: &AtomicUsize,
    ready: &mpsc::Sender<()>,
    results: &mpsc::Sender<f64>,
) {
    for event in connection.iter() {
        let publish = match event.expect("the broker stays") {
            Event::Incoming(Incoming::SubAck(_)) => {
                ready.send(()).expect("somebody waits");
                continue;
            }
            Event::Incoming(Incoming::Publish(publish)) => publish,
            _ => continue,
        };
        let now = Instant::now();
        let stream = publish.topic.rsplit('-').next().and_then(|number| number.parse().ok());
        let result: serde_json::Value =
            serde_json::from_slice(&publish.payload).expect("a result is JSON");
        let start = result["start"]
            .as_str()
            .and_then(|text| TimeFormat::DateTime.parse(text, Decimal::Point).ok());
        let key = stream.zip(start).expect("a result has a stream and a start");
        let key = (key.0, key.1 as u64 / 1_000_000);
        let Some(left) = sent.lock().expect("no thread has panicked").remove(&key) else {
            continue;
        };
        under_way.fetch_sub(1, Ordering::Relaxed);
        if results.send(now.duration_since(left).as_secs_f64() * 1e3).is_err() {
            return;
        }
    }
}

/// Windows as tables, all with the same values at their own times, cut into messages.
struct Payloads {
    head: String,
    parts: Vec<String>,
    part_ns: u64,
}

impl Payloads {
    fn of(artifact: &Artifact, rows: usize) -> Payloads {
        let pipeline = &artifact.manifest().pipeline;
        let (window, rate_hz) =
            (pipeline.window, pipeline.rate.hz().expect("the model has a rate"));
        assert_eq!(window.stride_samples, window.length_samples, "windows do not overlap");
        let length = window.length_samples as usize;
        assert!(
            rows > 0 && length.is_multiple_of(rows),
            "whole messages make a window of {length}"
        );
        let names: Vec<&str> =
            pipeline.channels.iter().map(|channel| channel.name.as_str()).collect();
        let all: Vec<String> = (0..length)
            .map(|row| {
                let values = (0..names.len()).map(|channel| {
                    let phase = (row * (channel + 1)) as f64 / 7.0;
                    format!("{:.4}", phase.sin())
                });
                format!("[{}]", values.collect::<Vec<_>>().join(","))
            })
            .collect();
        let parts = all.chunks(rows).map(|rows| format!(r#","values":[{}]}}"#, rows.join(",")));
        Payloads {
            head: format!(
                r#"{{"channels":{},"rate_hz":{rate_hz},"t_ns":"#,
                serde_json::json!(names)
            ),
            parts: parts.collect(),
            part_ns: (rows as f64 * 1e9 / rate_hz) as u64,
        }
    }

    /// The message number `index` of a stream.
    fn of_part(&self, began_ns: u64, index: usize) -> String {
        let start_ns = began_ns + index as u64 * self.part_ns;
        format!("{}{start_ns}{}", self.head, self.parts[index % self.parts.len()])
    }

    /// When the window starts that this message completes.
    fn completes(&self, began_ns: u64, index: usize) -> Option<u64> {
        let parts = self.parts.len();
        let is_last = index % parts == parts - 1;
        is_last.then(|| began_ns + (index + 1 - parts) as u64 * self.part_ns)
    }
}
