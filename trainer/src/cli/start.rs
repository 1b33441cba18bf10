//! `start`: the product for a person, with one command.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::Context as _;
use clap::Args;
use model_format::protocol::BROKER_PORT;

use super::Context;
use super::report::Report;
use super::service_options::{ServiceOptions, print, start_log, watch_signals};
use crate::broker::BrokerOption;
use crate::demo::{DemoPlan, Steps};
use crate::serve::{Listening, serve};
use crate::start::{STEPS, program, start};

/// Start everything for a person: the API, the console, a broker, a device on this machine, and, at
/// the first start, a demo: a simulated pump whose state a model tells.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer start
  Without the demo, and for browsers and devices in the network:
    cirame-trainer start --no-demo --lan
  The console removes the demo again; so does DELETE /api/demo.")]
pub(super) struct Start {
    /// Port of the API; 0 takes any free one.
    #[arg(long, env = "CIRAME_API_PORT", value_name = "PORT", default_value_t = 5100)]
    api_port: u16,
    /// Port of the console.
    #[arg(long, env = "CIRAME_CONSOLE_PORT", value_name = "PORT", default_value_t = 3030)]
    console_port: u16,
    /// Port of the embedded MQTT broker.
    #[arg(long, env = "CIRAME_BROKER_PORT", value_name = "PORT", default_value_t = BROKER_PORT)]
    broker_port: u16,
    /// Neither make the demo nor play it.
    #[arg(long, env = "CIRAME_NO_DEMO")]
    no_demo: bool,
    #[command(flatten)]
    service: ServiceOptions,
}

impl Start {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        start_log(self.service.log, "warn");
        program()?;
        let folder = context.open()?;
        let first_login = folder.first_login_path();
        let local = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let broker =
            BrokerOption::Embedded { ip: Ipv4Addr::LOCALHOST.into(), port: self.broker_port };
        let (listen, console) = (local(self.api_port), Some(local(self.console_port)));
        let config = self.service.config(context, listen, console, broker.into());
        let shutdown = watch_signals()?;
        let mut beside: Option<JoinHandle<anyhow::Result<()>>> = None;
        let asked = shutdown.clone();
        let served = serve(folder, &config, shutdown.clone(), |listening, state| {
            let plan = DemoPlan::of(&state.folder, !self.no_demo)?;
            let addresses = self.service.addresses(listening)?;
            let state = state.clone();
            let begin = move || {
                // Where it fails, the service ends, and the command says why.
                let _guard = asked.clone().drop_guard();
                let steps = Steps::new(STEPS + plan.steps(), |text| print(&format!("{text}\n")));
                let started = start(state, listening, plan, steps, &asked)?;
                print(&summary(listening, &first_login, &addresses));
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                runtime.block_on(asked.cancelled());
                started.stop();
                Ok(())
            };
            let thread = std::thread::Builder::new().name("start".to_owned());
            beside = Some(thread.spawn(begin).context("the start gets no thread")?);
            Ok(())
        });
        shutdown.cancel();
        let beside = beside.map(JoinHandle::join);
        served?;
        beside.transpose().ok().context("the thread of the start panicked")?.transpose()?;
        Ok(Report { text: String::new(), json: serde_json::json!({ "ended": true }) })
    }
}

/// What a person wants to know when all runs.
fn summary(listening: Listening, first_login: &Path, addresses: &str) -> String {
    let shown = |address: SocketAddr| match address.ip().is_unspecified() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        false => address,
    };
    let login = std::fs::read_to_string(first_login);
    let login = login.ok().and_then(|text| {
        let value = |name| text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        Some(format!("{} with the password {}", value("user ")?, value("password ")?))
    });
    let login = login.unwrap_or_else(|| {
        "as before; a lost password: cirame-trainer users reset-password admin".to_owned()
    });
    let mut text = "\n".to_owned();
    if let Some(console) = listening.console {
        let note = match cfg!(feature = "console") {
            true => "",
            false => "  (this program was built without it: make console)",
        };
        let _ = writeln!(text, "  console   http://{}{note}", shown(console));
    }
    let _ = writeln!(text, "  sign in   {login}");
    let _ = writeln!(text, "  API       http://{}/api/docs/", shown(listening.api));
    if let Some(broker) = listening.broker {
        let _ = writeln!(text, "  broker    mqtt://{}", shown(broker));
    }
    let _ = writeln!(text, "  stop      Ctrl-C");
    for line in addresses.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text + "\n"
}
