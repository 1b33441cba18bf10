//! `serve`: the service.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::Context;
use super::broker_options::BrokerOptions;
use super::report::Report;
use super::service_options::{ServiceOptions, print, start_log, watch_signals};
use crate::broker::BrokerOption;
use crate::serve::serve;

/// Serve the API, carry out jobs, manage devices, until it is asked to end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  On this machine alone, with a broker for devices on port 1883:
    cirame-trainer serve --broker embedded
  With a port of its own for browsers:
    cirame-trainer serve --broker embedded --console 127.0.0.1:3030
  For devices in the network, with a broker that is there already:
    cirame-trainer serve --listen 0.0.0.0:5100 --broker mqtt://broker.plant:1883
  With an account of its own for every device at that broker, a mosquitto with dynamic security:
    cirame-trainer serve --listen 0.0.0.0:5100 --broker mqtt://trainer@broker.plant \
      --broker-password-file password --broker-accounts
  At the first start a user `admin` is made; the password is printed, and stands in
  DATA/first-login until somebody has signed in. The API is described at /api/docs.")]
pub(super) struct Serve {
    /// Where to listen; port 0 takes any free one. Loopback reaches this machine alone.
    #[arg(long, env = "CIRAME_LISTEN", default_value = "127.0.0.1:5100", value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Where to listen as well, for browsers; the same is served there.
    #[arg(long, env = "CIRAME_CONSOLE", value_name = "IP:PORT")]
    console: Option<SocketAddr>,
    /// Write an enrolment token for a device on this host into a file, as long as none has enrolled
    /// with it: for `cirame-edge serve --token-file FILE`, so that nobody has to carry it.
    #[arg(long, env = "CIRAME_LOCAL_DEVICE", value_name = "FILE")]
    local_device: Option<PathBuf>,
    /// Make a demo at the first start, as `start` does: a simulated pump whose state a model tells, on
    /// the device of --local-device. The console removes it again; so does DELETE /api/demo.
    #[arg(long, env = "CIRAME_DEMO")]
    demo: bool,
    #[command(flatten)]
    broker: BrokerOptions,
    #[command(flatten)]
    service: ServiceOptions,
}

impl Serve {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        start_log(self.service.log, "info");
        let folder = context.open()?;
        let broker = self.broker.config()?;
        ensure!(
            !self.demo || self.local_device.is_some(),
            "--demo needs a device: let one on this host enrol with --local-device FILE, or use \
             `cirame-trainer start`, which brings one"
        );
        ensure!(
            !self.demo || broker.option != BrokerOption::None,
            "--demo needs a broker for its simulated machine: name it with --broker, such as embedded"
        );
        let mut config = self.service.config(context, self.listen, self.console, broker);
        config.local_device.clone_from(&self.local_device);
        config.demo = self.demo;
        let shutdown = watch_signals()?;
        serve(folder, &config, shutdown, |listening, _| {
            let others = self.service.addresses(listening)?;
            let broker = listening.broker.map(|broker| format!("broker on mqtt://{broker}\n"));
            let console = listening.console.map(|at| format!("console on http://{at}\n"));
            let (broker, console) = (broker.unwrap_or_default(), console.unwrap_or_default());
            print(&format!("{others}{broker}{console}listening on http://{}\n", listening.api));
            Ok(())
        })?;
        Ok(Report { text: String::new(), json: serde_json::json!({ "ended": true }) })
    }
}
