//! `broker-login`: how other programs sign in at the embedded broker.

use clap::Args;
use serde_json::json;

use super::Context;
use super::report::Report;
use crate::broker::BrokerSecret;

/// Show the password of a user of the embedded broker, for sensors and other programs. Any name
/// is a user; devices that enrol get theirs by themselves.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cirame-trainer broker-login pump-sensor
  mosquitto_pub -h localhost -u pump-sensor -P PASSWORD -t cirame/samples/pump-1 -f message.json")]
pub(super) struct BrokerLogin {
    /// The user's name.
    name: String,
}

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

impl BrokerLogin {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX {
            anyhow::bail!("a user's name has 1 to {NAME_BYTES_MAX} bytes");
        }
        let password = BrokerSecret::of_folder(&context.data)?.password_for(&self.name);
        let text = format!("user {}\npassword {password}\n", self.name);
        Ok(Report { text, json: json!({ "user": self.name, "password": password }) })
    }
}
