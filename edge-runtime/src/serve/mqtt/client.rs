//! One client over the two of rumqttc, for MQTT 3.1.1 and 5. The only file that knows rumqttc.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use rumqttc::v5::mqttbytes::{QoS as QoS5, v5 as packets5};
use rumqttc::{
    AsyncClient, ClientError, ConnectReturnCode, ConnectionError, LastWill, MqttOptions,
    NetworkOptions, Outgoing, Packet, QoS, StateError, SubscribeFilter, SubscribeReasonCode,
    TlsConfiguration, TlsError, Transport, mqttbytes, v5,
};

use super::loss::{Loss, Refusal};
use crate::config::MqttVersion;

/// Requests between the service and the client.
const REQUESTS_MAX: usize = 16;
/// Publications that the broker has not acknowledged.
const IN_FLIGHT_MAX: u16 = 100;
/// How long it may take to connect, and to hand bytes to the system.
pub(super) const NETWORK_MAX: Duration = Duration::from_secs(10);
/// How long a broker that speaks MQTT 5 keeps the session of a device that is away.
const SESSION_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a connection is made of.
pub(super) struct Settings<'a> {
    pub(super) version: MqttVersion,
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// User and password.
    pub(super) login: Option<(&'a str, &'a str)>,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    pub(super) client_id: &'a str,
    /// True to leave behind what the broker kept for this client.
    pub(super) starts_anew: bool,
    pub(super) keep_alive: Duration,
    /// Published, retained, when the connection ends without a good-bye.
    pub(super) will: (String, &'static str),
    /// Largest packet that is taken.
    pub(super) packet_bytes_max: u32,
}

/// What happens on a connection.
#[derive(Debug)]
pub(super) enum Event {
    Connected {
        /// The broker has kept the session.
        is_known: bool,
        /// The largest packet that it takes, if it says so.
        packet_bytes_max: Option<usize>,
        /// The time after which a quiet connection is tested, where it decides so.
        keep_alive: Option<Duration>,
    },
    /// The answers to a subscription, filter by filter: why it was refused.
    Subscribed(Vec<Option<Refusal>>),
    Message {
        topic: String,
        payload: Bytes,
    },
    /// A publication has this number on the connection; in the order in which they were given.
    Sent(u16),
    /// The broker has answered a publication: why it was refused.
    Answered(u16, Option<Refusal>),
    Other,
}

/// What the client is asked.
pub(super) enum Client {
    V4(AsyncClient),
    V5(v5::AsyncClient),
}

/// What must be turned for anything to happen.
pub(super) enum Wheel {
    V4(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// The connection has ended; the wheel knows why.
#[derive(Debug)]
pub(super) struct Gone;

impl From<ClientError> for Gone {
    fn from(_: ClientError) -> Gone {
        Gone
    }
}

impl From<v5::ClientError> for Gone {
    fn from(_: v5::ClientError) -> Gone {
        Gone
    }
}

/// A client that connects when its wheel is turned.
pub(super) fn client(settings: &Settings<'_>) -> (Client, Wheel) {
    // The client puts the port behind it.
    let host = match settings.host.contains(':') {
        true => format!("[{}]", settings.host),
        false => settings.host.to_owned(),
    };
    let transport = match &settings.tls {
        Some(config) => Transport::Tls(TlsConfiguration::Rustls(Arc::clone(config))),
        None => Transport::Tcp,
    };
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(NETWORK_MAX.as_secs());
    let (will_topic, will) = &settings.will;
    match settings.version {
        MqttVersion::V3_1_1 => {
            let mut options = MqttOptions::new(settings.client_id, host, settings.port);
            options.set_keep_alive(settings.keep_alive).set_clean_session(settings.starts_anew);
            options.set_transport(transport).set_inflight(IN_FLIGHT_MAX);
            let bytes_max = settings.packet_bytes_max as usize;
            options.set_max_packet_size(bytes_max, bytes_max);
            options.set_last_will(LastWill::new(will_topic, *will, QoS::AtLeastOnce, true));
            if let Some((user, password)) = settings.login {
                options.set_credentials(user, password);
            }
            let (client, mut wheel) = AsyncClient::new(options, REQUESTS_MAX);
            wheel.set_network_options(network);
            (Client::V4(client), Wheel::V4(Box::new(wheel)))
        }
        MqttVersion::V5 => {
            let mut options = v5::MqttOptions::new(settings.client_id, host, settings.port);
            options.set_keep_alive(settings.keep_alive).set_clean_start(settings.starts_anew);
            options.set_transport(transport).set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX);
            let mut properties = packets5::ConnectProperties::new();
            properties.session_expiry_interval = Some(SESSION_KEPT.as_secs() as u32);
            // The broker leaves out what is larger, instead of sending it again and again.
            properties.max_packet_size = Some(settings.packet_bytes_max);
            options.set_connect_properties(properties);
            options.set_connection_timeout(NETWORK_MAX.as_secs()).set_network_options(network);
            let qos = QoS5::AtLeastOnce;
            options.set_last_will(packets5::LastWill::new(will_topic, *will, qos, true, None));
            if let Some((user, password)) = settings.login {
                options.set_credentials(user, password);
            }
            let (client, wheel) = v5::AsyncClient::new(options, REQUESTS_MAX);
            (Client::V5(client), Wheel::V5(Box::new(wheel)))
        }
    }
}

impl Client {
    /// Subscribes to all filters in one packet.
    pub(super) async fn subscribe(
        &self,
        filters: &[String],
        at_least_once: bool,
    ) -> Result<(), Gone> {
        let filters = filters.iter().cloned();
        match self {
            Client::V4(client) => {
                let qos = if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                let filters = filters.map(|path| SubscribeFilter { path, qos });
                Ok(client.subscribe_many(filters).await?)
            }
            Client::V5(client) => {
                let qos = if at_least_once { QoS5::AtLeastOnce } else { QoS5::AtMostOnce };
                let filters = filters.map(|path| packets5::Filter::new(path, qos));
                Ok(client.subscribe_many(filters).await?)
            }
        }
    }

    pub(super) async fn unsubscribe(&self, filter: String) -> Result<(), Gone> {
        match self {
            Client::V4(client) => Ok(client.unsubscribe(filter).await?),
            Client::V5(client) => Ok(client.unsubscribe(filter).await?),
        }
    }

    /// Publishes at least once.
    pub(super) async fn publish(
        &self,
        topic: String,
        is_retained: bool,
        payload: Bytes,
    ) -> Result<(), Gone> {
        match self {
            Client::V4(client) => {
                let qos = QoS::AtLeastOnce;
                Ok(client.publish_bytes(topic, qos, is_retained, payload).await?)
            }
            Client::V5(client) => {
                let qos = QoS5::AtLeastOnce;
                Ok(client.publish_bytes(topic, qos, is_retained, payload).await?)
            }
        }
    }

    /// Publishes at most once.
    pub(super) async fn request(&self, topic: String, payload: Vec<u8>) -> Result<(), Gone> {
        match self {
            Client::V4(client) => {
                Ok(client.publish(topic, QoS::AtMostOnce, false, payload).await?)
            }
            Client::V5(client) => {
                Ok(client.publish(topic, QoS5::AtMostOnce, false, payload).await?)
            }
        }
    }

    /// Says good-bye.
    pub(super) async fn disconnect(&self) -> Result<(), Gone> {
        match self {
            Client::V4(client) => Ok(client.disconnect().await?),
            Client::V5(client) => Ok(client.disconnect().await?),
        }
    }
}

impl Wheel {
    /// Connects first, then waits for the next event.
    pub(super) async fn turn(&mut self) -> Result<Event, Loss> {
        match self {
            Wheel::V4(wheel) => wheel.poll().await.map(Event::from).map_err(Loss::from),
            Wheel::V5(wheel) => wheel.poll().await.map(Event::from).map_err(Loss::from),
        }
    }
}

impl From<rumqttc::Event> for Event {
    fn from(event: rumqttc::Event) -> Event {
        match event {
            rumqttc::Event::Incoming(Packet::ConnAck(answer)) => {
                let is_known = answer.session_present;
                Event::Connected { is_known, packet_bytes_max: None, keep_alive: None }
            }
            rumqttc::Event::Incoming(Packet::SubAck(answer)) => {
                let refusal = |code: &SubscribeReasonCode| match code {
                    SubscribeReasonCode::Success(_) => None,
                    // This version has no reasons.
                    SubscribeReasonCode::Failure => Some(Refusal::NotAuthorized),
                };
                Event::Subscribed(answer.return_codes.iter().map(refusal).collect())
            }
            rumqttc::Event::Incoming(Packet::Publish(publish)) => {
                Event::Message { topic: publish.topic, payload: publish.payload }
            }
            rumqttc::Event::Incoming(Packet::PubAck(answer)) => Event::Answered(answer.pkid, None),
            rumqttc::Event::Outgoing(Outgoing::Publish(packet)) => Event::Sent(packet),
            _ => Event::Other,
        }
    }
}

impl From<v5::Event> for Event {
    fn from(event: v5::Event) -> Event {
        use packets5::{Packet, PubAckReason, SubscribeReasonCode};
        match event {
            v5::Event::Incoming(Packet::ConnAck(answer)) => {
                let properties = answer.properties.as_ref();
                let bytes_max = properties.and_then(|properties| properties.max_packet_size);
                let keep_alive = properties.and_then(|properties| properties.server_keep_alive);
                Event::Connected {
                    is_known: answer.session_present,
                    packet_bytes_max: bytes_max.map(|bytes| bytes as usize),
                    keep_alive: keep_alive.map(|seconds| Duration::from_secs(seconds.into())),
                }
            }
            v5::Event::Incoming(Packet::SubAck(answer)) => {
                let refusal = |code: &SubscribeReasonCode| match code {
                    SubscribeReasonCode::Success(_) => None,
                    SubscribeReasonCode::NotAuthorized => Some(Refusal::NotAuthorized),
                    other => Some(Refusal::Other(format!("{other:?}"))),
                };
                Event::Subscribed(answer.return_codes.iter().map(refusal).collect())
            }
            v5::Event::Incoming(Packet::Publish(publish)) => Event::Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload,
            },
            v5::Event::Incoming(Packet::PubAck(answer)) => {
                let refusal = match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => None,
                    PubAckReason::NotAuthorized => Some(Refusal::NotAuthorized),
                    other => Some(Refusal::Other(format!("{other:?}"))),
                };
                Event::Answered(answer.pkid, refusal)
            }
            v5::Event::Outgoing(Outgoing::Publish(packet)) => Event::Sent(packet),
            _ => Event::Other,
        }
    }
}

impl From<ConnectionError> for Loss {
    fn from(error: ConnectionError) -> Loss {
        use StateError::Deserialization;
        match error {
            ConnectionError::ConnectionRefused(code) => match code {
                ConnectReturnCode::BadUserNamePassword => Loss::Login,
                ConnectReturnCode::NotAuthorized => Loss::NotAuthorized,
                ConnectReturnCode::RefusedProtocolVersion => Loss::Version,
                ConnectReturnCode::BadClientId => Loss::ClientId,
                ConnectReturnCode::ServiceUnavailable => Loss::Busy,
                ConnectReturnCode::Success => Loss::Closed,
            },
            ConnectionError::MqttState(Deserialization(
                mqttbytes::Error::PayloadSizeLimitExceeded(bytes),
            )) => Loss::TooLarge(bytes),
            ConnectionError::MqttState(StateError::ConnectionAborted) => Loss::Closed,
            ConnectionError::MqttState(StateError::AwaitPingResp)
            | ConnectionError::FlushTimeout => Loss::Silent,
            ConnectionError::Io(error)
            | ConnectionError::Tls(TlsError::Io(error))
            | ConnectionError::MqttState(
                StateError::Io(error) | Deserialization(mqttbytes::Error::Io(error)),
            ) => of_io(error),
            ConnectionError::Tls(TlsError::TLS(error)) => Loss::Tls(error),
            ConnectionError::NetworkTimeout => Loss::Unanswered,
            other => Loss::Other(other.to_string()),
        }
    }
}

impl From<v5::ConnectionError> for Loss {
    fn from(error: v5::ConnectionError) -> Loss {
        use packets5::{ConnectReturnCode, DisconnectReasonCode};
        use v5::StateError::Deserialization;
        use v5::mqttbytes::Error;
        match error {
            v5::ConnectionError::ConnectionRefused(code) => match code {
                ConnectReturnCode::BadUserNamePassword
                | ConnectReturnCode::BadAuthenticationMethod => Loss::Login,
                ConnectReturnCode::NotAuthorized | ConnectReturnCode::Banned => Loss::NotAuthorized,
                ConnectReturnCode::RefusedProtocolVersion
                | ConnectReturnCode::UnsupportedProtocolVersion => Loss::Version,
                ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
                    Loss::ClientId
                }
                ConnectReturnCode::ServiceUnavailable
                | ConnectReturnCode::ServerUnavailable
                | ConnectReturnCode::ServerBusy
                | ConnectReturnCode::ConnectionRateExceeded => Loss::Busy,
                other => Loss::Other(format!("the broker refuses the connection: {other:?}")),
            },
            v5::ConnectionError::MqttState(error) => match error {
                Deserialization(Error::PayloadSizeLimitExceeded { pkt_size, .. })
                | v5::StateError::IncomingPacketTooLarge { pkt_size, .. } => {
                    Loss::TooLarge(pkt_size)
                }
                v5::StateError::ServerDisconnect { reason_code, .. } => match reason_code {
                    DisconnectReasonCode::SessionTakenOver => Loss::TakenOver,
                    DisconnectReasonCode::NotAuthorized
                    | DisconnectReasonCode::AdministrativeAction => Loss::NotAuthorized,
                    DisconnectReasonCode::ServerShuttingDown | DisconnectReasonCode::ServerBusy => {
                        Loss::Busy
                    }
                    other => Loss::Other(format!("the broker ends the connection: {other:?}")),
                },
                v5::StateError::ConnectionAborted => Loss::Closed,
                v5::StateError::AwaitPingResp => Loss::Silent,
                v5::StateError::Io(error) | Deserialization(Error::Io(error)) => of_io(error),
                other => Loss::Other(other.to_string()),
            },
            v5::ConnectionError::Io(error) | v5::ConnectionError::Tls(TlsError::Io(error)) => {
                of_io(error)
            }
            v5::ConnectionError::Tls(TlsError::TLS(error)) => Loss::Tls(error),
            v5::ConnectionError::Timeout(_) => Loss::Unanswered,
            other => Loss::Other(other.to_string()),
        }
    }
}

/// What rustls found out is inside of an error of the network.
fn of_io(error: io::Error) -> Loss {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(tls) => Loss::Tls(tls.clone()),
        None if is_closed(error.kind()) => Loss::Closed,
        None => Loss::Io(error),
    }
}

fn is_closed(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
