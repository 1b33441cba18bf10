//! From a message to its stream: commands, states of gates, sources, Sparkplug B, shards.

use std::sync::Arc;

use model_format::payload::message::Arrival;
use model_format::payload::sparkplug::{Rebirth, Topic as SparkplugTopic};
use model_format::protocol::check_topic_level;

use super::{Core, Emit, Incoming, Refused};
use crate::serve::inbox::Origin;
use crate::serve::live_stream::{LiveStream, Taken};
use crate::serve::operator::{Command, CommandError};
use crate::serve::route::Source;
use crate::serve::watch::Condition;

/// What topics of Sparkplug B begin with.
const SPARKPLUG: &str = "spBv1.0/";

impl Core {
    /// Takes one message and hands out what follows from it: the result of every window that it
    /// completes, and alarms.
    ///
    /// # Errors
    /// The message is dropped whole, and counted.
    pub(in crate::serve) fn message(
        &mut self,
        incoming: Incoming<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refused> {
        let taken = match incoming.origin {
            Origin::Topic(topic) => self.on_topic(topic, incoming, emit),
            Origin::Stream(stream) => {
                let shard = self.plan.shard.filter(|shard| !shard.holds(stream));
                match shard {
                    Some(shard) => Err(Refused::OtherShard(shard)),
                    None => {
                        let direct = Arc::clone(&self.plan.direct);
                        self.samples((stream, None), &direct, incoming, emit)
                    }
                }
            }
        };
        taken.inspect_err(|refused| {
            *self.counts.refused.entry(refused.reason()).or_default() += 1;
        })
    }

    fn on_topic(
        &mut self,
        topic: &str,
        incoming: Incoming<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refused> {
        let Incoming { payload, arrival_ns, .. } = incoming;
        if self.plan.command_topic == topic {
            return Ok(self.command(payload, arrival_ns, emit)?);
        }
        let is_gate = self.gate_states(topic, payload)?;
        if !self.plan.sparkplug.is_empty() && topic.starts_with(SPARKPLUG) {
            let address = SparkplugTopic::parse(topic)
                .map_err(|_| Refused::NoSource(topic.chars().take(200).collect()))?;
            return self.on_sparkplug(topic, &address, incoming, emit);
        }
        let (mut router, sources) =
            (std::mem::take(&mut self.router), Arc::clone(&self.plan.sources));
        let taken = match router.source(&sources, topic) {
            Some(source) => {
                let about = (router.name(), router.channel());
                self.samples(about, &sources[source], incoming, emit)
            }
            None if is_gate => Ok(()),
            None => Err(Refused::NoSource(topic.chars().take(200).collect())),
        };
        self.router = router;
        taken
    }

    /// Follows what the topic says of gates; true where it says something.
    fn gate_states(&mut self, topic: &str, payload: &[u8]) -> Result<bool, Refused> {
        let mut is_gate = false;
        for (place, gate) in self.plan.watch.gates.iter().enumerate() {
            let Condition::Topic(condition) = &gate.condition else { continue };
            if !self.router.fits(&condition.topic, &condition.stream, topic) {
                continue;
            }
            is_gate = true;
            let is_taken = condition.read(payload).is_some_and(|is_open| {
                self.operator.gate_states.set(place, self.router.name(), is_open)
            });
            if !is_taken {
                return Err(Refused::GateState(topic.chars().take(200).collect()));
            }
        }
        Ok(is_gate)
    }

    /// Follows a command.
    fn command(&mut self, payload: &[u8], now_ns: i64, emit: Emit<'_>) -> Result<(), CommandError> {
        match Command::read(payload)? {
            Command::Mute { stream, hours, by } => {
                self.operator.mutes.add(stream, hours, by, now_ns)?;
                self.operator.is_changed = true;
            }
            Command::Unmute { stream } => {
                self.operator.mutes.remove(stream.as_deref());
                self.operator.is_changed = true;
            }
            Command::Acknowledge { stream, alarm, by } => {
                let before = self.operator.is_changed;
                self.operator.is_changed = false;
                self.acknowledge(&stream, alarm.as_deref(), &by, now_ns, emit);
                let has_any = std::mem::replace(&mut self.operator.is_changed, true);
                if !has_any {
                    self.operator.is_changed = before;
                    return Err(CommandError::NoAlarm { stream });
                }
            }
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        name: &str,
        alarm: Option<&str>,
        by: &str,
        now_ns: i64,
        emit: Emit<'_>,
    ) {
        let (mut answering, models, streams) = self.parts();
        let Some(stream) = streams.get_mut(name) else { return };
        for (model, watch) in stream.watches() {
            let Some(model) = models.get(model) else { continue };
            watch.acknowledge(alarm, by, now_ns, answering.happened);
            answering.tell(name, model, watch.is_absolute(), emit);
        }
    }

    /// Takes the samples of one payload: of a stream, or of several that a tag tells apart.
    fn samples(
        &mut self,
        (name, channel): (&str, Option<&str>),
        source: &Source,
        incoming: Incoming<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refused> {
        if source.topics.stream_tag.is_none() {
            self.has_room(name)?;
        }
        let mut message = std::mem::take(&mut self.message);
        let arrival = Arrival { time_ns: incoming.arrival_ns, channel };
        let read = message.read(incoming.payload, &source.topics.reading, arrival);
        let arrival_ns = incoming.arrival_ns;
        let taken = Taken { stream: name, source, message: &message, tag: None, arrival_ns };
        let taken = match (read, &source.topics.stream_tag) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => self.take(taken, emit),
            (Ok(()), Some(key)) => {
                let mut all = Ok(());
                for value in message.tag_values(key) {
                    let stream = format!("{name}.{value}");
                    let tag = Some((key.as_str(), value));
                    all = all.and(self.take(Taken { stream: &stream, tag, ..taken }, emit));
                }
                all
            }
        };
        self.message = message;
        taken
    }

    /// Takes a message of a Sparkplug B node: a stream for the node, one for each of its devices.
    fn on_sparkplug(
        &mut self,
        topic: &str,
        address: &SparkplugTopic<'_>,
        incoming: Incoming<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refused> {
        let SparkplugTopic::Node { group, .. } = *address else { return Ok(()) };
        let sources = Arc::clone(&self.plan.sparkplug);
        let source = sources.iter().find(|source| source.has(group));
        let source = source.ok_or_else(|| Refused::NoSource(topic.chars().take(200).collect()))?;
        let Some(name) = address.stream() else { return Ok(()) };
        let Incoming { payload, arrival_ns, .. } = incoming;
        let mut message = std::mem::take(&mut self.message);
        let read = self.sparkplug.take(address, payload, arrival_ns, &mut message);
        let taken = match read {
            Err(error) => Err(error.into()),
            Ok(read) => {
                self.rebirths.extend(read.rebirth);
                let (source, message) = (&source.source, &message);
                let taken = Taken { stream: &name, source, message, tag: None, arrival_ns };
                if message.is_empty() { Ok(()) } else { self.take(taken, emit) }
            }
        };
        self.message = message;
        taken
    }

    /// Requests to Sparkplug B nodes that are to be published.
    pub(in crate::serve) fn take_rebirths(&mut self) -> Vec<Rebirth> {
        std::mem::take(&mut self.rebirths)
    }

    /// The connection to the broker was lost: births of Sparkplug B nodes may have been missed.
    pub(in crate::serve) fn lose_connection(&mut self) {
        self.sparkplug.lose_connection();
    }

    /// Whether the stream is there, or can be.
    pub(super) fn has_room(&self, name: &str) -> Result<(), Refused> {
        match () {
            () if self.streams.contains_key(name) => Ok(()),
            () if !check_topic_level(name) => {
                Err(Refused::StreamName(name.chars().take(80).collect()))
            }
            () if self.streams.len() >= self.plan.streams_max => {
                Err(Refused::TooManyStreams(self.streams.len()))
            }
            () => Ok(()),
        }
    }

    fn take(&mut self, taken: Taken<'_>, emit: Emit<'_>) -> Result<(), Refused> {
        let name = taken.stream;
        if self.plan.shard.is_some_and(|shard| !shard.holds(name)) {
            self.counts.other_shard_messages += 1;
            return Ok(());
        }
        self.has_room(name)?;
        if !self.streams.contains_key(name) {
            self.streams.insert(name.to_owned(), LiveStream::default());
        }
        let (mut answering, models, streams) = self.parts();
        if let Some(stream) = streams.get_mut(name) {
            stream.take(taken, models, &mut answering, emit);
        }
        Ok(())
    }
}
