//! From messages to rows: which stream a message belongs to, which channels it has, in which order its
//! rows stand, and what class they have. Pure: the same messages give the same rows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use model_format::payload::message::{
    Arrival, Cell, EventTime, Fault, Message, MessageError, MessageSample,
};
use model_format::payload::sparkplug::topic::NAMESPACE;
use model_format::payload::sparkplug::{Nodes, Rebirth, SparkplugError, Topic as SparkplugTopic};
use model_format::protocol::{Router, check_topic_level};
use model_format::signal::rows::{OrderedRows, Part, Placed};

use super::{Plan, RecordedStream, StreamCounts};

/// Most streams of a recorder.
const STREAMS_MAX: usize = 256;

/// Most channels of a stream.
const CHANNELS_MAX: usize = 1000;

/// Most changes of the class.
const LABELS_MAX: usize = 10_000;

/// A row of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Which of [`Streams::recordings`].
    pub(super) recording: usize,
    pub(super) time_ns: i64,
    /// A value of each channel that its stream had up to now; NaN where there is none.
    pub(super) values: &'a [f32],
    pub(super) class: Option<&'a Arc<str>>,
}

/// A recording that rows are for: a stream up to its end, or until its clock was set back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StreamPart {
    pub(super) stream: String,
    /// From 1; the next one begins where the clock of the stream was set back.
    pub(super) number: u32,
    pub(super) rows: u64,
    /// True while every row has had a value of every channel.
    pub(super) is_complete: bool,
}

/// What is known of a stream beside its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StreamFacts {
    /// Names and units.
    pub(super) channels: Vec<(String, Option<String>)>,
    /// True where times count from 1970.
    pub(super) is_absolute: bool,
    /// True where samples carry no time, and have that of their arrival.
    pub(super) is_by_arrival: bool,
}

/// Why a message is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("no source has its topic")]
    NoSource,
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Sparkplug(#[from] SparkplugError),
    #[error("its stream cannot be called that")]
    StreamName,
    #[error("there are {STREAMS_MAX} streams already")]
    TooManyStreams,
}

impl Refused {
    fn reason(&self) -> &'static str {
        match self {
            Refused::NoSource => "no_source",
            Refused::Message(error) => error.reason(),
            Refused::Sparkplug(error) => error.reason(),
            Refused::StreamName => "stream_name",
            Refused::TooManyStreams => "too_many_streams",
        }
    }
}

/// All streams of a recorder.
#[derive(Debug)]
pub(super) struct Streams {
    plan: Arc<Plan>,
    router: Router,
    nodes: Nodes,
    message: Message,
    streams: BTreeMap<String, Live>,
    parts: Vec<StreamPart>,
    label: Option<Arc<str>>,
    labels: usize,
    refused: BTreeMap<String, u64>,
}

/// One stream.
#[derive(Debug)]
struct Live {
    clock: Clock,
    order: OrderedRows,
    channels: Vec<(String, Option<String>)>,
    places: HashMap<String, usize>,
    /// The channel of each name of the message at hand.
    columns: Vec<Option<usize>>,
    row: Vec<f32>,
    /// Classes that begin after a time.
    coming: VecDeque<(i64, Option<Arc<str>>)>,
    class: Option<Arc<str>>,
    /// Which recording its rows are for.
    part: usize,
    counts: StreamCounts,
}

/// Where a stream's times come from: decided by its first sample, never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Undecided,
    /// Samples say it; true where from 1970.
    Event(bool),
    /// It is that of the arrival; the last one that was given.
    Arrival(i64),
}

impl Clock {
    fn time_ns(&mut self, time: Option<EventTime>, arrival_ns: i64) -> Option<i64> {
        if *self == Clock::Undecided {
            *self = match time {
                Some(time) => Clock::Event(time.is_absolute),
                None => Clock::Arrival(arrival_ns.saturating_sub(1)),
            };
        }
        match (&mut *self, time) {
            (Clock::Event(is_absolute), Some(time)) if time.is_absolute == *is_absolute => {
                Some(time.time_ns)
            }
            (Clock::Arrival(last_ns), None) => {
                *last_ns = arrival_ns.max(last_ns.saturating_add(1));
                Some(*last_ns)
            }
            _ => None,
        }
    }
}

type Sink<'a> = &'a mut dyn FnMut(Row<'_>);

impl Streams {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Streams {
            label: plan.label.as_deref().map(Arc::from),
            plan,
            router: Router::default(),
            nodes: Nodes::default(),
            message: Message::default(),
            streams: BTreeMap::new(),
            parts: Vec::new(),
            labels: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Takes a message, and passes on the rows that are certain. What a node of Sparkplug B is to be
    /// asked comes back.
    pub(super) fn message(
        &mut self,
        arrival_ns: i64,
        topic: &str,
        payload: &[u8],
        sink: Sink<'_>,
    ) -> Option<Rebirth> {
        let mut message = std::mem::take(&mut self.message);
        let taken = match topic.strip_prefix(NAMESPACE).is_some_and(|rest| rest.starts_with('/'))
            && !self.plan.sparkplug_groups.is_empty()
        {
            true => self.sparkplug(arrival_ns, topic, payload, &mut message, sink),
            false => self.sourced(arrival_ns, topic, payload, &mut message, sink).map(|()| None),
        };
        self.message = message;
        taken.unwrap_or_else(|refused| {
            *self.refused.entry(refused.reason().to_owned()).or_default() += 1;
            None
        })
    }

    fn sourced(
        &mut self,
        arrival_ns: i64,
        topic: &str,
        payload: &[u8],
        message: &mut Message,
        sink: Sink<'_>,
    ) -> Result<(), Refused> {
        let plan = Arc::clone(&self.plan);
        let place = self.router.source(&plan.sources, topic).ok_or(Refused::NoSource)?;
        let source = &plan.sources[place];
        let arrival = Arrival { time_ns: arrival_ns, channel: self.router.channel() };
        message.read(payload, &source.reading, arrival)?;
        let name = self.router.name().to_owned();
        let Some(key) = &source.stream_tag else {
            return self.take(&name, message, None, arrival_ns, sink);
        };
        let mut all = Ok(());
        for value in message.tag_values(key) {
            let stream = format!("{name}.{value}");
            all = all.and(self.take(&stream, message, Some((key, value)), arrival_ns, sink));
        }
        all
    }

    fn sparkplug(
        &mut self,
        arrival_ns: i64,
        topic: &str,
        payload: &[u8],
        message: &mut Message,
        sink: Sink<'_>,
    ) -> Result<Option<Rebirth>, Refused> {
        let address = SparkplugTopic::parse(topic).map_err(|_| Refused::NoSource)?;
        let SparkplugTopic::Node { group, .. } = address else { return Ok(None) };
        if !self.plan.has_group(group) {
            return Err(Refused::NoSource);
        }
        let taken = self.nodes.take(&address, payload, arrival_ns, message)?;
        if let (Some(name), false) = (address.stream(), message.is_empty()) {
            self.take(&name, message, None, arrival_ns, sink)?;
        }
        Ok(taken.rebirth)
    }

    fn take(
        &mut self,
        name: &str,
        message: &Message,
        tag: Option<(&str, &str)>,
        arrival_ns: i64,
        sink: Sink<'_>,
    ) -> Result<(), Refused> {
        if !self.streams.contains_key(name) {
            if !check_topic_level(name) {
                return Err(Refused::StreamName);
            }
            if self.streams.len() >= STREAMS_MAX {
                return Err(Refused::TooManyStreams);
            }
            let live = Live::new(self.plan.lateness_ms, self.label.clone(), self.parts.len());
            self.streams.insert(name.to_owned(), live);
            self.parts.push(StreamPart::new(name, 1));
        }
        let Some(live) = self.streams.get_mut(name) else { return Ok(()) };
        live.counts.messages += 1;
        live.meet(message, tag);
        for sample in message.samples_of(tag) {
            live.sample(&sample, arrival_ns, &mut self.parts, sink);
        }
        Ok(())
    }

    /// From now on, what comes has this class, or none. False where it was changed too often.
    pub(super) fn label(&mut self, class: Option<&str>) -> bool {
        if self.labels >= LABELS_MAX {
            return false;
        }
        self.labels += 1;
        self.label = class.map(Arc::from);
        for live in self.streams.values_mut() {
            match live.order.newest_ns() {
                Some(newest_ns) => live.coming.push_back((newest_ns, self.label.clone())),
                None => live.class.clone_from(&self.label),
            }
        }
        true
    }

    /// The connection was lost: births of Sparkplug B nodes may have been missed.
    pub(super) fn lose_connection(&mut self) {
        self.nodes.lose_connection();
    }

    /// Passes on all rows that are held back.
    pub(super) fn finish(&mut self, sink: Sink<'_>) {
        for live in self.streams.values_mut() {
            live.finish(&mut self.parts, sink);
        }
    }

    /// The recordings that rows are for.
    pub(super) fn parts(&self) -> &[StreamPart] {
        &self.parts
    }

    /// What is known of a stream.
    pub(super) fn facts(&self, stream: &str) -> StreamFacts {
        let Some(live) = self.streams.get(stream) else { return StreamFacts::default() };
        StreamFacts {
            channels: live.channels.clone(),
            is_absolute: live.clock != Clock::Event(false),
            is_by_arrival: matches!(live.clock, Clock::Arrival(_)),
        }
    }

    /// The class of what comes.
    pub(super) fn current_label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Messages that were of no use, by reason.
    pub(super) fn refused(&self) -> BTreeMap<String, u64> {
        let mut all = self.refused.clone();
        let counts = self.nodes.counts().named();
        let lost = counts.iter().filter(|(name, count)| *count > 0 && *name != "rebirths");
        all.extend(lost.map(|(name, count)| ((*name).to_owned(), *count)));
        all
    }

    /// What is recorded, stream by stream.
    pub(super) fn standing(&self) -> Vec<RecordedStream> {
        let streams = self.streams.iter().map(|(name, live)| RecordedStream {
            stream: name.clone(),
            channels: live.channels.iter().map(|(name, _)| name.clone()).collect(),
            counts: live.counts.clone(),
        });
        streams.collect()
    }
}

impl StreamPart {
    fn new(stream: &str, number: u32) -> Self {
        StreamPart { stream: stream.to_owned(), number, rows: 0, is_complete: true }
    }
}

impl Live {
    fn new(lateness_ms: u32, class: Option<Arc<str>>, part: usize) -> Self {
        Live {
            clock: Clock::Undecided,
            order: OrderedRows::new(lateness_ms),
            channels: Vec::new(),
            places: HashMap::new(),
            columns: Vec::new(),
            row: Vec::new(),
            coming: VecDeque::new(),
            class,
            part,
            counts: StreamCounts::default(),
        }
    }

    fn drop(&mut self, reason: &str, count: u64) {
        if count > 0 {
            *self.counts.dropped.entry(reason.to_owned()).or_default() += count;
        }
    }

    /// Finds the channel of each name of the message. A name becomes a channel once it gives a number.
    fn meet(&mut self, message: &Message, tag: Option<(&str, &str)>) {
        self.columns.clear();
        self.columns.resize(message.places(), None);
        let mut gives = vec![false; message.places()];
        for (place, cell) in message.samples_of(tag).flat_map(|sample| sample.cells) {
            gives[*place as usize] |= matches!(cell, Cell::Number(_));
        }
        let mut too_many = 0;
        for (place, name) in message.names() {
            let known = self.places.get(name).copied();
            let column = match known {
                Some(column) => column,
                None if !gives[place as usize] => continue,
                None if self.channels.len() >= CHANNELS_MAX => {
                    too_many += 1;
                    continue;
                }
                None => {
                    self.places.insert(name.to_owned(), self.channels.len());
                    self.channels.push((name.to_owned(), None));
                    self.channels.len() - 1
                }
            };
            self.columns[place as usize] = Some(column);
            let unit = &mut self.channels[column].1;
            match (unit.as_deref(), message.unit(place)) {
                (None, Some(found)) => *unit = Some(found.to_owned()),
                (Some(known), Some(found)) if known != found => {
                    // A number in another unit is another number.
                    self.columns[place as usize] = None;
                    self.drop("other_unit", 1);
                }
                _ => {}
            }
        }
        self.drop("too_many_channels", too_many);
        self.order.widen(self.channels.len());
    }

    fn sample(
        &mut self,
        sample: &MessageSample<'_>,
        arrival_ns: i64,
        parts: &mut Vec<StreamPart>,
        sink: Sink<'_>,
    ) {
        self.counts.samples += 1;
        match sample.fault {
            Some(Fault::Time) => return self.drop("bad_time", 1),
            Some(Fault::Twice) => return self.drop("bad_value", 1),
            None => {}
        }
        let Some(time_ns) = self.clock.time_ns(sample.time, arrival_ns) else {
            return self.drop("bad_time", 1);
        };
        self.row.clear();
        self.row.resize(self.channels.len(), f32::NAN);
        let (mut first, mut others) = (None, 0);
        for (place, cell) in sample.cells {
            match (self.columns[*place as usize], cell) {
                (Some(column), Cell::Number(value)) => {
                    self.row[column] = *value;
                    first = first.or(Some(column));
                }
                (Some(_), Cell::Other) => others += 1,
                (None, _) => {}
            }
        }
        self.drop("not_a_number", others);
        let Some(first) = first else { return self.drop("no_values", 1) };
        let is_one = sample.is_named_value;
        let placed = self.place(time_ns, is_one.then_some(first), parts, sink);
        match placed {
            Placed::Row | Placed::Joined => {}
            Placed::Duplicate => self.drop("duplicate", 1),
            Placed::Empty => self.drop("missing_value", 1),
            Placed::Late => self.counts.late += 1,
            Placed::ClockBack => {
                self.counts.late += 1;
                self.finish(parts, sink);
                let part = StreamPart::new(&parts[self.part].stream, parts[self.part].number + 1);
                self.part = parts.len();
                parts.push(part);
            }
        }
    }

    /// Places the row, or one value of it.
    fn place(
        &mut self,
        time_ns: i64,
        one: Option<usize>,
        parts: &mut [StreamPart],
        sink: Sink<'_>,
    ) -> Placed {
        let Live { order, row, coming, class, counts, part, .. } = self;
        let mut release = Release { coming, class, counts, part: *part, parts };
        let part = match one {
            Some(channel) => Part::One(channel, row[channel]),
            None => Part::Row(row),
        };
        order.place(time_ns, part, &mut |time_ns, values| release.row(time_ns, values, sink))
    }

    fn finish(&mut self, parts: &mut [StreamPart], sink: Sink<'_>) {
        let Live { order, coming, class, counts, part, .. } = self;
        let mut release = Release { coming, class, counts, part: *part, parts };
        order.finish(&mut |time_ns, values| release.row(time_ns, values, sink));
        while let Some((_, class)) = self.coming.pop_front() {
            self.class = class;
        }
    }
}

/// Gives rows that leave their class, and counts them.
struct Release<'a> {
    coming: &'a mut VecDeque<(i64, Option<Arc<str>>)>,
    class: &'a mut Option<Arc<str>>,
    counts: &'a mut StreamCounts,
    part: usize,
    parts: &'a mut [StreamPart],
}

impl Release<'_> {
    fn row(&mut self, time_ns: i64, values: &[f32], sink: Sink<'_>) {
        while let Some((_, class)) = self.coming.pop_front_if(|(after_ns, _)| *after_ns < time_ns) {
            *self.class = class;
        }
        self.counts.rows += 1;
        let part = &mut self.parts[self.part];
        part.rows += 1;
        part.is_complete &= values.iter().all(|value| value.is_finite());
        sink(Row { recording: self.part, time_ns, values, class: self.class.as_ref() });
    }
}

#[cfg(test)]
mod tests;
