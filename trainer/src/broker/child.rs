//! The child process: rumqttd, until its standard input ends.

use std::collections::HashMap;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use serde::{Deserialize, Serialize};

use super::{BrokerError, BrokerSecret};

/// What the parent writes into the child's standard input, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Where to listen; port 0 takes any free one.
    pub(super) listen: SocketAddr,
    /// The secret's text.
    pub(super) secret: String,
}

/// What the child writes to its standard output before it serves, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It will listen there.
    Listens(SocketAddr),
    /// Another program has the port.
    Taken(SocketAddr),
}

/// Longest line that is read.
const ORDER_BYTES_MAX: u64 = 4096;

/// Largest message, in bytes.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// Serves until standard input ends: with the parent, however that ended.
///
/// # Errors
/// Where the order cannot be read or rumqttd does not start.
pub fn run() -> anyhow::Result<()> {
    let mut line = String::new();
    io::stdin().lock().take(ORDER_BYTES_MAX).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let secret = BrokerSecret::from_text(&order.secret)
        .ok_or_else(|| BrokerError::Start("the order's secret cannot be read".to_owned()))?;
    // rumqttd only logs that a port is taken; so the port is tried before.
    let listen = match TcpListener::bind(order.listen) {
        Ok(listener) => listener.local_addr()?,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            return answer(&Answer::Taken(order.listen));
        }
        Err(error) => return Err(error.into()),
    };
    let mut broker = Broker::new(config(listen, secret));
    answer(&Answer::Listens(listen))?;
    std::thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let mut rest = [0; 64];
        let mut input = io::stdin().lock();
        while matches!(input.read(&mut rest), Ok(1..)) {}
        std::process::exit(0);
    })?;
    broker.start()?;
    Ok(())
}

fn answer(answer: &Answer) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, answer)?;
    output.write_all(b"\n")?;
    output.flush()?;
    Ok(())
}

fn config(listen: SocketAddr, secret: BrokerSecret) -> Config {
    let mut connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: PAYLOAD_BYTES_MAX,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    connections.set_auth_handler(move |_, user: String, password: String| {
        let known = secret.is_password(&user, &password);
        async move { known }
    });
    let server = ServerSettings {
        name: "mqtt".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let router = RouterConfig {
        max_connections: 1000,
        max_outgoing_packet_count: 2000,
        max_segment_size: 16 << 20,
        max_segment_count: 8,
        ..RouterConfig::default()
    };
    Config { router, v4: Some(HashMap::from([("mqtt".to_owned(), server)])), ..Config::default() }
}
