//! The trainer as a client of an MQTT broker. Only this file and its folder know rumqttc.

use std::time::Duration;

use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use uuid::Uuid;

use crate::broker::BrokerReach;

mod control;
mod publisher;
mod subscription;
mod tls;

pub(crate) use control::{Control, ControlCommand, ControlError};
pub(crate) use publisher::{MqttError, Publisher};
pub(crate) use subscription::{Delivery, Heard, Subscription};
pub use tls::Authorities;

/// Time without traffic after which a connection is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How a new client signs in at this broker and which packets it takes, in bytes.
fn options(broker: &BrokerReach, packet_bytes_max: usize) -> MqttOptions {
    let BrokerReach { url: broker, tls } = broker;
    let id = format!("cirame-trainer-{}", Uuid::now_v7().simple());
    // The client puts the port behind it.
    let host = &broker.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let mut options = MqttOptions::new(id, host, broker.port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_session(true);
    options.set_max_packet_size(packet_bytes_max, packet_bytes_max);
    if let Some(authorities) = tls {
        let configuration = TlsConfiguration::Rustls(authorities.client());
        options.set_transport(Transport::Tls(configuration));
    }
    if !broker.user.is_empty() {
        options.set_credentials(broker.user.clone(), broker.password.clone());
    }
    options
}
