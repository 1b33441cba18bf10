//! `health`: does the service on this machine work?

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use serde::Deserialize;
use ureq::Agent;

use crate::config::{Health, Listen};

/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

impl Health {
    pub(crate) fn run(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let Listen::At(address) = self.listen else {
            bail!(
                "HTTP does not listen (CIRAME_LISTEN or --listen is none), so nothing can be asked: \
                 let serve --listen 127.0.0.1:5300"
            );
        };
        ensure!(
            address.port() != 0,
            "port 0 is any free one: name the port that serve has printed with --listen"
        );
        // These two answer without a token: yes or no, and nothing more.
        let path = if self.ready { "/v2/health/ready" } else { "/health" };
        let (status, text) = self.ask(own(address), path)?;
        match (status, self.ready) {
            (200, false) => writeln!(output, "ok: the edge runtime works")?,
            (200, true) => writeln!(output, "ok: a model is in service")?,
            (503, true) => bail!("no model is in service yet: deploy one to this device"),
            _ => bail!("http://{} answers {status}: {}", own(address), reason(&text)),
        }
        Ok(())
    }

    fn ask(&self, address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // This machine is asked, whatever the environment says of the world outside.
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(self.timeout_s.into())));
        let answer = config.build().new_agent().get(format!("http://{address}{path}")).call();
        let mut answer = answer.map_err(|error| match error {
            ureq::Error::Timeout(_) => {
                anyhow!(
                    "no answer of http://{address} in {} s: it is busy or hangs",
                    self.timeout_s
                )
            }
            error => anyhow!(
                "http://{address} cannot be reached ({error}): is `cirame-edge serve` running, \
                 enrolled, and --listen the address that it was given?"
            ),
        })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let text = body.read_to_string().context("the answer cannot be read")?;
        Ok((status, text))
    }
}

/// How this machine itself reaches an address at which it listens.
fn own(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(at) if at.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        address => address,
    }
}

/// What a refusal says.
fn reason(text: &str) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal = serde_json::from_str::<Refusal>(text);
    refusal.map_or_else(|_| text.chars().take(200).collect(), |refusal| refusal.error)
}
