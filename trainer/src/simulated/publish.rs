//! Plays simulated recordings into a broker, sample by sample in their own time.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use model_format::protocol::samples_topic;
use model_format::signal::simulate::chaos::{Chaos, Trouble};
use serde::Serialize;

use super::{Plan, Planned, SimulateError};
use crate::broker::BrokerReach;
use crate::clock::now_ms;
use crate::mqtt::{MqttError, Publisher};
use crate::progress::{Cancelled, Progress};
use crate::recording::Recording;

/// Time between two messages; slower machines send a sample each.
const MESSAGE_EVERY_S: f64 = 0.05;

/// Why nothing more is played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayError {
    /// No machine can be like that.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The broker.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// Somebody wished it to end.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What was played.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Played {
    /// Messages that the broker has acknowledged.
    pub(crate) messages: u64,
    /// Samples in them.
    pub(crate) samples: u64,
    /// Where they went.
    pub(crate) topic: String,
    /// Messages that got into trouble, by its kind.
    pub(crate) trouble: BTreeMap<&'static str, u64>,
}

/// How a plan is played.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    /// The broker.
    pub(crate) broker: BrokerReach,
    /// First levels of the topic.
    pub(crate) prefix: String,
    /// The stream that the machine sends as.
    pub(crate) stream: String,
    /// Begin again, with the next seed, when all recordings were played.
    pub(crate) repeat: bool,
    /// How many seconds of the machine pass in one second.
    pub(crate) speed: f64,
    /// The share of messages that get into trouble, 0 to 1.
    pub(crate) chaos: f64,
}

impl Play {
    /// Plays the recordings of `plan` one after the other. Times count from now, without a gap
    /// between recordings; each message is sent when its last sample is due. At another speed than
    /// 1, samples keep the distance that they have in the machine's own time.
    ///
    /// # Errors
    /// Where a machine cannot be like that, where the broker does not take messages, and where
    /// somebody wishes it to end.
    pub(crate) fn run(&self, plan: &Plan, progress: &Progress) -> Result<Played, PlayError> {
        let topic = samples_topic(&self.prefix, &self.stream);
        let mut player = Player {
            publisher: Publisher::connect(&self.broker)?,
            began: Instant::now(),
            began_ns: now_ms() * 1_000_000,
            offset_ns: 0,
            speed: self.speed,
            chaos: Chaos::new(plan.seed, self.chaos),
            late: VecDeque::new(),
            played: Played { topic, ..Played::default() },
        };
        let rounds = if self.repeat { u64::MAX } else { 1 };
        for round in 0..rounds {
            let seed = plan.seed.wrapping_add(round);
            let planned = Plan { seed, ..plan.clone() }.recordings()?;
            progress.stage("publish", planned.len() as u64);
            for planned in &planned {
                player.play(planned, progress)?;
                progress.step();
            }
        }
        player.send_late(usize::MAX)?;
        let messages = player.publisher.finish()?;
        Ok(Played { messages, ..player.played })
    }
}

struct Player {
    publisher: Publisher,
    began: Instant,
    /// Time of the first sample.
    began_ns: i64,
    /// Where the next recording begins, from the first sample.
    offset_ns: i64,
    speed: f64,
    chaos: Chaos,
    /// Messages that are late: how many others go before, and what they are.
    late: VecDeque<(usize, Vec<u8>)>,
    played: Played,
}

impl Player {
    fn play(&mut self, planned: &Planned, progress: &Progress) -> Result<(), PlayError> {
        let recording = planned.recording()?;
        let rate_hz = recording.rate_hz.unwrap_or(1.0);
        let rows_each = ((rate_hz * MESSAGE_EVERY_S) as usize).max(1);
        let period_ns = (1e9 / rate_hz).round() as i64;
        let mut from = 0;
        while from < recording.rows() {
            progress.check()?;
            let to = (from + rows_each).min(recording.rows());
            let due_ns = self.offset_ns + recording.time_ns[to - 1];
            let due = Duration::from_nanos((due_ns as f64 / self.speed) as u64);
            std::thread::sleep(due.saturating_sub(self.began.elapsed()));
            let payload = self.message(&recording, from..to);
            self.send(payload, &recording, due_ns)?;
            self.played.samples += (to - from) as u64;
            from = to;
        }
        let last_ns = recording.time_ns.last().copied().unwrap_or(0);
        self.offset_ns += last_ns + period_ns;
        Ok(())
    }

    /// Sends a message, or what trouble makes of it.
    fn send(
        &mut self,
        payload: Vec<u8>,
        recording: &Recording,
        due_ns: i64,
    ) -> Result<(), PlayError> {
        let topic = self.played.topic.clone();
        let trouble = self.chaos.next_trouble();
        if let Some(trouble) = trouble {
            *self.played.trouble.entry(trouble.name()).or_default() += 1;
        }
        match trouble {
            None => self.publisher.publish(&topic, payload)?,
            Some(Trouble::Malformed) => {
                let payload = self.chaos.malformed(&payload);
                self.publisher.publish(&topic, payload)?;
            }
            Some(Trouble::Late) => {
                let delay = self.chaos.delay_messages();
                self.late.push_back((delay, payload));
            }
            Some(Trouble::Duplicate) => {
                self.publisher.publish(&topic, payload.clone())?;
                self.publisher.publish(&topic, payload)?;
            }
            Some(Trouble::Absurd) => {
                let channel = recording.channels.first().map_or("x", |c| c.name.as_str());
                let absurd = self.chaos.absurd(channel, self.began_ns + due_ns);
                self.publisher.publish(&topic, absurd)?;
                self.publisher.publish(&topic, payload)?;
            }
        }
        self.send_late(1)
    }

    /// Sends what is late, after `passed` more messages.
    fn send_late(&mut self, passed: usize) -> Result<(), PlayError> {
        let mut waiting = VecDeque::new();
        while let Some((left, payload)) = self.late.pop_front() {
            match left.checked_sub(passed).filter(|left| *left > 0) {
                Some(left) => waiting.push_back((left, payload)),
                None => self.publisher.publish(&self.played.topic, payload)?,
            }
        }
        self.late = waiting;
        Ok(())
    }

    /// Rows as one message: channel names, a time for each row, the values.
    fn message(&self, recording: &Recording, rows: std::ops::Range<usize>) -> Vec<u8> {
        let inputs: Vec<_> = recording.channels.iter().filter(|c| c.is_input()).collect();
        let start_ns = self.began_ns + self.offset_ns;
        let values = rows.clone().map(|row| inputs.iter().map(|c| c.values[row]).collect());
        let message = Message {
            channels: inputs.iter().map(|channel| channel.name.as_str()).collect(),
            t_ns: recording.time_ns[rows].iter().map(|t| start_ns + t).collect(),
            values: values.collect(),
        };
        serde_json::to_vec(&message).expect("plain data has a JSON form")
    }
}

/// Samples as an array payload.
#[derive(Serialize)]
struct Message<'a> {
    channels: Vec<&'a str>,
    t_ns: Vec<i64>,
    values: Vec<Vec<f32>>,
}
