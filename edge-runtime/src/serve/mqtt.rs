//! MQTT: samples in, results, alarms and status out, over connections that come and go.
//!
//! The broker keeps the session: what comes while the device is away waits there. What the broker has
//! not acknowledged is in the outbox, and leaves again on the next connection.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use model_format::payload::message::MESSAGE_BYTES_MAX;
use model_format::payload::sparkplug::Rebirth;
use model_format::protocol::{alarms_topic, results_topic, status_topic};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Broker;
use super::board::Board;
use super::inbox::{Inbox, Origin, Samples, Work};
use super::metrics::Metrics;
use super::outbox::{Body, Kind, Outbox};
use crate::backoff::{Backoff, random};

mod client;
mod connection;
mod loss;
mod subscriptions;
mod tls;

use client::{Client, Event, Gone, NETWORK_MAX, Settings, Wheel};
use connection::{Handed, Shared};
use loss::{Loss, Tried};
pub(in crate::serve) use subscriptions::Subscriptions;
pub(crate) use tls::{Authorities, client_config};

/// First and longest wait before connecting again.
const RETRY_MS: (u64, u64) = (250, 30_000);
/// How often the status is looked at.
const STATUS_LOOK: Duration = Duration::from_millis(500);
/// The status is published at least so often, for its counts.
const STATUS_AGE_MAX: Duration = Duration::from_secs(60);
/// How long the end may take: results and status to the broker.
const LEAVE_MAX: Duration = Duration::from_secs(3);
/// How long a message waits for a place in the inbox, and all behind it at the broker.
const PLACE_WAIT_MAX: Duration = Duration::from_millis(500);
/// Events until the other side of the connection has its turn, whatever comes.
const TURNS_MAX: u64 = 16;
/// Largest packet: a publication has a topic and a head beside its payload.
const PACKET_BYTES_MAX: u32 = MESSAGE_BYTES_MAX as u32 + 65_536;
/// A connection that lasted longer is no part of a row of failures.
const STEADY: Duration = Duration::from_secs(60);
const OFFLINE: &str = r#"{"state":"offline"}"#;

/// The device's place at its broker.
pub(super) struct Mqtt {
    pub(super) broker: Broker,
    pub(super) device: String,
    pub(super) subscriptions: Subscriptions,
    pub(super) inbox: Inbox,
    pub(super) outbox: Arc<Outbox>,
    /// Requests to Sparkplug B nodes.
    pub(super) rebirths: tokio::sync::Mutex<mpsc::Receiver<Rebirth>>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
}

/// How a connection ended.
enum Ended {
    Lost(Loss),
    Left,
}

/// What is done about the end of one connection before the next.
#[derive(Debug, Default)]
struct Course {
    /// The error that the log has.
    said: String,
    /// Connections in a row that a message ended which was too large.
    too_large: u32,
}

impl Course {
    /// Whether this error is new to the log.
    fn is_news(&mut self, text: &str, lasted: Duration) -> bool {
        let is_news = self.said != text || lasted > STEADY;
        text.clone_into(&mut self.said);
        is_news
    }

    /// Whether the broker's session must be given up. With MQTT 3.1.1 a broker sends a message of
    /// QoS 1 again that was too large the first time, and would for ever; one of QoS 0 is gone.
    fn must_start_anew(&mut self, loss: &Loss) -> bool {
        self.too_large = if matches!(loss, Loss::TooLarge(_)) { self.too_large + 1 } else { 0 };
        let must = self.too_large >= 2;
        if must {
            self.too_large = 0;
        }
        must
    }
}

impl Mqtt {
    /// Connects, and connects again, until `leave` says to end.
    pub(super) async fn run(self, leave: CancellationToken) {
        let mut backoff = Backoff::new(RETRY_MS.0, RETRY_MS.1);
        let mut course = Course::default();
        let mut starts_anew = false;
        loop {
            let (began, shared) = (Instant::now(), Shared::default());
            let ended = match std::mem::take(&mut starts_anew) {
                true => tokio::select! {
                    ended = self.give_up_session() => ended,
                    () = leave.cancelled() => Ended::Left,
                },
                false => self.connection(&shared, &leave).await,
            };
            self.board.set_broker_connected(false);
            let loss = match ended {
                Ended::Lost(loss) => loss,
                Ended::Left if leave.is_cancelled() => break,
                Ended::Left => continue,
            };
            if shared.has_been_connected() {
                backoff.reset();
                // Where it finds no place, so much waits that births come again as well.
                let _ = self.inbox.try_push(Work::ConnectionLost);
            }
            self.tell_loss(&loss, &mut course, shared.has_been_connected(), began.elapsed());
            starts_anew = course.must_start_anew(&loss);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(backoff.after_failure_ms(random()))) => {}
                () = leave.cancelled() => break,
            }
        }
        let waiting = self.outbox.len();
        if waiting > 0 {
            tracing::info!(
                results = waiting,
                "the broker has not taken everything: it waits in the folder that --state names; \
                 without one it ends with the program"
            );
        }
    }

    fn tell_loss(&self, loss: &Loss, course: &mut Course, was_connected: bool, lasted: Duration) {
        let Broker { access, client_id, tls, .. } = &self.broker;
        let (user, is_tls) = (&access.user[..], tls.is_some());
        if matches!(loss, Loss::TooLarge(_)) {
            self.metrics.large_messages.inc();
        }
        let error = loss.advice(Tried { user, client_id, is_tls, was_connected });
        let (host, port) = (access.host.as_deref(), access.port);
        if course.is_news(&error, lasted) {
            tracing::warn!(error, host, port, "no connection to the broker; trying on");
        } else {
            tracing::debug!(error, host, port, "still no connection to the broker");
        }
    }

    fn client(&self, starts_anew: bool) -> (Client, Wheel) {
        let Broker { access, tls, version, client_id, keep_alive, .. } = &self.broker;
        let login = (!access.user.is_empty()).then_some((&access.user[..], &access.password[..]));
        client::client(&Settings {
            version: *version,
            host: access.host.as_deref().unwrap_or("localhost"),
            port: access.port,
            login,
            tls: tls.clone(),
            client_id,
            starts_anew,
            keep_alive: *keep_alive,
            will: (self.status_topic(), OFFLINE),
            packet_bytes_max: PACKET_BYTES_MAX,
        })
    }

    fn status_topic(&self) -> String {
        let topic = status_topic(&self.broker.access.topic_prefix, &self.device);
        match &self.broker.part {
            Some(part) => format!("{topic}/{part}"),
            None => topic,
        }
    }

    /// Connects for the broker to forget what it keeps for this device.
    async fn give_up_session(&self) -> Ended {
        let (client, mut wheel) = self.client(true);
        let mut is_told = false;
        loop {
            match wheel.turn().await {
                Ok(Event::Connected { .. }) => {
                    tracing::warn!(
                        "the same message came again, too large: what waited at the broker for this \
                         device is given up; with --mqtt-version 5 the broker leaves such out"
                    );
                    is_told = true;
                    // The wheel tells the end of the connection.
                    let _ = client.disconnect().await;
                }
                Ok(_) => {}
                Err(_) if is_told => return Ended::Left,
                Err(loss) => return Ended::Lost(loss),
            }
        }
    }

    async fn connection(&self, shared: &Shared, leave: &CancellationToken) -> Ended {
        self.outbox.rewind();
        let (client, mut wheel) = self.client(false);
        let receive = self.receive(&mut wheel, shared);
        let send = self.send(&client, shared, leave);
        tokio::select! {
            ended = receive => ended,
            ended = send => ended,
            () = shared.stalled() => Ended::Lost(Loss::Silent),
        }
    }

    /// Turns the client's wheel and takes what comes.
    async fn receive(&self, wheel: &mut Wheel, shared: &Shared) -> Ended {
        let mut events = 0_u64;
        loop {
            let event = wheel.turn().await;
            shared.note_turn();
            // A flood of samples must not keep results from leaving.
            events += 1;
            if events.is_multiple_of(TURNS_MAX) {
                tokio::task::yield_now().await;
            }
            match event {
                Ok(Event::Message { topic, payload }) => self.message(topic, payload).await,
                Ok(event) => self.event(event, shared),
                Err(_) if shared.is_leaving() => return Ended::Left,
                Err(loss) => return Ended::Lost(loss),
            }
        }
    }

    fn event(&self, event: Event, shared: &Shared) {
        match event {
            Event::Connected { is_known, packet_bytes_max, keep_alive } => {
                let access = &self.broker.access;
                let (host, port) = (&access.host, access.port);
                tracing::info!(host, port, session = is_known, "connected to the broker");
                // The client waits for ever to write to a broker that reads nothing.
                let keep_alive = keep_alive.unwrap_or(self.broker.keep_alive);
                shared.connected(packet_bytes_max, keep_alive + NETWORK_MAX + PLACE_WAIT_MAX);
                self.board.set_broker_connected(true);
            }
            Event::Subscribed(answers) => {
                self.subscriptions.granted();
                for (filter, refusal) in self.subscriptions.wanted().iter().zip(answers) {
                    let Some(refusal) = refusal else { continue };
                    let error = refusal.advice(&self.broker.access.user);
                    tracing::error!(filter, error, "the broker does not let this device subscribe");
                }
            }
            Event::Sent(packet) => shared.sent(packet),
            Event::Answered(packet, refusal) => {
                let handed = shared.answered(packet);
                if let Some(refusal) = &refusal
                    && shared.is_first_refusal()
                {
                    let error = refusal.advice(&self.broker.access.user);
                    tracing::error!(error, "the broker refuses to publish; more is only counted");
                }
                match (handed, refusal) {
                    (Some(Handed::Item(number)), None) => self.outbox.acknowledge(number),
                    (Some(Handed::Item(number)), Some(_)) => self.outbox.refused(number),
                    _ => {}
                }
            }
            Event::Message { .. } | Event::Other => {}
        }
    }

    /// It is acknowledged already: where it finds no place, it is dropped and counted.
    async fn message(&self, topic: String, payload: Bytes) {
        let (received, arrival_ns) = (Instant::now(), now_ns());
        let origin = Origin::Topic(topic);
        let samples = Samples { origin, payload, arrival_ns, received, answer: None };
        self.inbox.push_message(samples, PLACE_WAIT_MAX).await;
    }

    /// Publishes results, alarms and status until `leave`, then says good-bye.
    async fn send(&self, client: &Client, shared: &Shared, leave: &CancellationToken) -> Ended {
        tokio::select! {
            () = shared.connection() => {}
            () = leave.cancelled() => return Ended::Left,
        }
        let work = async {
            for filter in self.subscriptions.unwanted() {
                client.unsubscribe(filter).await?;
            }
            let wanted = self.subscriptions.wanted();
            client.subscribe(wanted, self.broker.at_least_once).await?;
            self.publish(client, shared, leave).await?;
            self.leave(client, shared).await
        };
        let deadline = async {
            leave.cancelled().await;
            tokio::time::sleep(LEAVE_MAX).await;
        };
        tokio::select! {
            // The other side sees the connection end, and tells why.
            _ = async { work.await.ok(); std::future::pending::<()>().await } => Ended::Left,
            () = deadline => {
                tracing::warn!("the broker did not take everything in time");
                Ended::Left
            }
        }
    }

    async fn publish(
        &self,
        client: &Client,
        shared: &Shared,
        leave: &CancellationToken,
    ) -> Result<(), Gone> {
        let mut look = tokio::time::interval(STATUS_LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut situation, mut published) = (None, Instant::now());
        loop {
            tokio::select! {
                // A long backlog must not keep the status from being told.
                biased;
                _ = look.tick() => {
                    let snapshot = self.board.snapshot();
                    let now = Some(snapshot.situation());
                    if now != situation || published.elapsed() > STATUS_AGE_MAX {
                        let document = snapshot.status_document(&self.device, self.board.boot()).to_string();
                        self.status(client, shared, document).await?;
                        (situation, published) = (now, Instant::now());
                    }
                }
                () = leave.cancelled() => return Ok(()),
                rebirth = self.rebirth() => {
                    shared.hand(Handed::Request);
                    client.request(rebirth.topic, rebirth.payload).await?;
                }
                // Not given up half-way: what the client was given must be known to it and to us.
                (number, body) = self.next() => self.item(client, shared, number, &body).await?,
            }
        }
    }

    /// The next request to a Sparkplug B node.
    async fn rebirth(&self) -> Rebirth {
        match self.rebirths.lock().await.recv().await {
            Some(rebirth) => rebirth,
            None => std::future::pending().await,
        }
    }

    /// The next result or alarm.
    async fn next(&self) -> (u64, Arc<Body>) {
        loop {
            match self.outbox.take() {
                Some(taken) => return taken,
                None => self.outbox.changed().await,
            }
        }
    }

    async fn item(
        &self,
        client: &Client,
        shared: &Shared,
        number: u64,
        body: &Body,
    ) -> Result<(), Gone> {
        let topic = match body.kind {
            Kind::Result => results_topic,
            Kind::Alarm => alarms_topic,
        };
        let topic = topic(&self.broker.access.topic_prefix, &self.device, &body.stream);
        if !shared.fits(topic.len() + body.payload.len()) {
            if shared.is_first_refusal() {
                let bytes = body.payload.len();
                tracing::error!(
                    topic,
                    bytes,
                    "the broker does not take packets of this size: allow larger ones there"
                );
            }
            self.outbox.refused(number);
            return Ok(());
        }
        shared.hand(Handed::Item(number));
        client.publish(topic, false, body.payload.clone()).await?;
        if let Some(received) = body.received {
            let delay = received.elapsed();
            self.metrics.sample_to_result.observe(delay.as_secs_f64());
            self.outbox.note_delay(delay);
        }
        Ok(())
    }

    async fn status(&self, client: &Client, shared: &Shared, document: String) -> Result<(), Gone> {
        shared.hand(Handed::Status);
        client.publish(self.status_topic(), true, document.into()).await
    }

    /// The last results, the status, and the end of the connection.
    async fn leave(&self, client: &Client, shared: &Shared) -> Result<(), Gone> {
        while !self.outbox.is_empty() {
            tokio::select! {
                (number, body) = self.next() => self.item(client, shared, number, &body).await?,
                () = shared.acknowledged() => {}
            }
        }
        self.status(client, shared, OFFLINE.to_owned()).await?;
        while shared.is_waiting() {
            shared.acknowledged().await;
        }
        shared.set_leaving();
        client.disconnect().await
    }
}

/// The wall clock.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_given_up_only_for_a_large_message_that_comes_again() {
        let mut course = Course::default();
        assert!(!course.must_start_anew(&Loss::TooLarge(1)));
        assert!(!course.must_start_anew(&Loss::Closed));
        assert!(!course.must_start_anew(&Loss::TooLarge(1)));
        assert!(course.must_start_anew(&Loss::TooLarge(1)));
        assert!(!course.must_start_anew(&Loss::TooLarge(1)));
    }

    #[test]
    fn the_log_has_an_error_once_until_the_connection_was_steady() {
        let mut course = Course::default();
        assert!(course.is_news("a", Duration::ZERO));
        assert!(!course.is_news("a", Duration::from_secs(1)));
        assert!(course.is_news("b", Duration::ZERO));
        assert!(course.is_news("b", Duration::from_secs(61)));
    }
}
