//! The nodes and devices whose births are known, as a state machine: messages in, samples out.

use std::collections::HashMap;

use prost::Message as _;

use super::definitions::Definitions;
use super::proto::{Field, Metric, Payload, Value, fields};
use super::topic::{Kind, NAMESPACE, Topic};
use super::value::cell;
use super::{DEFINED_BYTES_MAX, DEVICES_MAX, METRICS_MAX, NODES_MAX, PAYLOAD_BYTES_MAX};
use super::{REBIRTH_EVERY_NS, SparkplugError};
use crate::payload::message::{Builder, EventTime, Fault, Message, MessageError, Times};

/// The metric that asks a node for its births.
const REBIRTH: &str = "Node Control/Rebirth";
/// The metric that says which death belongs to which birth of a node.
const BIRTH_NUMBER: &str = "bdSeq";
/// Metrics for the protocol's own use.
const CONTROLS: [&str; 2] = ["Node Control/", "Device Control/"];
/// The specification's number for booleans.
const BOOLEAN: u32 = 11;

/// Every node that was heard of.
#[derive(Debug, Default)]
pub struct Nodes {
    nodes: HashMap<String, Node>,
    counts: Counts,
    /// The key of the node at hand.
    key: String,
}

/// What was counted since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages whose sequence number did not follow the one before: some were lost.
    pub sequence_gaps: u64,
    /// Messages of nodes or devices without a birth: nothing was taken from them.
    pub not_born: u64,
    /// Metrics that no birth has defined: left out.
    pub unknown_metrics: u64,
    /// Deaths of births before the present one: ignored.
    pub late_deaths: u64,
    /// Rebirths that were asked for.
    pub rebirths: u64,
}

/// What a message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A birth; its values are samples too.
    Birth,
    /// Data.
    Data,
    /// A death: the node and all its devices, or the device, send nothing more.
    Death,
    /// Nothing for a reader of samples: a command, a host's state, a late death, or a message of
    /// a node or device without a birth.
    Ignored,
}

/// A message that was taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it was.
    pub event: Event,
    /// A request that should be published, with QoS 0 and not retained.
    pub rebirth: Option<Rebirth>,
}

/// A request to a node for its births.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebirth {
    /// Where to publish it.
    pub topic: String,
    /// What to publish.
    pub payload: Vec<u8>,
}

#[derive(Debug, Default)]
struct Node {
    born: Option<Born>,
    /// When a rebirth was asked for last.
    asked_ns: Option<i64>,
}

#[derive(Debug)]
struct Born {
    birth_number: Option<u64>,
    next_seq: u8,
    own: Definitions,
    devices: HashMap<String, Definitions>,
}

/// The parts of a payload beside its metrics.
struct Envelope {
    timestamp: Option<u64>,
    seq: Option<u64>,
}

/// One message of a node, after the first look at it.
struct Incoming<'a> {
    payload: &'a [u8],
    envelope: Envelope,
    group: &'a str,
    node: &'a str,
    device: Option<&'a str>,
    arrival_ns: i64,
}

impl Nodes {
    /// Takes one message; its samples stand in `message` afterwards. `arrival_ns` counts from 1970.
    ///
    /// # Errors
    /// The payload cannot be read or a bound is met. What was known before stays.
    pub fn take(
        &mut self,
        topic: &Topic<'_>,
        payload: &[u8],
        arrival_ns: i64,
        message: &mut Message,
    ) -> Result<Taken, SparkplugError> {
        message.clear();
        let taken = self.take_into(topic, payload, arrival_ns, message);
        if taken.is_err() {
            message.clear();
        }
        taken
    }

    /// The connection was lost: births and deaths may have been missed, so that names behind
    /// aliases are known no more.
    pub fn lose_connection(&mut self) {
        for node in self.nodes.values_mut() {
            node.born = None;
        }
    }

    /// What was counted since the beginning.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many nodes are alive, and how many devices.
    pub fn alive(&self) -> (usize, usize) {
        let born = || self.nodes.values().filter_map(|node| node.born.as_ref());
        (born().count(), born().map(|born| born.devices.len()).sum())
    }

    fn take_into(
        &mut self,
        topic: &Topic<'_>,
        payload: &[u8],
        arrival_ns: i64,
        message: &mut Message,
    ) -> Result<Taken, SparkplugError> {
        let ignored = Ok(Taken { event: Event::Ignored, rebirth: None });
        let Topic::Node { group, kind, node, device } = *topic else { return ignored };
        if matches!(kind, Kind::NCmd | Kind::DCmd) {
            return ignored;
        }
        let envelope = envelope(payload)?;
        let incoming = Incoming { payload, envelope, group, node, device, arrival_ns };
        self.key.clear();
        self.key.push_str(group);
        self.key.push('/');
        self.key.push_str(node);
        let (event, is_sound) = match kind {
            Kind::NBirth => (self.node_birth(&incoming, message)?, true),
            Kind::NDeath => (self.node_death(&incoming)?, true),
            Kind::DBirth => self.device_birth(&incoming, message)?,
            Kind::DDeath => self.device_death(&incoming)?,
            _ => self.data(&incoming, message)?,
        };
        let rebirth = if is_sound { None } else { self.ask(&incoming) };
        Ok(Taken { event, rebirth })
    }

    fn node_birth(
        &mut self,
        incoming: &Incoming<'_>,
        message: &mut Message,
    ) -> Result<Event, SparkplugError> {
        let own = incoming.definitions()?;
        let before = self.nodes.get(&self.key).and_then(|node| node.born.as_ref());
        self.check_bytes(own.bytes(), before.map_or(0, Born::bytes))?;
        self.make_room()?;
        incoming.give_all(&own, message)?;
        let birth_number = incoming.birth_number()?;
        let next_seq = following(incoming.envelope.seq.unwrap_or(0));
        let node = self.nodes.entry(self.key.clone()).or_default();
        node.born = Some(Born { birth_number, next_seq, own, devices: HashMap::new() });
        Ok(Event::Birth)
    }

    fn node_death(&mut self, incoming: &Incoming<'_>) -> Result<Event, SparkplugError> {
        let died = incoming.birth_number()?;
        let born = self.nodes.get(&self.key).and_then(|node| node.born.as_ref());
        let is_late = matches!(
            (died, born.and_then(|born| born.birth_number)),
            (Some(died), Some(born)) if died != born
        );
        if is_late {
            self.counts.late_deaths += 1;
            return Ok(Event::Ignored);
        }
        self.nodes.remove(&self.key);
        Ok(Event::Death)
    }

    fn device_birth(
        &mut self,
        incoming: &Incoming<'_>,
        message: &mut Message,
    ) -> Result<(Event, bool), SparkplugError> {
        let definitions = incoming.definitions()?;
        let device = incoming.device.unwrap_or_default();
        let born = self.nodes.get(&self.key).and_then(|node| node.born.as_ref());
        let Some(born) = born else { return self.not_born() };
        let before = born.devices.get(device);
        if before.is_none() && self.alive().1 >= DEVICES_MAX {
            return Err(SparkplugError::TooMany { what: "devices", limit: DEVICES_MAX });
        }
        self.check_bytes(definitions.bytes(), before.map_or(0, Definitions::bytes))?;
        incoming.give_all(&definitions, message)?;
        let Nodes { nodes, counts, key, .. } = self;
        let born = nodes.get_mut(key).and_then(|node| node.born.as_mut());
        let born = born.expect("it was there above");
        born.devices.insert(device.to_owned(), definitions);
        Ok((Event::Birth, born.follow(incoming, counts)))
    }

    fn device_death(&mut self, incoming: &Incoming<'_>) -> Result<(Event, bool), SparkplugError> {
        let Nodes { nodes, counts, key, .. } = self;
        let born = nodes.get_mut(key).and_then(|node| node.born.as_mut());
        let Some(born) = born else { return self.not_born() };
        born.devices.remove(incoming.device.unwrap_or_default());
        Ok((Event::Death, born.follow(incoming, counts)))
    }

    fn data(
        &mut self,
        incoming: &Incoming<'_>,
        message: &mut Message,
    ) -> Result<(Event, bool), SparkplugError> {
        let Nodes { nodes, counts, key, .. } = self;
        let born = nodes.get_mut(key).and_then(|node| node.born.as_mut());
        let Some(born) = born else { return self.not_born() };
        let definitions = match incoming.device {
            None => Some(&born.own),
            Some(device) => born.devices.get(device),
        };
        let unknown = match definitions {
            Some(definitions) => Some(incoming.give_all(definitions, message)?),
            None => None,
        };
        let is_next = born.follow(incoming, counts);
        match unknown {
            Some(unknown) => {
                counts.unknown_metrics += unknown;
                Ok((Event::Data, is_next && unknown == 0))
            }
            None => self.not_born(),
        }
    }

    fn not_born(&mut self) -> Result<(Event, bool), SparkplugError> {
        self.counts.not_born += 1;
        Ok((Event::Ignored, false))
    }

    /// Asks the node for its births, unless it was asked a short while ago.
    fn ask(&mut self, incoming: &Incoming<'_>) -> Option<Rebirth> {
        // A node that there is no room for cannot be asked either: its birth would be refused.
        self.make_room().ok()?;
        let node = self.nodes.entry(self.key.clone()).or_default();
        let now_ns = incoming.arrival_ns;
        let is_early = |asked_ns: i64| now_ns.abs_diff(asked_ns) < REBIRTH_EVERY_NS.unsigned_abs();
        if node.asked_ns.is_some_and(is_early) {
            return None;
        }
        node.asked_ns = Some(now_ns);
        self.counts.rebirths += 1;
        Some(rebirth(incoming.group, incoming.node, now_ns))
    }

    /// Makes room for the node at hand, in the place of one that was never born.
    fn make_room(&mut self) -> Result<(), SparkplugError> {
        if self.nodes.len() < NODES_MAX || self.nodes.contains_key(&self.key) {
            return Ok(());
        }
        let unborn = self.nodes.iter().find(|(_, node)| node.born.is_none());
        let Some(unborn) = unborn.map(|(key, _)| key.clone()) else {
            return Err(SparkplugError::TooMany { what: "nodes", limit: NODES_MAX });
        };
        self.nodes.remove(&unborn);
        Ok(())
    }

    fn check_bytes(&self, new: usize, before: usize) -> Result<(), SparkplugError> {
        let born = self.nodes.values().filter_map(|node| node.born.as_ref());
        let all: usize = born.map(Born::bytes).sum();
        match all - before + new <= DEFINED_BYTES_MAX {
            true => Ok(()),
            false => {
                let what = "bytes in the metrics of births";
                Err(SparkplugError::TooMany { what, limit: DEFINED_BYTES_MAX })
            }
        }
    }
}

impl Born {
    fn bytes(&self) -> usize {
        self.own.bytes() + self.devices.values().map(Definitions::bytes).sum::<usize>()
    }

    /// Whether the message follows the one before.
    fn follow(&mut self, incoming: &Incoming<'_>, counts: &mut Counts) -> bool {
        let seq = incoming.envelope.seq;
        let is_next = seq == Some(self.next_seq.into());
        if !is_next {
            counts.sequence_gaps += 1;
        }
        if let Some(seq) = seq {
            self.next_seq = following(seq);
        }
        is_next
    }
}

/// Sequence numbers run from 0 to 255 and round.
fn following(seq: u64) -> u8 {
    (seq as u8).wrapping_add(1)
}

fn envelope(payload: &[u8]) -> Result<Envelope, SparkplugError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(SparkplugError::TooLarge(payload.len()));
    }
    let mut envelope = Envelope { timestamp: None, seq: None };
    let mut metrics = 0;
    for field in fields(payload) {
        match field.map_err(|text| SparkplugError::Unreadable(text.to_owned()))? {
            Field::Timestamp(timestamp) => envelope.timestamp = Some(timestamp),
            Field::Seq(seq) => envelope.seq = Some(seq),
            Field::Metric(_) => metrics += 1,
            Field::Other => {}
        }
    }
    match metrics <= METRICS_MAX {
        true => Ok(envelope),
        false => {
            let what = "metrics in the payload";
            Err(SparkplugError::TooMany { what, limit: METRICS_MAX })
        }
    }
}

impl Incoming<'_> {
    fn each_metric(
        &self,
        mut take: impl FnMut(&Metric) -> Result<(), SparkplugError>,
    ) -> Result<(), SparkplugError> {
        let mut metric = Metric::default();
        for field in fields(self.payload) {
            let Ok(Field::Metric(bytes)) = field else { continue };
            metric.clear();
            metric
                .merge(bytes)
                .map_err(|error| SparkplugError::Unreadable(format!("a metric: {error}")))?;
            take(&metric)?;
        }
        Ok(())
    }

    /// What a birth defines.
    fn definitions(&self) -> Result<Definitions, SparkplugError> {
        let mut definitions = Definitions::default();
        self.each_metric(|metric| definitions.add(metric))?;
        Ok(definitions)
    }

    fn birth_number(&self) -> Result<Option<u64>, SparkplugError> {
        let mut found = None;
        self.each_metric(|metric| {
            if metric.name.as_deref() == Some(BIRTH_NUMBER) {
                found = match metric.value {
                    Some(Value::Int(number)) => Some(number.into()),
                    Some(Value::Long(number)) => Some(number),
                    _ => None,
                };
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Gives every metric that is known to the message, and tells how many are not.
    fn give_all(
        &self,
        definitions: &Definitions,
        message: &mut Message,
    ) -> Result<u64, SparkplugError> {
        let times = Times::found();
        let mut builder = Builder::new(message, &times);
        let mut unknown = 0;
        self.each_metric(|metric| {
            let Some((name, datatype)) = definitions.resolve(metric) else {
                unknown += 1;
                return Ok(());
            };
            if name == BIRTH_NUMBER || CONTROLS.iter().any(|control| name.starts_with(control)) {
                return Ok(());
            }
            let (time, fault) = match metric.timestamp.or(self.envelope.timestamp).map(time) {
                None => (None, None),
                Some(Some(time)) => (Some(time), None),
                Some(None) => (None, Some(Fault::Time)),
            };
            if let Some(place) = builder.place(name) {
                builder.push(place, cell(metric, datatype));
                builder.end_sample(time, fault, true);
            }
            match builder.refusal() {
                None => Ok(()),
                Some(MessageError::LongName(bytes)) => Err(SparkplugError::LongName(bytes)),
                Some(error) => Err(SparkplugError::Unreadable(error.to_string())),
            }
        })?;
        Ok(unknown)
    }
}

/// Milliseconds since 1970.
fn time(timestamp_ms: u64) -> Option<EventTime> {
    let time_ns = i64::try_from(timestamp_ms).ok()?.checked_mul(1_000_000)?;
    Some(EventTime { time_ns, is_absolute: true })
}

fn rebirth(group: &str, node: &str, now_ns: i64) -> Rebirth {
    let timestamp = Some(u64::try_from(now_ns / 1_000_000).unwrap_or(0));
    let metric = Metric {
        name: Some(REBIRTH.to_owned()),
        timestamp,
        datatype: Some(BOOLEAN),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    let payload = Payload { timestamp, metrics: vec![metric], seq: None };
    let kind = Kind::NCmd.name();
    let topic = format!("{NAMESPACE}/{group}/{kind}/{node}");
    Rebirth { topic, payload: payload.encode_to_vec() }
}

impl Counts {
    /// Every count with its name.
    pub fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("sequence_gaps", self.sequence_gaps),
            ("not_born", self.not_born),
            ("unknown_metrics", self.unknown_metrics),
            ("late_deaths", self.late_deaths),
            ("rebirths", self.rebirths),
        ]
    }
}
