//! Brokers that die, networks that fail and kills of the program: what was completed arrives.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::mosquitto::Mosquitto;
use super::program::{Edge, is_emulated, run};
use super::proxy::{Network, Proxy};
use super::subscriber::Subscriber;
use super::{array, as_of_run, object, rows, until};

const RESULTS: &str = "cirame/devices/edge-1/results/pump-7";
const VERSIONS: [&str; 2] = ["3.1.1", "5"];
/// Windows of the model, in rows.
const WINDOW_ROWS: usize = 32;

fn wait_for_broker(edge: &Edge, is_connected: bool) {
    until("the state of the connection", || {
        (edge.get("/health").json()["broker_connected"] == is_connected).then_some(())
    });
}

/// Gives the rows from `from` on to the program by HTTP, one by one.
fn post(edge: &Edge, rows: &[[f32; 2]], from: usize) {
    for (number, row) in rows.iter().enumerate().skip(from) {
        let answer = edge.post("/v1/samples?stream=pump-7", object(number, *row).as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

/// All results arrive, in order, each at least once; repeats are the same.
fn check_all_arrive(subscriber: &Subscriber, rows: &[[f32; 2]]) {
    let expected = run("anomaly", "edge-1", "pump-7", rows);
    let last = &expected.last().expect("there are results")["id"];
    until("the last result", || {
        subscriber.on(RESULTS).iter().any(|result| result["id"] == *last).then_some(())
    });
    let mut found: Vec<Value> = Vec::new();
    for result in subscriber.on(RESULTS) {
        match found.iter().find(|known| known["id"] == result["id"]) {
            Some(known) => assert_eq!(*known, result),
            None => found.push(result),
        }
    }
    let found: Vec<Value> = found.into_iter().map(as_of_run).collect();
    assert_eq!(found, expected);
}

#[test]
fn results_survive_a_broker_that_is_killed() {
    for version in VERSIONS {
        // It writes down at once what it has acknowledged.
        let settings = "allow_anonymous true\nautosave_interval 1\nautosave_on_changes true\n";
        let mut broker = Mosquitto::start_with(|_| settings.to_owned());
        let subscriber = Subscriber::start(&broker, "cirame/devices/#");
        let url = broker.url();
        let edge = Edge::start("anomaly", &["--broker", &url, "--mqtt-version", version]);
        wait_for_broker(&edge, true);
        let rows = rows(400);
        let first = edge.post("/v1/samples?stream=pump-7", array(&rows[..100]).as_bytes());
        subscriber.wait_for(RESULTS, first.json().as_array().unwrap().len());
        broker.kill();
        wait_for_broker(&edge, false);
        post(&edge, &rows[..300], 100);
        broker.start_again();
        post(&edge, &rows, 300);
        check_all_arrive(&subscriber, &rows);
    }
}

#[test]
fn results_survive_connections_that_are_cut_while_they_leave() {
    let broker = Mosquitto::start();
    let proxy = Proxy::start(&broker);
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    let edge = Edge::start("anomaly", &["--broker", &proxy.url()]);
    wait_for_broker(&edge, true);
    let rows = rows(1200);
    for part in 0..6 {
        if part % 2 == 1 {
            proxy.set(Network::Cut);
        }
        post(&edge, &rows[..200 * (part + 1)], 200 * part);
        proxy.set(Network::Works);
    }
    check_all_arrive(&subscriber, &rows);
    assert!(proxy.accepted() > 1);
}

#[test]
fn a_network_that_swallows_everything_is_noticed() {
    for version in VERSIONS {
        let broker = Mosquitto::start();
        let proxy = Proxy::start(&broker);
        let subscriber = Subscriber::start(&broker, "cirame/devices/#");
        let url = proxy.url();
        let options = ["--broker", &url, "--mqtt-version", version, "--keep-alive-s", "5"];
        let edge = Edge::start("anomaly", &options);
        wait_for_broker(&edge, true);
        let rows = rows(300);
        post(&edge, &rows[..100], 0);
        proxy.set(Network::Stalls);
        post(&edge, &rows[..200], 100);
        wait_for_broker(&edge, false);
        // What is on its way in the dead connection must not come after what leaves anew.
        proxy.set(Network::Cut);
        proxy.set(Network::Works);
        post(&edge, &rows, 200);
        check_all_arrive(&subscriber, &rows);
    }
}

#[test]
fn a_slow_network_holds_up_nobody_and_loses_nothing() {
    let broker = Mosquitto::start();
    let proxy = Proxy::start(&broker);
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    let edge = Edge::start("anomaly", &["--broker", &proxy.url()]);
    wait_for_broker(&edge, true);
    proxy.set(Network::Slow(20_000));
    let rows = rows(2000);
    let began = Instant::now();
    let answer = edge.post("/v1/samples?stream=pump-7", array(&rows).as_bytes());
    assert_eq!(answer.status, 200);
    let took = began.elapsed();
    let waiting = edge.get("/health").json()["results_waiting"].as_u64().unwrap();
    assert!(waiting > 20, "{waiting} results wait after {took:?}");
    check_all_arrive(&subscriber, &rows);
    assert!(began.elapsed() > took + Duration::from_millis(500));
}

/// A network namespace that is joined with this one; gone with its test.
struct Namespace {
    name: String,
}

impl Namespace {
    /// None where this user or system may not.
    fn new() -> Option<Namespace> {
        let id = std::process::id();
        let namespace = Namespace { name: format!("cirame-{id}") };
        let (name, outside, inside) = (&namespace.name, format!("ca{id}"), format!("cb{id}"));
        let [a, b] = [1, 2].map(|host| format!("10.213.{}.{host}", id % 250));
        let steps = [
            format!("netns add {name}"),
            format!("link add {outside} type veth peer name {inside}"),
            format!("link set {inside} netns {name}"),
            format!("addr add {a}/30 dev {outside}"),
            format!("link set {outside} up"),
            format!("-n {name} addr add {b}/30 dev {inside}"),
            format!("-n {name} link set {inside} up"),
            format!("-n {name} link set lo up"),
        ];
        steps.iter().all(|step| ip(step)).then_some(namespace)
    }

    fn host(&self) -> String {
        format!("10.213.{}.2", std::process::id() % 250)
    }

    fn set_link(&self, state: &str) {
        assert!(ip(&format!("link set ca{} {state}", std::process::id())));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&format!("link del ca{}", std::process::id()));
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn results_survive_a_network_cable_that_is_pulled() {
    let Some(namespace) = Namespace::new() else {
        eprintln!("left out: this user or system may not make network namespaces");
        return;
    };
    let before = ["ip", "netns", "exec", &namespace.name];
    let settings = |_: &_| "allow_anonymous true\n".to_owned();
    let broker = Mosquitto::start_at(&namespace.host(), &before, settings);
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    let edge = Edge::start("anomaly", &["--broker", &broker.url(), "--keep-alive-s", "5"]);
    wait_for_broker(&edge, true);
    let rows = rows(300);
    post(&edge, &rows[..100], 0);
    namespace.set_link("down");
    post(&edge, &rows[..200], 100);
    wait_for_broker(&edge, false);
    namespace.set_link("up");
    post(&edge, &rows, 200);
    check_all_arrive(&subscriber, &rows);
}

#[test]
fn results_survive_the_program_that_is_killed_without_a_broker() {
    let mut broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "cirame/devices/#");
    broker.stop();
    let state = tempfile::tempdir().unwrap();
    let (url, folder) = (broker.url(), state.path().to_str().unwrap());
    let options = ["--broker", &url, "--state", folder];
    let rows = rows(200);
    let edge = Edge::start("anomaly", &options);
    post(&edge, &rows, 0);
    let waiting = edge.get("/health").json()["results_waiting"].clone();
    until("the live stream on the disk", || {
        let text = std::fs::read_to_string(state.path().join("boot.json")).ok()?;
        text.contains("pump-7").then_some(())
    });
    // Gone as by kill -9.
    drop(edge);
    let edge = Edge::start("anomaly", &options);
    assert_eq!(edge.get("/health").json()["results_waiting"], waiting);
    let figures = edge.get("/metrics").text;
    let gap = "cirame_edge_gaps_total{reason=\"restart\"} 1";
    assert!(figures.lines().any(|line| line == gap), "{figures}");
    broker.start_again();
    check_all_arrive(&subscriber, &rows);
}

/// The row that a segment of a result begins with.
fn segment_row(result: &Value) -> usize {
    let start_s = result["segment_start_s"].as_f64().expect("a result has a segment");
    (start_s * 100.0).round() as usize
}

/// Publishes 1 000 rows a second over ten streams, and kills the program meanwhile. Under an emulator
/// 250: what waits in the program for its turn is lost with it, too, and there it would lag behind.
#[test]
fn kills_at_a_thousand_messages_a_second_cost_at_most_the_open_windows() {
    const STREAMS: usize = 10;
    const ROWS: usize = 500;
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker, "cirame/devices/+/results/#");
    let state = tempfile::tempdir().unwrap();
    let (url, folder) = (broker.url(), state.path().to_str().unwrap());
    let options = ["--broker", &url, "--state", folder];
    let is_emulated = is_emulated();
    let row_time = Duration::from_millis(if is_emulated { 40 } else { 10 });
    let all = rows(ROWS);
    let mut edge = Some(Edge::start("anomaly", &options));
    wait_for_broker(edge.as_ref().expect("it was started"), true);
    let published = AtomicUsize::new(0);
    let mut noted = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let began = Instant::now();
            for (number, row) in all.iter().enumerate() {
                for stream in 0..STREAMS {
                    let topic = format!("cirame/samples/pump-{stream}");
                    subscriber.publish(&topic, object(number, *row).as_bytes());
                }
                published.store(number, Ordering::Relaxed);
                // The rate, not a wait for something.
                let due = row_time * number as u32;
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
        });
        for kill_at in [170, 330] {
            until("the moment of the kill", || {
                (published.load(Ordering::Relaxed) >= kill_at).then_some(())
            });
            // Gone as by kill -9, and started again at once.
            drop(edge.take());
            noted = noted_streams(state.path());
            edge = Some(Edge::start("anomaly", &options));
        }
    });
    // Under an emulator the program may be killed before it has noted them.
    if !is_emulated {
        assert_eq!(noted, STREAMS);
    }
    let edge = edge.expect("it was started again");
    for stream in 0..STREAMS {
        let stream = format!("pump-{stream}");
        let topic = format!("cirame/devices/edge-1/results/{stream}");
        let last = until("the end of the last window", || {
            let results = subscriber.on(&topic);
            let last = results.last()?;
            let rows = segment_row(last) + 16 * last["index"].as_u64()? as usize + WINDOW_ROWS;
            (ROWS - rows < 16).then(|| last["id"].clone())
        });
        let mut by_segment: BTreeMap<usize, BTreeMap<String, Value>> = BTreeMap::new();
        for result in subscriber.on(&topic) {
            let id = result["id"].as_str().unwrap().to_owned();
            by_segment.entry(segment_row(&result)).or_default().insert(id, as_of_run(result));
        }
        let starts: Vec<usize> = by_segment.keys().copied().collect();
        assert_eq!(starts[0], 0, "{starts:?}");
        assert!(starts.len() <= 3, "two kills make three segments: {starts:?}");
        let ends = starts.iter().skip(1).copied().chain([ROWS]);
        for ((start, found), end) in by_segment.iter().zip(ends) {
            let expected = run_from(&stream, &all[*start..end], *start);
            let missing = expected.iter().filter(|result| !is_in(found, result)).count();
            let allowed = usize::from(end < ROWS);
            assert!(missing <= allowed, "{missing} results of rows {start} to {end} are lost");
            assert_eq!(found.len() + missing, expected.len(), "nothing else came");
            assert!(is_in(found, &expected[0]), "the open window is the last");
        }
        assert!(by_segment.values().any(|results| results.contains_key(last.as_str().unwrap())));
    }
    let figures = edge.get("/metrics").text;
    let gaps = format!("cirame_edge_gaps_total{{reason=\"restart\"}} {noted}");
    assert!(figures.lines().any(|line| line == gaps), "{figures}");
    assert_eq!(edge.get("/health").json()["results_dropped"], 0);
}

/// How many streams the program had noted when it was killed.
fn noted_streams(state: &std::path::Path) -> usize {
    let text = std::fs::read_to_string(state.join("boot.json")).expect("a start is noted");
    let record: Value = serde_json::from_str(&text).expect("it is JSON");
    record["streams"].as_array().expect("it has streams").len()
}

fn is_in(found: &BTreeMap<String, Value>, result: &Value) -> bool {
    found.get(result["id"].as_str().unwrap()).is_some_and(|known| known == result)
}

/// What `run` answers for rows that begin at `start`.
fn run_from(stream: &str, rows: &[[f32; 2]], start: usize) -> Vec<Value> {
    super::program::run_at("anomaly", "edge-1", stream, rows, start)
}
