//! Sparkplug B: what an independent implementation publishes, and the state behind aliases.

use model_format::payload::message::Message;
use model_format::payload::sparkplug::proto::{Metric, Payload, Value};
use model_format::payload::sparkplug::{
    DEVICES_MAX, Event, Kind, METRICS_MAX, NODES_MAX, Nodes, PAYLOAD_BYTES_MAX, REBIRTH_EVERY_NS,
    SparkplugError, Taken, Topic,
};
use proptest::prelude::*;
use prost::Message as _;

use crate::message::shown;

const START_NS: i64 = 1_767_225_600_000_000_000;
const START_MS: u64 = 1_767_225_600_000;
const DOUBLE: u32 = 10;

/// Topics and payloads as messages.py writes them.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let text = include_str!("../sparkplug/messages.json");
    let messages: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let text =
        |message: &serde_json::Value, field: &str| message[field].as_str().unwrap().to_owned();
    let bytes = |hex: String| {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    messages
        .iter()
        .map(|message| (text(message, "topic"), bytes(text(message, "payload"))))
        .collect()
}

/// The nodes, and the samples of the last message.
#[derive(Default)]
struct Host {
    nodes: Nodes,
    message: Message,
    now_ns: i64,
}

impl Host {
    fn take(&mut self, topic: &str, payload: &[u8]) -> Result<Taken, SparkplugError> {
        let topic = Topic::parse(topic).unwrap();
        self.nodes.take(&topic, payload, self.now_ns, &mut self.message)
    }

    fn event(&mut self, topic: &str, payload: &Payload) -> Event {
        self.take(topic, &payload.encode_to_vec()).unwrap().event
    }

    fn asks(&mut self, topic: &str, payload: &Payload) -> bool {
        self.take(topic, &payload.encode_to_vec()).unwrap().rebirth.is_some()
    }

    fn samples(&self) -> Vec<String> {
        shown(&self.message)
    }
}

fn metric(name: &str, alias: u64, value: f64) -> Metric {
    Metric {
        name: (!name.is_empty()).then(|| name.to_owned()),
        alias: Some(alias),
        datatype: (!name.is_empty()).then_some(DOUBLE),
        value: Some(Value::Double(value)),
        ..Metric::default()
    }
}

fn payload(seq: u64, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(START_MS), metrics, seq: Some(seq) }
}

fn numbered(birth_number: u64) -> Metric {
    let value = Some(Value::Long(birth_number));
    Metric { name: Some("bdSeq".to_owned()), datatype: Some(8), value, ..Metric::default() }
}

#[test]
fn a_recorded_life_of_a_node_reads_as_it_was_written() {
    let mut host = Host { now_ns: START_NS, ..Host::default() };
    let recorded = recorded();
    let mut seen = Vec::new();
    for (topic, payload) in &recorded {
        let taken = host.take(topic, payload).unwrap();
        assert_eq!(taken.rebirth, None, "{topic}");
        seen.push((taken.event, host.samples()));
    }
    let at =
        |after_ms: i64, value: &str| format!("{} value {value}", START_NS + after_ms * 1_000_000);
    let of_birth = [
        "int8=-128",
        "int16=-2",
        "int32=-3",
        "int64=-4",
        "uint8=255",
        "uint16=65535",
        "uint32=4294967300",
        "uint64=1099511600000",
        "float=1.5",
        "double=-2.25",
        "on=1",
        "text=?",
        "bytes=?",
        "none=NaN",
    ];
    let expected = [
        (Event::Birth, vec![at(0, "load=0.5")]),
        (Event::Birth, of_birth.iter().map(|value| at(0, value)).collect()),
        (Event::Data, vec![at(20, "int8=-5"), at(20, "float=36.5")]),
        (Event::Data, vec![at(30, "load=0.75"), at(10, "load=0.6")]),
        (Event::Death, vec![]),
        (Event::Death, vec![]),
        (Event::Ignored, vec![]),
    ];
    assert_eq!(seen, expected);
    assert_eq!(host.nodes.alive(), (0, 0));
    assert_eq!(host.nodes.counts(), Default::default());
}

#[test]
fn a_request_for_rebirth_is_what_another_implementation_sends() {
    let recorded = recorded();
    let mut host = Host { now_ns: START_NS, ..Host::default() };
    // Data without the births before.
    let (topic, data) = &recorded[3];
    let rebirth = host.take(topic, data).unwrap().rebirth.unwrap();
    let (topic, payload) = recorded.last().unwrap();
    assert_eq!((&rebirth.topic, &rebirth.payload), (topic, payload));
    assert!(host.samples().is_empty());
    assert_eq!((host.nodes.counts().not_born, host.nodes.counts().rebirths), (1, 1));
}

const NBIRTH: &str = "spBv1.0/g/NBIRTH/n";
const NDATA: &str = "spBv1.0/g/NDATA/n";
const NDEATH: &str = "spBv1.0/g/NDEATH/n";
const DBIRTH: &str = "spBv1.0/g/DBIRTH/n/d";
const DDATA: &str = "spBv1.0/g/DDATA/n/d";
const DDEATH: &str = "spBv1.0/g/DDEATH/n/d";

#[test]
fn a_node_is_asked_once_in_a_while_until_it_is_born_again() {
    let mut host = Host::default();
    let data = payload(3, vec![metric("", 1, 5.0)]);
    assert!(host.asks(NDATA, &data));
    assert!(!host.asks(NDATA, &data));
    host.now_ns = REBIRTH_EVERY_NS - 1;
    assert!(!host.asks(DDATA, &data));
    host.now_ns = REBIRTH_EVERY_NS;
    assert!(host.asks(DDATA, &data));
    // A clock that jumps back must not silence it for ever.
    host.now_ns = -REBIRTH_EVERY_NS;
    assert!(host.asks(DBIRTH, &data_with_name()));
    assert_eq!(host.event(NBIRTH, &payload(0, vec![metric("x", 1, 1.0)])), Event::Birth);
    assert_eq!(host.event(NDATA, &payload(1, vec![metric("", 1, 5.0)])), Event::Data);
    assert_eq!(host.samples(), [format!("{START_NS} value x=5")]);
    // A device of a living node, but without its own birth.
    host.now_ns = 10 * REBIRTH_EVERY_NS;
    assert!(host.asks(DDATA, &payload(2, vec![metric("", 1, 5.0)])));
    assert!(host.samples().is_empty());
    host.nodes.lose_connection();
    assert_eq!(host.event(NDATA, &payload(3, vec![metric("", 1, 5.0)])), Event::Ignored);
}

fn data_with_name() -> Payload {
    payload(1, vec![metric("x", 1, 1.0)])
}

#[test]
fn lost_messages_are_noticed_by_their_sequence() {
    let mut host = Host::default();
    host.event(NBIRTH, &payload(254, vec![metric("x", 1, 1.0)]));
    host.event(DBIRTH, &payload(255, vec![metric("y", 2, 1.0)]));
    for seq in [0, 1] {
        assert!(!host.asks(DDATA, &payload(seq, vec![metric("", 2, 5.0)])));
    }
    assert!(host.asks(NDATA, &payload(3, vec![metric("", 1, 5.0)])));
    assert_eq!(host.samples(), [format!("{START_NS} value x=5")]);
    assert!(!host.asks(NDATA, &payload(4, vec![metric("", 1, 5.0)])));
    assert_eq!(host.nodes.counts().sequence_gaps, 1);
    host.now_ns = REBIRTH_EVERY_NS;
    let without = Payload { seq: None, ..payload(0, vec![metric("", 1, 5.0)]) };
    assert!(host.asks(NDATA, &without));
    assert!(!host.asks(DDEATH, &payload(5, vec![])));
    assert_eq!(host.nodes.counts().sequence_gaps, 2);
}

#[test]
fn metrics_that_no_birth_defines_are_left_out_and_asked_for() {
    let mut host = Host::default();
    host.event(NBIRTH, &payload(0, vec![metric("x", 1, 1.0)]));
    let typed = Metric { alias: None, ..metric("told", 0, 3.0) };
    let untyped = Metric { datatype: None, ..typed.clone() };
    let unknown = Metric { name: Some("z".to_owned()), ..untyped.clone() };
    assert!(
        host.asks(NDATA, &payload(1, vec![metric("", 1, 2.0), metric("", 9, 2.0), typed, unknown]))
    );
    let start = START_NS;
    assert_eq!(host.samples(), [format!("{start} value x=2"), format!("{start} value told=3")]);
    assert_eq!(host.nodes.counts().unknown_metrics, 2);
}

#[test]
fn a_death_ends_a_node_only_if_it_is_of_the_same_birth() {
    let mut host = Host::default();
    let birth = payload(0, vec![numbered(5), metric("x", 1, 1.0)]);
    host.event(NBIRTH, &birth);
    host.event(DBIRTH, &payload(1, vec![metric("y", 2, 1.0)]));
    assert_eq!(host.nodes.alive(), (1, 1));
    let death = |number| Payload { metrics: vec![numbered(number)], ..Payload::default() };
    assert_eq!(host.event(NDEATH, &death(4)), Event::Ignored);
    assert_eq!((host.nodes.alive(), host.nodes.counts().late_deaths), ((1, 1), 1));
    assert_eq!(host.event(DDEATH, &payload(2, vec![])), Event::Death);
    assert_eq!(host.nodes.alive(), (1, 0));
    assert_eq!(host.event(NDEATH, &death(5)), Event::Death);
    assert_eq!(host.nodes.alive(), (0, 0));
    assert_eq!(host.event(NDATA, &payload(3, vec![metric("", 1, 5.0)])), Event::Ignored);
    // A birth makes all devices unknown until they are born too.
    host.event(NBIRTH, &birth);
    assert_eq!(host.event(DDATA, &payload(1, vec![metric("", 2, 5.0)])), Event::Ignored);
}

#[test]
fn topics_are_taken_apart() {
    let node = |kind, device| Topic::Node { group: "g", kind, node: "n", device };
    for (topic, expected) in [
        (NBIRTH, node(Kind::NBirth, None)),
        (DDATA, node(Kind::DData, Some("d"))),
        ("spBv1.0/g/NCMD/n", node(Kind::NCmd, None)),
        ("spBv1.0/STATE/host", Topic::State { host: "host" }),
    ] {
        assert_eq!(Topic::parse(topic), Ok(expected));
    }
    for topic in [
        "",
        "spBv1.0",
        "spAv1.0/g/NBIRTH/n",
        "spBv1.0/g/NBIRTH",
        "spBv1.0/g/NBIRTH/n/d",
        "spBv1.0/g/DDATA/n",
        "spBv1.0/g/DDATA/n/d/e",
        "spBv1.0//NBIRTH/n",
        "spBv1.0/g/NBIRTH/",
        "spBv1.0/g/nbirth/n",
        "spBv1.0/STATE/host/x",
        "spBv1.0/STATE/",
    ] {
        assert!(Topic::parse(topic).is_err(), "{topic}");
    }
}

#[test]
fn contradictions_and_bounds_are_refused_and_change_nothing() {
    let mut host = Host::default();
    host.event(NBIRTH, &payload(0, vec![metric("x", 1, 1.0)]));
    let refused = |host: &mut Host, topic: &str, payload: &Payload| {
        host.take(topic, &payload.encode_to_vec()).unwrap_err()
    };
    for (metrics, reason) in [
        (vec![metric("a", 1, 0.0), metric("a", 2, 0.0)], "bad_birth"),
        (vec![metric("a", 1, 0.0), metric("b", 1, 0.0)], "bad_birth"),
        (vec![metric("", 1, 0.0)], "bad_birth"),
        (vec![metric(&"n".repeat(2000), 1, 0.0)], "long_name"),
        (vec![Metric::default(); METRICS_MAX + 1], "too_many"),
    ] {
        let error = refused(&mut host, NBIRTH, &payload(0, metrics));
        assert_eq!(error.reason(), reason, "{error}");
        assert!(SparkplugError::REASONS.contains(&reason));
    }
    let large = vec![0; PAYLOAD_BYTES_MAX + 1];
    assert_eq!(host.take(NDATA, &large).unwrap_err().reason(), "too_large");
    for bytes in
        [&b"\x08"[..], b"\x12\x05\x0a", b"\x0b", b"\x00\x01", b"\x12\x02\x0a\x05", b"\x10\x01"]
    {
        assert_eq!(host.take(NDATA, bytes).unwrap_err().reason(), "not_sparkplug", "{bytes:?}");
        assert!(host.samples().is_empty());
    }
    assert_eq!(host.event(NDATA, &payload(1, vec![metric("", 1, 5.0)])), Event::Data);
    assert_eq!(host.samples(), [format!("{START_NS} value x=5")]);
}

#[test]
fn nodes_and_devices_are_bounded_and_unborn_ones_make_room() {
    let mut host = Host::default();
    // Absurd nodes that only ever send data push each other out.
    for node in 0..2 * NODES_MAX {
        host.event(&format!("spBv1.0/absurd/NDATA/{node}"), &payload(0, vec![]));
    }
    for node in 0..NODES_MAX {
        host.event(&format!("spBv1.0/g/NBIRTH/{node}"), &payload(0, vec![]));
    }
    assert_eq!(host.nodes.alive().0, NODES_MAX);
    let birth = payload(0, vec![]).encode_to_vec();
    let error = host.take("spBv1.0/g/NBIRTH/more", &birth).unwrap_err();
    assert_eq!(error, SparkplugError::TooMany { what: "nodes", limit: NODES_MAX });
    assert!(!host.asks("spBv1.0/g/NDATA/more", &payload(0, vec![])));
    for device in 0..DEVICES_MAX {
        host.event(&format!("spBv1.0/g/DBIRTH/0/{device}"), &payload(0, vec![]));
    }
    let error = host.take("spBv1.0/g/DBIRTH/1/more", &birth).unwrap_err();
    assert_eq!(error.reason(), "too_many");
    // Names and metrics of births are bounded together.
    let name = "n".repeat(900);
    let metrics: Vec<Metric> =
        (0..1000).map(|at| metric(&format!("{name}{at}"), at, 0.0)).collect();
    let birth = payload(0, metrics);
    let refused = (0..NODES_MAX).find_map(|node| {
        host.take(&format!("spBv1.0/g/NBIRTH/{node}"), &birth.encode_to_vec()).err()
    });
    assert!(refused.unwrap().to_string().contains("bytes in the metrics of births"));
}

proptest! {
    #[test]
    fn mutated_payloads_never_panic(
        turns in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let recorded = recorded();
        let mut host = Host::default();
        for (which, at, byte) in turns {
            let (topic, mut payload) = recorded[which.index(recorded.len())].clone();
            let at = at.index(payload.len());
            payload[at] = byte;
            let is_read = host.take(&topic, &payload).is_ok();
            prop_assert!(is_read || host.message.is_empty());
        }
    }

    #[test]
    fn the_order_of_metrics_changes_no_value(
        order in Just((0..5_u64).collect::<Vec<_>>()).prop_shuffle(),
        values in prop::array::uniform5(-1e6_f64..1e6),
    ) {
        let mut host = Host::default();
        let born = (0..5).map(|at| metric(&format!("m{at}"), at, 0.0)).collect();
        host.event(NBIRTH, &payload(0, born));
        let data = order.iter().map(|at| metric("", *at, values[*at as usize])).collect();
        host.event(NDATA, &payload(1, data));
        let mut samples = host.samples();
        samples.sort();
        let expected: Vec<String> = (0..5)
            .map(|at| format!("{START_NS} value m{at}={}", values[at] as f32))
            .collect();
        prop_assert_eq!(samples, expected);
    }
}
