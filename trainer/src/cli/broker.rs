//! `broker`: the embedded broker's process; started by `serve`, not by people.

use clap::Args;

use super::report::Report;
use super::service_options::{LogFormat, start_log};
use crate::broker::child;

/// The embedded broker's process.
#[derive(Debug, Args)]
pub(super) struct Broker {}

impl Broker {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        // rumqttd calls every client that leaves an error; RUST_LOG shows it to whoever looks for one.
        start_log(LogFormat::Text, "warn,rumqttd=error,rumqttd::server::broker=off");
        child::run()?;
        Ok(Report { text: String::new(), json: serde_json::Value::Null })
    }
}
