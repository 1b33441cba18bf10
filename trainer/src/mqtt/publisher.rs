//! Publishes messages and waits until the broker has them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model_format::protocol::BrokerUrl;
use rumqttc::{Client, Connection, Event, Outgoing, Packet, QoS};

use super::options;
use crate::broker::BrokerReach;

/// Largest message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Most messages that wait for the connection.
const WAITING_MAX: usize = 64;

/// Longest time without a sign of the broker before publishing gives up.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Pause before connecting again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Why messages did not reach the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MqttError {
    /// The broker was never reached, or refused.
    #[error(
        "the broker at {host}:{port} does not take the connection: {reason}; check the address, \
         user and password in --publish"
    )]
    Connect {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What was found.
        reason: String,
    },
    /// It was there and has gone.
    #[error(
        "the broker at {host}:{port} has not answered for {} s; {unacknowledged} messages are \
         not known to have arrived", SILENCE_MAX.as_secs()
    )]
    Silent {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// Messages that it has not acknowledged.
        unacknowledged: u64,
    },
    /// The system gives no thread.
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

/// A connection that publishes with quality of service 1.
pub(crate) struct Publisher {
    broker: BrokerUrl,
    client: Client,
    seen: Arc<Seen>,
    published: u64,
    thread: JoinHandle<()>,
}

/// What the thread of the connection has seen.
#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connected: bool,
    acknowledged: u64,
    /// Why the first connection failed.
    refused: Option<String>,
}

impl Publisher {
    /// Connects; returns when the broker has accepted.
    ///
    /// # Errors
    /// Where nobody answers there, or user and password are refused.
    pub(crate) fn connect(broker: &BrokerReach) -> Result<Self, MqttError> {
        let (client, connection) = Client::new(options(broker, MESSAGE_BYTES_MAX), WAITING_MAX);
        let seen = Arc::new(Seen::default());
        let watched = Arc::clone(&seen);
        let thread = std::thread::Builder::new()
            .name("mqtt".to_owned())
            .spawn(move || pump(connection, &watched))?;
        let publisher =
            Publisher { broker: broker.url.clone(), client, seen, published: 0, thread };
        publisher.wait(|state| state.connected)?;
        Ok(publisher)
    }

    /// Hands a message to the connection; waits while too many are on their way.
    ///
    /// # Errors
    /// Where the broker has gone.
    pub(crate) fn publish(&mut self, topic: &str, payload: Vec<u8>) -> Result<(), MqttError> {
        let (published, most) = (self.published, WAITING_MAX as u64);
        self.wait(|state| published - state.acknowledged < most)?;
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .map_err(|_| self.silent(published))?;
        self.published += 1;
        Ok(())
    }

    /// Waits until the broker has all messages, and ends the connection.
    ///
    /// # Errors
    /// Where the broker has gone.
    pub(crate) fn finish(self) -> Result<u64, MqttError> {
        let published = self.published;
        self.wait(|state| state.acknowledged >= published)?;
        // A connection that has broken by now has nothing left to say.
        let _ = self.client.disconnect();
        if self.thread.join().is_err() {
            tracing::error!("the thread of the MQTT connection panicked");
        }
        Ok(published)
    }

    /// Waits until `enough`, as long as something goes on.
    fn wait(&self, enough: impl Fn(&State) -> bool) -> Result<(), MqttError> {
        let mut state = self.seen.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = (state.acknowledged, Instant::now());
        while !enough(&state) {
            if let Some(reason) = state.refused.clone() {
                let BrokerUrl { host, port, .. } = self.broker.clone();
                return Err(MqttError::Connect { host, port, reason });
            }
            if state.acknowledged != last.0 {
                last = (state.acknowledged, Instant::now());
            }
            if last.1.elapsed() > SILENCE_MAX {
                return Err(self.silent(state.acknowledged));
            }
            let waited = self.seen.changed.wait_timeout(state, RECONNECT_PAUSE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn silent(&self, acknowledged: u64) -> MqttError {
        let BrokerUrl { host, port, .. } = self.broker.clone();
        MqttError::Silent { host, port, unacknowledged: self.published - acknowledged }
    }
}

/// Keeps the connection going until it is asked to end, or was never accepted.
fn pump(mut connection: Connection, seen: &Seen) {
    for event in connection.iter() {
        let mut state = seen.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => state.connected = true,
            Ok(Event::Incoming(Packet::PubAck(_))) => state.acknowledged += 1,
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => continue,
            Err(error) if state.connected => {
                drop(state);
                tracing::warn!(error = %error, "the broker has gone; connecting again");
                std::thread::sleep(RECONNECT_PAUSE);
                continue;
            }
            Err(error) => {
                state.refused = Some(error.to_string());
                seen.changed.notify_all();
                return;
            }
        }
        seen.changed.notify_all();
    }
}
