//! Which topics there are at a broker: listens for a while, and says of each how its messages seem to
//! be written and which channels they have.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use model_format::protocol::check_topic_level;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use super::{RecordError, SettingError};
use crate::broker::BrokerReach;
use crate::clock::now_ns;
use crate::mqtt::{Delivery, Heard, Subscription};

mod infer;

use infer::Inference;

/// Most topics that are told of.
const TOPICS_MAX: usize = 1000;

/// Shortest and longest time of listening, in seconds.
const SECONDS: (f64, f64) = (0.1, 60.0);

/// Messages of a topic that are looked into, and the largest of them, in bytes.
const LOOKED_INTO_MAX: usize = 8;
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// What was heard at a broker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Topics {
    /// How long it was listened to, in seconds.
    pub(crate) seconds: f64,
    /// The topics, by name.
    pub(crate) topics: Vec<TopicFound>,
    /// Messages on topics beyond the first thousand.
    pub(crate) other_messages: u64,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TopicFound {
    /// Its name.
    pub(crate) topic: String,
    /// Messages that came.
    pub(crate) messages: u64,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// How its messages seem to be written, as `format` of a source takes it, or `sparkplug`; none
    /// where they are in no format that is read.
    pub(crate) format: Option<String>,
    /// Why they cannot be recorded as they are, or what must be said to record them.
    pub(crate) advice: Option<String>,
    /// Where the times of samples come from: `payload` (since 1970), `payload_relative`, or
    /// `arrival`.
    pub(crate) time: Option<String>,
    /// Samples in the messages that were looked into.
    pub(crate) samples: u64,
    /// Rows per second, where the times in the messages say so.
    pub(crate) rate_hz: Option<f64>,
    /// The channels, in the order in which they come.
    pub(crate) channels: Vec<ChannelFound>,
}

/// One channel of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChannelFound {
    /// Its name.
    pub(crate) name: String,
    /// Its unit, where messages say it.
    pub(crate) unit: Option<String>,
    /// A value that came.
    pub(crate) example: Option<f32>,
}

/// A message as it was heard.
#[derive(Clone, Debug)]
struct HeardMessage {
    arrival_ns: i64,
    payload: Bytes,
}

#[derive(Debug, Default)]
struct Heaped {
    messages: u64,
    bytes: u64,
    kept: Vec<HeardMessage>,
}

/// Whether it can be listened to these topics for so long.
///
/// # Errors
/// Names what to change.
pub(crate) fn check(filter: &str, seconds: f64) -> Result<Duration, SettingError> {
    let (least, most) = SECONDS;
    if !(least..=most).contains(&seconds) {
        let change = format!("{seconds}: {least} to {most} seconds are listened to");
        return Err(SettingError::new("seconds", change));
    }
    let plain = filter.strip_suffix("/#").unwrap_or(filter);
    let is_level = |level: &str| level == "+" || check_topic_level(level);
    if filter != "#" && !(plain.len() <= 1000 && plain.split('/').all(is_level)) {
        let change =
            "a topic is expected, in which + stands for one level and a last # for the rest";
        return Err(SettingError::new("filter", change));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Listens at a broker for so long. Blocks the thread.
///
/// # Errors
/// Where the broker is not reached, or lets nobody read there.
pub(crate) fn listen(
    broker: BrokerReach,
    filter: &str,
    length: Duration,
) -> Result<Topics, RecordError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(RecordError::Thread)?;
    let address = format!("{}:{}", broker.url.host, broker.url.port);
    let mut subscription = Subscription::new(broker, vec![filter.to_owned()], Delivery::AtMostOnce);
    let heaps = runtime.block_on(async {
        let mut heaps = Heaps::default();
        // The broker itself must answer first, within the same time again.
        let mut until = Instant::now() + length + Duration::from_secs(5);
        loop {
            match timeout_at(until, subscription.next()).await {
                Err(_) if !heaps.is_connected => {
                    return Err("it has not answered".to_owned());
                }
                Err(_) => return Ok(heaps),
                Ok(Heard::Lost(reason)) if !heaps.is_connected => return Err(reason),
                Ok(Heard::Lost(_)) => {}
                Ok(Heard::Connected) if !heaps.is_connected => {
                    heaps.is_connected = true;
                    until = Instant::now() + length;
                }
                Ok(Heard::Connected) => {}
                Ok(Heard::Message { topic, payload }) => heaps.add(topic, payload, now_ns()),
            }
        }
    });
    runtime.shutdown_background();
    let heaps = heaps.map_err(|reason| RecordError::Broker { address, reason })?;
    Ok(heaps.told(length))
}

#[derive(Debug, Default)]
struct Heaps {
    is_connected: bool,
    topics: BTreeMap<String, Heaped>,
    other_messages: u64,
}

impl Heaps {
    fn add(&mut self, topic: String, payload: Bytes, arrival_ns: i64) {
        if !self.topics.contains_key(&topic) && self.topics.len() >= TOPICS_MAX {
            self.other_messages += 1;
            return;
        }
        let heap = self.topics.entry(topic).or_default();
        heap.messages += 1;
        heap.bytes += payload.len() as u64;
        if heap.kept.len() < LOOKED_INTO_MAX && payload.len() <= MESSAGE_BYTES_MAX {
            heap.kept.push(HeardMessage { arrival_ns, payload });
        }
    }

    fn told(self, length: Duration) -> Topics {
        let topics = self.topics.into_iter().map(|(topic, heap)| {
            let found = Inference::of(&topic, &heap.kept);
            TopicFound {
                topic,
                messages: heap.messages,
                bytes: heap.bytes,
                format: found.format,
                advice: found.advice,
                time: found.time,
                samples: found.samples,
                rate_hz: found.rate_hz,
                channels: found.channels,
            }
        });
        Topics {
            seconds: length.as_secs_f64(),
            topics: topics.collect(),
            other_messages: self.other_messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_has_bounds() {
        assert!(check("#", SECONDS.0).is_ok() && check("a/+/#", SECONDS.1).is_ok());
        for (filter, seconds, field) in [
            ("#", 0.0, "seconds"),
            ("#", 61.0, "seconds"),
            ("#", f64::NAN, "seconds"),
            ("", 1.0, "filter"),
            ("a/#/b", 1.0, "filter"),
            ("a+", 1.0, "filter"),
        ] {
            assert_eq!(check(filter, seconds).unwrap_err().field, field);
        }
    }

    #[test]
    fn topics_beyond_the_bound_are_counted_and_few_messages_of_each_are_kept() {
        let mut heaps = Heaps::default();
        for number in 0..TOPICS_MAX + 2 {
            for _ in 0..LOOKED_INTO_MAX + 1 {
                heaps.add(format!("t/{number}"), Bytes::from_static(b"{}"), 0);
            }
        }
        assert_eq!(heaps.other_messages as usize, 2 * (LOOKED_INTO_MAX + 1));
        assert!(heaps.topics.values().all(|heap| heap.kept.len() == LOOKED_INTO_MAX));
        assert_eq!(heaps.told(Duration::from_secs(1)).topics.len(), TOPICS_MAX);
    }
}
