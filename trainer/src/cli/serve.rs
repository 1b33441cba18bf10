//! `serve`: the service.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Context;
use super::report::Report;
use crate::broker::BrokerOption;
use crate::serve::{ServeConfig, serve};

/// Serve the API, carry out jobs, manage devices, until it is asked to end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  On this machine alone, with a broker for devices on port 1883:
    cirame-trainer serve --broker embedded
  For devices in the network, with a broker that is there already:
    cirame-trainer serve --listen 0.0.0.0:5100 --broker mqtt://broker.plant:1883
  At the first start a user `admin` is made; the password is printed, and stands in
  DATA/first-login until somebody has signed in. The API is described at /api/docs.")]
pub(super) struct Serve {
    /// Where to listen; port 0 takes any free one. Loopback reaches this machine alone.
    #[arg(long, env = "CIRAME_LISTEN", default_value = "127.0.0.1:5100", value_name = "IP:PORT")]
    listen: SocketAddr,
    /// The MQTT broker for devices: none, embedded, embedded:PORT, or mqtt://[USER[:PASSWORD]@]HOST:PORT.
    #[arg(
        long,
        env = "CIRAME_BROKER",
        default_value = "none",
        value_name = "BROKER",
        hide_env_values = true
    )]
    broker: BrokerOption,
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
    /// Format of the log on standard error. RUST_LOG chooses what is logged.
    #[arg(long, env = "CIRAME_LOG", default_value = "text", value_name = "FORMAT")]
    log: LogFormat,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Serve {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        start_log(self.log, "info");
        let folder = context.open()?;
        let config = ServeConfig {
            listen: self.listen,
            broker: self.broker.clone(),
            threads: context.threads,
            workers: self.workers.into(),
            memory_bytes: self.memory_mb.map(|megabytes| megabytes << 20),
            secure_cookies: self.https,
            pause_max: Duration::from_secs(self.request_pause_s.into()),
            heartbeat_s: self.heartbeat_s,
        };
        let shutdown = CancellationToken::new();
        watch_signals(shutdown.clone())?;
        serve(folder, &config, shutdown, |listening| {
            let mut output = std::io::stdout().lock();
            let broker = listening.broker.map(|broker| format!("broker on mqtt://{broker}\n"));
            let broker = broker.unwrap_or_default();
            // Whoever started the service may not look at its output; that is no reason to end.
            let _ = writeln!(output, "{broker}listening on http://{}", listening.api);
        })?;
        Ok(Report { text: String::new(), json: serde_json::json!({ "ended": true }) })
    }
}

/// Log lines on standard error; `default` is what is logged where RUST_LOG does not say.
pub(super) fn start_log(format: LogFormat, default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Ends the service at SIGTERM or Ctrl-C.
fn watch_signals(shutdown: CancellationToken) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("signals cannot be watched")?;
    let watch = move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let both = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
            if let (Ok(mut terminate), Ok(mut interrupt)) = both {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                shutdown.cancel();
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)
        .context("signals cannot be watched")?;
    Ok(())
}
