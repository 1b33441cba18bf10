//! Follows topics for as long as somebody wants to know: connects again by itself, ever more patiently.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, Packet, QoS, SubscribeFilter, SubscribeReasonCode};

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
    /// The topics are followed from now on.
    Connected,
    /// They are not, for this reason; it will be tried again.
    Lost(String),
    /// A message.
    Message {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Bytes,
    },
}

/// How sure it is that a message comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is shown while it is news, and never asked for twice.
    AtMostOnce,
    /// The broker sends it again until it was acknowledged.
    AtLeastOnce,
}

/// Topics of a broker that are followed.
pub(crate) struct Subscription {
    broker: BrokerReach,
    topics: Vec<String>,
    delivery: Delivery,
    session: Option<(AsyncClient, EventLoop)>,
    /// Before connecting again; none at the first time.
    pause: Option<Duration>,
}

impl Subscription {
    pub(crate) fn new(broker: BrokerReach, topics: Vec<String>, delivery: Delivery) -> Self {
        Subscription { broker, topics, delivery, session: None, pause: None }
    }

    /// Publishes a request, once, where there is a connection.
    pub(crate) fn request(&mut self, topic: String, payload: Vec<u8>) {
        if let Some((client, _)) = &self.session {
            // One that is lost is asked again after a while.
            let _ = client.try_publish(topic, QoS::AtMostOnce, false, payload);
        }
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
                let qos = match self.delivery {
                    Delivery::AtMostOnce => QoS::AtMostOnce,
                    Delivery::AtLeastOnce => QoS::AtLeastOnce,
                };
                let filters =
                    self.topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), qos));
                let asked = client.try_subscribe_many(filters);
                asked.err().map(|error| self.lost(error.to_string()))
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                let mut answers = self.topics.iter().zip(&answer.return_codes);
                let refused = answers.find(|(_, code)| **code == SubscribeReasonCode::Failure);
                if let Some((topic, _)) = refused {
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
