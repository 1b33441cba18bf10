//! MQTT: samples in, results and status out. The only file that knows rumqttc.
//!
//! Each connection is a new session with a client of its own: what the broker has not acknowledged
//! is in the outbox and leaves again.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use model_format::payload::message::MESSAGE_BYTES_MAX;
use model_format::protocol::{BrokerAccess, results_topic, samples_topic, status_topic};
use rumqttc::{
    AsyncClient, ClientError, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing,
    Packet, QoS, SubscribeReasonCode,
};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::inbox::{Inbox, Samples, Work};
use super::metrics::Metrics;
use super::outbox::Outbox;
use crate::backoff::{Backoff, random};

/// First and longest wait before connecting again.
const RETRY_MS: (u64, u64) = (250, 30_000);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Requests between this file and the client.
const REQUESTS_MAX: usize = 16;
/// How often the status is looked at.
const STATUS_LOOK: Duration = Duration::from_millis(500);
/// The status is published at least so often, for its counts.
const STATUS_AGE_MAX: Duration = Duration::from_secs(60);
/// How long the end may take: results and status to the broker.
const LEAVE_MAX: Duration = Duration::from_secs(3);

/// The device's place at its broker.
pub(super) struct Mqtt {
    pub(super) access: BrokerAccess,
    pub(super) device: String,
    pub(super) inbox: Inbox,
    pub(super) outbox: Arc<Outbox>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
}

/// A publication that the client was given and has no number for yet, or that is not acknowledged.
#[derive(Clone, Copy)]
enum Handed {
    Result(u64),
    Status,
}

/// How a connection ended.
enum Ended {
    Lost(ConnectionError),
    Left,
}

/// What the two sides of one connection share.
#[derive(Default)]
struct Shared {
    is_connected: Cell<bool>,
    has_been_connected: Cell<bool>,
    is_leaving: Cell<bool>,
    connected: tokio::sync::Notify,
    /// In the order in which the client was given them.
    handed: RefCell<VecDeque<Handed>>,
    by_packet: RefCell<HashMap<u16, Handed>>,
    acknowledged: tokio::sync::Notify,
}

impl Mqtt {
    /// Connects, and connects again, until `leave` says to end.
    pub(super) async fn run(self, leave: CancellationToken) {
        let mut backoff = Backoff::new(RETRY_MS.0, RETRY_MS.1);
        let mut said = String::new();
        loop {
            let shared = Shared::default();
            let ended = self.connection(&shared, &leave).await;
            self.board.set_broker_connected(false);
            let Ended::Lost(error) = ended else { break };
            if shared.has_been_connected.get() {
                backoff.reset();
                said.clear();
            }
            let text = error.to_string();
            if text == said {
                tracing::debug!(error = text, "the broker still cannot be reached");
            } else {
                tracing::warn!(error = text, "no connection to the broker; trying on");
                said = text;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(backoff.after_failure_ms(random()))) => {}
                () = leave.cancelled() => break,
            }
        }
        let lost = self.outbox.len();
        if lost > 0 {
            tracing::warn!(results = lost, "results end with the program: no broker took them");
        }
    }

    fn options(&self) -> MqttOptions {
        let host = self.access.host.as_deref().unwrap_or("localhost");
        // The client puts the port behind it.
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let client = format!("cirame-edge-{}", self.device);
        let mut options = MqttOptions::new(client, host, self.access.port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true);
        // A publication has a topic and a head beside its payload.
        options.set_max_packet_size(MESSAGE_BYTES_MAX + 65_536, MESSAGE_BYTES_MAX);
        if !self.access.user.is_empty() {
            options.set_credentials(&self.access.user, &self.access.password);
        }
        let will = r#"{"state":"offline"}"#;
        options.set_last_will(LastWill::new(self.status_topic(), will, QoS::AtLeastOnce, true));
        options
    }

    fn status_topic(&self) -> String {
        status_topic(&self.access.topic_prefix, &self.device)
    }

    async fn connection(&self, shared: &Shared, leave: &CancellationToken) -> Ended {
        self.outbox.rewind();
        let (client, mut events) = AsyncClient::new(self.options(), REQUESTS_MAX);
        events.network_options.set_tcp_nodelay(true);
        let receive = self.receive(&mut events, shared);
        let send = self.send(&client, shared, leave);
        tokio::select! {
            ended = receive => ended,
            ended = send => ended,
        }
    }

    /// Turns the client's wheel and takes what comes.
    async fn receive(&self, events: &mut EventLoop, shared: &Shared) -> Ended {
        loop {
            match events.poll().await {
                Ok(event) => self.event(event, shared),
                Err(_) if shared.is_leaving.get() => return Ended::Left,
                Err(error) => return Ended::Lost(error),
            }
        }
    }

    fn event(&self, event: Event, shared: &Shared) {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                let Mqtt { access, .. } = self;
                tracing::info!(host = access.host, port = access.port, "connected to the broker");
                shared.is_connected.set(true);
                shared.has_been_connected.set(true);
                shared.connected.notify_one();
                self.board.set_broker_connected(true);
            }
            Event::Incoming(Packet::SubAck(answer))
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) =>
            {
                let topic = samples_topic(&self.access.topic_prefix, "+");
                tracing::error!(topic, "the broker does not let this device have samples");
            }
            Event::Incoming(Packet::Publish(publish)) => self.samples(publish),
            Event::Outgoing(Outgoing::Publish(packet)) => {
                if let Some(handed) = shared.handed.borrow_mut().pop_front() {
                    shared.by_packet.borrow_mut().insert(packet, handed);
                }
            }
            Event::Incoming(Packet::PubAck(answer)) => {
                let handed = shared.by_packet.borrow_mut().remove(&answer.pkid);
                if let Some(Handed::Result(number)) = handed {
                    self.outbox.acknowledge(number);
                }
                shared.acknowledged.notify_one();
            }
            _ => {}
        }
    }

    fn samples(&self, publish: rumqttc::Publish) {
        let (received, arrival_ns) = (Instant::now(), now_ns());
        let start = samples_topic(&self.access.topic_prefix, "");
        let Some(stream) = publish.topic.strip_prefix(&start) else { return };
        let stream = stream.to_owned();
        let payload = publish.payload;
        let work = Work::Samples(Samples { stream, payload, arrival_ns, received, answer: None });
        // A message that finds no place is counted by the inbox.
        let _ = self.inbox.try_push(work);
    }

    /// Publishes results and status until `leave`, then says good-bye.
    async fn send(
        &self,
        client: &AsyncClient,
        shared: &Shared,
        leave: &CancellationToken,
    ) -> Ended {
        tokio::select! {
            () = shared.connected.notified() => {}
            () = leave.cancelled() => return Ended::Left,
        }
        let work = async {
            let topic = samples_topic(&self.access.topic_prefix, "+");
            client.subscribe(topic, QoS::AtLeastOnce).await?;
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
        client: &AsyncClient,
        shared: &Shared,
        leave: &CancellationToken,
    ) -> Result<(), ClientError> {
        let mut look = tokio::time::interval(STATUS_LOOK);
        let (mut situation, mut published) = (None, Instant::now());
        loop {
            // Not given up half-way: what the client was given must be known to it and to us.
            self.results(client, shared).await?;
            tokio::select! {
                () = self.outbox.changed() => continue,
                () = leave.cancelled() => return Ok(()),
                _ = look.tick() => {}
            }
            let snapshot = self.board.snapshot();
            let now = Some(snapshot.situation());
            if now != situation || published.elapsed() > STATUS_AGE_MAX {
                let document = snapshot.status_document(&self.device).to_string();
                self.status(client, shared, document).await?;
                (situation, published) = (now, Instant::now());
            }
        }
    }

    async fn results(&self, client: &AsyncClient, shared: &Shared) -> Result<(), ClientError> {
        while let Some((number, result)) = self.outbox.take() {
            let topic = results_topic(&self.access.topic_prefix, &self.device, &result.stream);
            shared.handed.borrow_mut().push_back(Handed::Result(number));
            client.publish_bytes(topic, QoS::AtLeastOnce, false, result.payload).await?;
            let delay = result.received.elapsed();
            self.metrics.sample_to_result.observe(delay.as_secs_f64());
            self.outbox.note_delay(delay);
        }
        Ok(())
    }

    async fn status(
        &self,
        client: &AsyncClient,
        shared: &Shared,
        document: String,
    ) -> Result<(), ClientError> {
        shared.handed.borrow_mut().push_back(Handed::Status);
        client.publish(self.status_topic(), QoS::AtLeastOnce, true, document).await
    }

    /// The last results, the status, and the end of the session.
    async fn leave(&self, client: &AsyncClient, shared: &Shared) -> Result<(), ClientError> {
        let is_waiting = || {
            !(self.outbox.is_empty()
                && shared.handed.borrow().is_empty()
                && shared.by_packet.borrow().is_empty())
        };
        self.results(client, shared).await?;
        while is_waiting() {
            shared.acknowledged.notified().await;
        }
        self.status(client, shared, r#"{"state":"offline"}"#.to_owned()).await?;
        while is_waiting() {
            shared.acknowledged.notified().await;
        }
        shared.is_leaving.set(true);
        client.disconnect().await
    }
}

/// The wall clock.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}
