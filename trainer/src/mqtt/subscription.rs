//! Follows a topic for as long as the trainer runs: connects again by itself, ever more patiently.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, Packet, QoS, SubscribeReasonCode};

use super::options;
use crate::broker::BrokerReach;

/// Largest packet that is received; a broker that sends a larger one is left and joined again.
const PACKET_BYTES_MAX: usize = 17 << 20;

/// Requests between this file and the client.
const REQUESTS_MAX: usize = 4;

/// First and longest pause before connecting again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What is heard of a broker.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The topic is followed from now on.
    Connected,
    /// It is not, for this reason; it will be tried again.
    Lost(String),
    /// A message.
    Message {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Bytes,
    },
}

/// A topic of a broker that is followed.
pub(crate) struct Subscription {
    broker: BrokerReach,
    topic: String,
    session: Option<(AsyncClient, EventLoop)>,
    /// Before connecting again; none at the first time.
    pause: Option<Duration>,
}

impl Subscription {
    pub(crate) fn new(broker: BrokerReach, topic: String) -> Self {
        Subscription { broker, topic, session: None, pause: None }
    }

    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            let event = {
                let (_, events) = self.session().await;
                events.poll().await
            };
            let heard = match event {
                Ok(event) => self.event(event),
                Err(error) => Some(self.lost(error.to_string())),
            };
            if let Some(heard) = heard {
                return heard;
            }
        }
    }

    async fn session(&mut self) -> &mut (AsyncClient, EventLoop) {
        if self.session.is_none()
            && let Some(pause) = self.pause
        {
            tokio::time::sleep(pause).await;
        }
        self.session.get_or_insert_with(|| {
            AsyncClient::new(options(&self.broker, PACKET_BYTES_MAX), REQUESTS_MAX)
        })
    }

    fn event(&mut self, event: Event) -> Option<Heard> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                let (client, _) = self.session.as_ref()?;
                // Results are shown while they are news: none is asked for twice.
                let asked = client.try_subscribe(&self.topic, QoS::AtMostOnce);
                asked.err().map(|error| self.lost(error.to_string()))
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    let topic = &self.topic;
                    return Some(self.lost(format!("the broker does not let us read {topic}")));
                }
                self.pause = None;
                Some(Heard::Connected)
            }
            Event::Incoming(Packet::Publish(message)) => {
                Some(Heard::Message { topic: message.topic, payload: message.payload })
            }
            _ => None,
        }
    }

    fn lost(&mut self, reason: String) -> Heard {
        self.session = None;
        let (first, longest) = PAUSE;
        self.pause = Some(self.pause.map_or(first, |pause| (pause * 2).min(longest)));
        Heard::Lost(reason)
    }
}
