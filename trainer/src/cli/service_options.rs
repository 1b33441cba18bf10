//! Options of the commands that serve, and what they print when the service is ready.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Context;
use crate::broker::BrokerConfig;
use crate::serve::{Listening, ServeConfig};

/// Options of all commands that serve.
#[derive(Debug, Args)]
pub(super) struct ServiceOptions {
    /// Open what listens on this machine alone to the network, and print the addresses of this
    /// machine. Whoever reaches it sees the sign-in; use it in a network that you trust.
    #[arg(long, env = "CIRAME_LAN")]
    pub(super) lan: bool,
    /// Jobs that are worked on at once.
    #[arg(long, env = "CIRAME_WORKERS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Memory that one job may take, in MB; three quarters of the machine's otherwise. A run that
    /// needs more is refused before it reads anything.
    #[arg(long, env = "CIRAME_MEMORY_MB", value_name = "MB", value_parser = clap::value_parser!(u64).range(64..=1 << 30))]
    memory_mb: Option<u64>,
    /// Browsers reach the trainer by HTTPS only: their sessions are never sent without it.
    #[arg(long, env = "CIRAME_HTTPS")]
    https: bool,
    /// Longest time for a request's head to arrive, and longest pause within its body, in seconds.
    #[arg(long, env = "CIRAME_REQUEST_PAUSE_S", default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=300))]
    request_pause_s: u16,
    /// Seconds between two heartbeats of a device: how soon it learns what it shall serve.
    #[arg(long, env = "CIRAME_HEARTBEAT_S", default_value_t = 5, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=3600))]
    heartbeat_s: u32,
    /// Folder with the edge runtime for boards, as `make dist` makes it in dist/edge: what `curl
    /// -fsS http://TRAINER/install | sudo sh -s -- TOKEN` installs. Otherwise the folder `edge`
    /// beside this program, if it is there.
    #[arg(long, env = "CIRAME_EDGE_PROGRAMS", value_name = "FOLDER")]
    edge_programs: Option<PathBuf>,
    /// Format of the log on standard error. RUST_LOG chooses what is logged.
    #[arg(long, env = "CIRAME_LOG", default_value = "text", value_name = "FORMAT")]
    pub(super) log: LogFormat,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl ServiceOptions {
    /// What the service is asked to be, with these listeners.
    pub(super) fn config(
        &self,
        context: &Context,
        listen: SocketAddr,
        console: Option<SocketAddr>,
        mut broker: BrokerConfig,
    ) -> ServeConfig {
        let opened = |address: SocketAddr| match self.lan && address.ip().is_loopback() {
            true => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()),
            false => address,
        };
        if self.lan {
            broker.option = broker.option.opened();
        }
        ServeConfig {
            listen: opened(listen),
            console: console.map(opened),
            broker,
            threads: context.threads,
            workers: self.workers.into(),
            memory_bytes: self.memory_mb.map(|megabytes| megabytes << 20),
            secure_cookies: self.https,
            pause_max: Duration::from_secs(self.request_pause_s.into()),
            heartbeat_s: self.heartbeat_s,
            edge_programs: self.edge_programs.clone(),
            local_device: None,
            demo: false,
        }
    }

    /// The addresses under which other machines reach the service, as text; nothing without --lan.
    pub(super) fn addresses(&self, listening: Listening) -> anyhow::Result<String> {
        let mut text = String::new();
        if !self.lan {
            return Ok(text);
        }
        let machine = machine_addresses()?;
        if machine.is_empty() {
            text.push_str("this machine has no address in a network: nobody else reaches it\n");
        }
        let ports = [
            ("console on http", listening.console),
            ("API on http", Some(listening.api)),
            ("broker on mqtt", listening.broker),
        ];
        for ip in &machine {
            for (what, address) in ports {
                if let Some(address) = address.filter(|address| address.ip().is_unspecified()) {
                    let address = SocketAddr::new(*ip, address.port());
                    let _ = writeln!(text, "from other machines: {what}://{address}");
                }
            }
            if listening.api.ip().is_unspecified() {
                let trainer = SocketAddr::new(*ip, listening.api.port());
                let _ = writeln!(
                    text,
                    "enrol a device there: curl -fsS http://{trainer}/install | sudo sh -s -- TOKEN\n\
                     or, with the program there: CIRAME_TOKEN=TOKEN cirame-edge serve --trainer http://{trainer}"
                );
            }
        }
        Ok(text)
    }
}

/// The addresses of this machine in its networks.
fn machine_addresses() -> anyhow::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs().context("this machine's addresses are not told")?;
    let ips = interfaces.iter().map(if_addrs::Interface::ip);
    // Link-local addresses of IPv6 need a zone, which no browser takes.
    Ok(ips.filter(|ip| ip.is_ipv4() && !ip.is_loopback()).collect())
}

/// Prints to standard output.
pub(super) fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    // Whoever started the service may not look at its output; that is no reason to end.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Log lines on standard error; `default` is what is logged where RUST_LOG does not say.
pub(super) fn start_log(format: LogFormat, default: &str) {
    use std::io::IsTerminal as _;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// What is cancelled at SIGTERM or Ctrl-C.
pub(super) fn watch_signals() -> anyhow::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("signals cannot be watched")?;
    let asked = shutdown.clone();
    let watch = move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let both = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
            if let (Ok(mut terminate), Ok(mut interrupt)) = both {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                asked.cancel();
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)
        .context("signals cannot be watched")?;
    Ok(shutdown)
}
