//! What messages seem to be: the real readers are tried on them, the strictest first. Pure.

use model_format::payload::Format;
use model_format::payload::message::{Arrival, Cell, EventTime, Message, Reading, Times};
use model_format::payload::sparkplug::topic::NAMESPACE;
use model_format::payload::sparkplug::{Nodes, Topic as SparkplugTopic};

use super::{ChannelFound, HeardMessage};

/// Formats in the order in which they are tried: what reads little comes first.
const TRIED: [Format; 6] = [
    Format::Number,
    Format::SenmlJson,
    Format::Json,
    Format::Influx,
    Format::SenmlCbor,
    Format::Cbor,
];

/// Most channels that are told.
const CHANNELS_MAX: usize = 200;

/// Most values by position for which names are asked.
const POSITIONS_MAX: usize = 256;

/// What the messages of a topic seem to be.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Inference {
    pub(super) format: Option<String>,
    pub(super) advice: Option<String>,
    pub(super) time: Option<String>,
    pub(super) samples: u64,
    pub(super) rate_hz: Option<f64>,
    pub(super) channels: Vec<ChannelFound>,
    /// Times of samples, in the order of the messages.
    times: Vec<EventTime>,
    has_untimed: bool,
}

impl Inference {
    /// Looks into messages of one topic.
    pub(super) fn of(topic: &str, messages: &[HeardMessage]) -> Self {
        if messages.is_empty() {
            let advice = "its messages are too large to be looked into".to_owned();
            return Inference { advice: Some(advice), ..Inference::default() };
        }
        if let Some(found) = of_sparkplug(topic, messages) {
            return found;
        }
        let mut first = None;
        for format in TRIED {
            match of_format(format, messages, &[]) {
                Ok(found) => return found,
                Err(error) if format == Format::Json => first = Some(error),
                Err(_) => {}
            }
        }
        if let Some(found) = by_position(messages) {
            return found;
        }
        let why = first.unwrap_or_default();
        let advice = format!("in no format that is read; taken as JSON: {why}");
        Inference { advice: Some(advice), ..Inference::default() }
    }

    fn add(&mut self, message: &Message) {
        for sample in message.samples().filter(|sample| sample.fault.is_none()) {
            self.samples += 1;
            match sample.time {
                Some(time) => self.times.push(time),
                None => self.has_untimed = true,
            }
        }
        for (place, name) in message.names() {
            let cells = message.samples().flat_map(|sample| sample.cells);
            let mut numbers = cells.filter_map(|(at, cell)| match cell {
                Cell::Number(value) if *at == place => Some(*value),
                _ => None,
            });
            let Some(value) = numbers.next() else { continue };
            if self.channels.len() >= CHANNELS_MAX || self.channels.iter().any(|c| c.name == name) {
                continue;
            }
            let example = value.is_finite().then_some(value);
            let unit = message.unit(place).map(str::to_owned);
            self.channels.push(ChannelFound { name: name.to_owned(), unit, example });
        }
    }

    fn finish(mut self, format: &str) -> Self {
        self.format = Some(format.to_owned());
        let time = match (self.times.first(), self.has_untimed) {
            (Some(EventTime { is_absolute: true, .. }), _) => "payload",
            (Some(_), _) => "payload_relative",
            (None, _) => "arrival",
        };
        self.time = Some(time.to_owned());
        let mut times: Vec<i64> = self.times.iter().map(|time| time.time_ns).collect();
        times.sort_unstable();
        times.dedup();
        let mut intervals: Vec<i64> =
            times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        intervals.sort_unstable();
        let median = intervals.get(intervals.len() / 2).filter(|ns| **ns > 0);
        self.rate_hz = median.map(|ns| 1e9 / *ns as f64);
        self
    }
}

/// The messages in a format; an error where one is not written in it, or none has a number.
fn of_format(
    format: Format,
    messages: &[HeardMessage],
    positions: &[String],
) -> Result<Inference, String> {
    let is_text = messages.iter().all(|message| std::str::from_utf8(&message.payload).is_ok());
    if is_text && matches!(format, Format::Cbor | Format::SenmlCbor) {
        return Err("it is text".to_owned());
    }
    let reading = Reading { format, times: Times::found(), positions: positions.to_vec() };
    let mut found = Inference::default();
    let mut read = Message::default();
    for message in messages {
        let arrival = Arrival { time_ns: message.arrival_ns, channel: Some("value") };
        read.read(&message.payload, &reading, arrival).map_err(|error| error.to_string())?;
        found.add(&read);
    }
    if found.channels.is_empty() {
        return Err("the messages have no numbers".to_owned());
    }
    if format == Format::Number {
        found.advice = Some(
            "one number in each message: `channel` says what a topic is about, such as {channel} for \
             the topic plant/{machine}/{channel}"
                .to_owned(),
        );
        found.channels.clear();
    }
    Ok(found.finish(format.name()))
}

/// Values that only their positions tell apart.
fn by_position(messages: &[HeardMessage]) -> Option<Inference> {
    let first: serde_json::Value = serde_json::from_slice(&messages.first()?.payload).ok()?;
    let row = match first.as_array()?.first()? {
        serde_json::Value::Array(row) => row,
        _ => first.as_array()?,
    };
    if row.len() > POSITIONS_MAX {
        return None;
    }
    let names: Vec<String> = (0..row.len()).map(|place| format!("value_{place}")).collect();
    let mut found = of_format(Format::Json, messages, &names).ok()?;
    let advice = format!(
        "values by their position: `positions` names all {} of them, in their order; the time is called \
         t_ms, t_us or the like",
        row.len()
    );
    found.advice = Some(advice);
    Some(found)
}

/// A node of Sparkplug B: what its births and data say.
fn of_sparkplug(topic: &str, messages: &[HeardMessage]) -> Option<Inference> {
    topic.strip_prefix(NAMESPACE).filter(|rest| rest.starts_with('/'))?;
    let address = SparkplugTopic::parse(topic).ok()?;
    let mut nodes = Nodes::default();
    let mut read = Message::default();
    let mut found = Inference::default();
    for message in messages {
        let taken = nodes.take(&address, &message.payload, message.arrival_ns, &mut read);
        if let Err(error) = taken {
            found.advice = Some(error.to_string());
            break;
        }
        found.add(&read);
    }
    if found.channels.is_empty() && found.advice.is_none() {
        let advice = "only a birth says what is in its data: recording asks the node for it";
        found.advice = Some(advice.to_owned());
    }
    Some(found.finish("sparkplug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payloads: &[&[u8]]) -> Inference {
        let message = |payload: &&[u8]| HeardMessage {
            arrival_ns: 1_800_000_000_000_000_000,
            payload: payload.to_vec().into(),
        };
        Inference::of("plant/pump", &payloads.iter().map(message).collect::<Vec<_>>())
    }

    fn names(found: &Inference) -> Vec<&str> {
        found.channels.iter().map(|channel| channel.name.as_str()).collect()
    }

    #[test]
    fn each_format_is_told_by_its_own_examples() {
        let json = of(&[br#"{"t_ms":1764322000000,"acc":{"x":0.1,"y":2},"state":"on"}"#]);
        assert_eq!(json.format.as_deref(), Some("json"));
        assert_eq!((names(&json), json.time.as_deref()), (vec!["acc.x", "acc.y"], Some("payload")));
        let table = of(&[
            br#"{"channels":["x"],"units":["g"],"t_ms":5,"rate_hz":1000,"values":[[1],[2],[3]]}"#,
        ]);
        assert_eq!((table.samples, table.rate_hz), (3, Some(1000.0)));
        assert_eq!(table.channels[0].unit.as_deref(), Some("g"));
        assert_eq!(table.time.as_deref(), Some("payload_relative"));
        let senml =
            of(&[br#"[{"bn":"pump1:","n":"temp","u":"Cel","v":61.5},{"n":"acc.x","v":0.1}]"#]);
        assert_eq!(senml.format.as_deref(), Some("senml-json"));
        assert_eq!(names(&senml), ["pump1:temp", "pump1:acc.x"]);
        let rows = of(&[br#"[{"t_ms":5,"x":0.1},{"t_ms":6,"x":0.2}]"#]);
        assert_eq!((rows.format.as_deref(), rows.rate_hz), (Some("json"), Some(1000.0)));
        let line = of(&[b"accel,machine=pump1 x=0.1,on=true 1764322000000000000"]);
        assert_eq!((line.format.as_deref(), names(&line)), (Some("influx"), vec!["x", "on"]));
        let number = of(&[b"61.5", b"-3e2"]);
        assert_eq!(number.format.as_deref(), Some("number"));
        assert!(number.advice.unwrap().contains("{channel}"));
        // {"t_ms": 5, "x": 1.5} in CBOR.
        let cbor = of(&[b"\xa2\x64t_ms\x05\x61x\xf9\x3e\x00"]);
        assert_eq!((cbor.format.as_deref(), names(&cbor)), (Some("cbor"), vec!["x"]));
        // [{0: "x", 2: 1.5}] in SenML CBOR.
        let senml = of(&[b"\x81\xa2\x00\x61x\x02\xf9\x3e\x00"]);
        assert_eq!((senml.format.as_deref(), names(&senml)), (Some("senml-cbor"), vec!["x"]));
    }

    #[test]
    fn values_by_position_ask_for_names() {
        let found = of(&[b"[5,0.1]", b"[6,0.2]"]);
        assert_eq!(found.format.as_deref(), Some("json"));
        assert!(found.advice.unwrap().contains("all 2"));
    }

    #[test]
    fn what_is_no_message_says_so() {
        for payload in [&b"\xff\xfe\x00"[..], b"hello", b"", br#"{"state":"on"}"#] {
            let found = of(&[payload]);
            assert_eq!(found.format, None, "{payload:?}");
            assert!(found.advice.is_some());
        }
        assert!(Inference::of("a", &[]).advice.unwrap().contains("too large"));
    }

    #[test]
    fn data_of_a_node_whose_birth_was_missed_says_so() {
        let messages = [HeardMessage { arrival_ns: 1, payload: Bytes::from_static(b"\x18\x01") }];
        let found = Inference::of("spBv1.0/g/NDATA/n", &messages);
        assert_eq!(found.format.as_deref(), Some("sparkplug"));
        assert!(found.advice.unwrap().contains("birth"));
    }

    use bytes::Bytes;
}
