//! `health`: does the service on this machine work?

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::report::Report;

/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Tell whether the service on this machine answers and can read its database, for whatever watches
/// it. Ends with a failure where it does not, and one line says why.
#[derive(Debug, Args)]
#[command(after_help = "Example, in a container's description:
  HEALTHCHECK CMD [\"/cirame-trainer\", \"health\"]")]
pub(super) struct Health {
    /// Where `serve` listens: the same as it was told.
    #[arg(long, env = "CIRAME_LISTEN", default_value = "127.0.0.1:5100", value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Longest time for the answer, in seconds.
    #[arg(long, default_value_t = 4, value_name = "S", value_parser = clap::value_parser!(u16).range(1..=300))]
    timeout_s: u16,
}

impl Health {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        ensure!(
            self.listen.port() != 0,
            "port 0 is any free one: name the port that serve has printed with --listen"
        );
        let address = own(self.listen);
        let (status, text) = self.ask(address)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if status != 200 {
            let detail = answer["detail"].as_str().map(str::to_owned);
            let detail = detail.unwrap_or_else(|| text.chars().take(200).collect());
            bail!("http://{address} answers {status}: {detail}");
        }
        let Some(version) = answer["version"].as_str() else {
            bail!("http://{address} is another program than cirame-trainer: check --listen");
        };
        let text = format!("ok: the trainer {version} answers and can read its database\n");
        Ok(Report { text, json: json!({ "ok": true, "version": version }) })
    }

    fn ask(&self, address: SocketAddr) -> anyhow::Result<(u16, String)> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // This machine is asked, whatever the environment says of the world outside.
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(self.timeout_s.into())));
        let agent: ureq::Agent = config.build().into();
        let mut answer =
            agent.get(format!("http://{address}/api/health")).call().map_err(|error| match error {
                ureq::Error::Timeout(_) => {
                    let seconds = self.timeout_s;
                    anyhow!("no answer of http://{address} in {seconds} s: it is busy or hangs")
                }
                error => anyhow!(
                    "http://{address} cannot be reached ({error}): is `cirame-trainer serve` running, \
                     and --listen the address that it was given?"
                ),
            })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        Ok((status, body.read_to_string().context("the answer cannot be read")?))
    }
}

/// How this machine itself reaches an address at which it listens.
pub(super) fn own(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(at) if at.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        address => address,
    }
}
