//! `broker-login`: how other programs sign in at the broker that devices use.

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::Context;
use super::broker_options::BrokerOptions;
use super::report::Report;
use crate::broker::{BrokerOption, BrokerSecret, add_sensor, remove_sensor};
use crate::data_folder::database_path;

/// Show the password of a user of the broker, for sensors and other programs; devices that enrol get
/// theirs by themselves. At the embedded broker any name is a user. At another one, with
/// --broker-accounts, an account is made that may publish samples and nothing else.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer broker-login pump-sensor
  mosquitto_pub -h localhost -u pump-sensor -P PASSWORD -t cirame/samples/pump-1 -f message.json
  An account at another broker, with the options of `serve`, which may stand in the environment:
    cirame-trainer broker-login pump-sensor --broker mqtt://trainer@broker.plant \\
      --broker-password-file password --broker-accounts")]
pub(super) struct BrokerLogin {
    /// The user's name.
    name: String,
    /// Take the account at the other broker away; its connections end.
    #[arg(long, requires = "broker_accounts")]
    remove: bool,
    #[command(flatten)]
    broker: BrokerOptions,
}

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

impl BrokerLogin {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let name = &self.name;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            bail!("a user's name has 1 to {NAME_BYTES_MAX} bytes");
        }
        let config = self.broker.config()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("the broker cannot be asked")?;
        let database = database_path(&context.data);
        let path = BrokerSecret::path(&context.data);
        if config.accounts && !(path.exists() && database.exists()) {
            bail!(
                "no trainer has made accounts with the data folder {}: start `cirame-trainer serve` \
                 first, or name its folder with --data",
                context.data.display()
            );
        }
        let secret = match (&config.option, config.accounts) {
            (BrokerOption::Url(_), true) if self.remove => {
                let broker = config.reach(&context.data)?;
                runtime.block_on(remove_sensor(&broker, &database, name))?;
                let text = format!("{name} has no account any more\n");
                return Ok(Report { text, json: json!({ "user": name, "removed": true }) });
            }
            (BrokerOption::Url(_), true) => {
                let broker = config.reach(&context.data)?;
                let secret = BrokerSecret::load_or_make(&path)?;
                runtime.block_on(add_sensor(&broker, secret.clone(), &database, name))?;
                secret
            }
            (BrokerOption::Url(_), false) => bail!(
                "the broker in --broker has accounts of its own: make one there, or let the trainer \
                 make them with --broker-accounts"
            ),
            (BrokerOption::None | BrokerOption::Embedded { .. }, _) => {
                BrokerSecret::of_folder(&context.data)?
            }
        };
        let password = secret.password_for(name);
        let text = format!("user {name}\npassword {password}\n");
        Ok(Report { text, json: json!({ "user": name, "password": password }) })
    }
}
