//! `broker`: the embedded broker's process; started by `serve`, not by people.

use clap::Args;

use super::report::Report;
use super::serve::{LogFormat, start_log};
use crate::broker::child;

/// The embedded broker's process.
#[derive(Debug, Args)]
pub(super) struct Broker {}

impl Broker {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        start_log(LogFormat::Text, "warn,rumqttd=error");
        child::run()?;
        Ok(Report { text: String::new(), json: serde_json::Value::Null })
    }
}
