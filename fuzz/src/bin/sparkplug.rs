#![no_main]
//! A life of nodes: each message is a byte for its topic, two for its length, and its payload.

use model_format::payload::message::Message;
use model_format::payload::sparkplug::proto::Payload;
use model_format::payload::sparkplug::{Event, Nodes, SparkplugError, Topic};
use prost::Message as _;

const KINDS: [&str; 8] =
    ["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH", "NCMD", "DCMD"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (mut nodes, mut twins) = (Nodes::default(), Nodes::default());
    let mut reused = Message::default();
    let mut rest = data;
    let mut now_ns = 1_767_225_600_000_000_000_i64;
    while let Some((&[topic, low, high], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([low, high])).min(after.len());
        let (payload, after) = after.split_at(length);
        rest = after;
        now_ns += 1_000_000_000;
        let kind = KINDS[usize::from(topic & 7)];
        let device = if kind.starts_with('D') { format!("/{}", (topic >> 3) & 3) } else { String::new() };
        let topic = format!("spBv1.0/plant/{kind}/{}{device}", topic >> 5);
        let topic = Topic::parse(&topic).expect("it is a topic");
        let mut fresh = Message::default();
        let taken = nodes.take(&topic, payload, now_ns, &mut fresh);
        assert_eq!(taken, twins.take(&topic, payload, now_ns, &mut reused));
        fuzz::check_samples(&fresh);
        fuzz::assert_same(&fresh, &reused);
        match taken {
            Ok(taken) if matches!(taken.event, Event::Birth | Event::Data) => {
                assert!(Payload::decode(payload).is_ok(), "prost refuses what was taken");
            }
            Ok(_) => {}
            Err(error) => {
                assert!(fresh.is_empty() && SparkplugError::REASONS.contains(&error.reason()));
            }
        }
    }
});
