//! Options that say which broker devices use; for all commands that speak with it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use model_format::protocol::{BrokerAddress, check_topic_prefix};

use crate::broker::{Authorities, BrokerConfig, BrokerOption, BrokerPlace};

/// Longest password that is read from a file, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Which broker devices use, and who makes their accounts there.
#[derive(Debug, Args)]
pub(super) struct BrokerOptions {
    /// The MQTT broker for devices: none, embedded, embedded:PORT, mqtt://[USER[:PASSWORD]@]HOST:PORT, or
    /// mqtts:// for TLS, which devices use then, too.
    #[arg(
        long,
        env = "CIRAME_BROKER",
        default_value = "none",
        value_name = "BROKER",
        hide_env_values = true
    )]
    pub(super) broker: BrokerOption,
    /// A file that holds the password of the user in --broker mqtt://USER@HOST.
    #[arg(long, env = "CIRAME_BROKER_PASSWORD_FILE", value_name = "FILE")]
    broker_password_file: Option<PathBuf>,
    /// The certificates (PEM) of the authorities that may have signed that of an mqtts:// broker; devices get
    /// them when they enrol. Otherwise those of public authorities, which are part of the programs.
    #[arg(long, env = "CIRAME_BROKER_CA", value_name = "FILE")]
    broker_ca: Option<PathBuf>,
    /// Make an account for each device at --broker mqtt://…, whose access list allows what a device
    /// does and nothing else; it goes with the device. Without it, all devices share the login in
    /// --broker. The broker is mosquitto with its dynamic security plugin, the login its admin.
    #[arg(long, env = "CIRAME_BROKER_ACCOUNTS")]
    broker_accounts: bool,
    /// Where devices reach the broker, where that is not the address in --broker; with mqtts:// or mqtt://
    /// before it, where it is by TLS and --broker is not, or the other way round.
    #[arg(long, env = "CIRAME_BROKER_FOR_DEVICES", value_name = "HOST[:PORT]")]
    broker_for_devices: Option<BrokerPlace>,
    /// Topics (with + and #) that devices may read besides cirame/samples/+, for --broker-accounts:
    /// those of sources in their configuration files. Repeatable, or divided by commas.
    #[arg(long, env = "CIRAME_DEVICE_TOPICS", value_name = "FILTER", value_delimiter = ',', value_parser = parse_filter)]
    device_topics: Vec<String>,
}

impl BrokerOptions {
    /// What the options come to.
    ///
    /// # Errors
    /// Where they contradict each other, or the password's file cannot be read.
    pub(super) fn config(&self) -> anyhow::Result<BrokerConfig> {
        let mut option = self.broker.clone();
        match (&mut option, &self.broker_password_file) {
            (BrokerOption::Url(BrokerAddress { url, .. }), Some(path)) => {
                ensure!(
                    !url.user.is_empty(),
                    "--broker-password-file has a password, but --broker names no user: write it \
                     as mqtt://USER@{}",
                    url.host
                );
                url.password = read_password(path)?;
            }
            (_, Some(_)) => bail!(
                "--broker-password-file is for a broker that is there: name it with --broker \
                 mqtt://USER@HOST"
            ),
            (_, None) => {}
        }
        let is_url = matches!(option, BrokerOption::Url(_));
        ensure!(
            is_url || !self.broker_accounts,
            "--broker-accounts needs the broker: name it with --broker mqtt://USER@HOST; the embedded \
             broker gives every device a password by itself"
        );
        ensure!(
            self.broker_accounts || self.device_topics.is_empty(),
            "--device-topics are for the access lists that --broker-accounts makes"
        );
        if let (BrokerOption::None, Some(_)) = (&option, &self.broker_for_devices) {
            bail!("--broker-for-devices needs a broker: name it with --broker");
        }
        Ok(BrokerConfig {
            authorities: self.authorities(&option)?,
            option,
            accounts: self.broker_accounts,
            for_devices: self.broker_for_devices.clone(),
            device_topics: self.device_topics.clone(),
        })
    }

    /// Who may have signed the broker's certificate.
    fn authorities(&self, option: &BrokerOption) -> anyhow::Result<Option<Authorities>> {
        let Some(path) = &self.broker_ca else { return Ok(None) };
        let is_own_tls =
            matches!(option, BrokerOption::Url(BrokerAddress { is_tls: true, url: _ }));
        let is_tls_for_devices =
            self.broker_for_devices.as_ref().is_some_and(|place| place.is_tls == Some(true));
        ensure!(
            is_own_tls || is_tls_for_devices,
            "--broker-ca is for a broker with TLS: name it with --broker mqtts://HOST, or \
             --broker-for-devices mqtts://HOST"
        );
        Authorities::read(path).map(Some)
    }
}

/// The password that a file holds, on one line.
fn read_password(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let mut text = String::new();
    let read = file.take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut text);
    read.with_context(|| format!("{shown} cannot be read"))?;
    let password = text.trim_end_matches(['\r', '\n']);
    ensure!(
        !password.is_empty()
            && password.len() as u64 <= PASSWORD_BYTES_MAX
            && !password.contains(char::is_control),
        "{shown} does not hold a password: one line of at most {PASSWORD_BYTES_MAX} bytes is expected"
    );
    Ok(password.to_owned())
}

fn parse_filter(text: &str) -> Result<String, &'static str> {
    let plain = text.strip_suffix("/#").unwrap_or(text);
    let plain: Vec<&str> =
        plain.split('/').map(|level| if level == "+" { "x" } else { level }).collect();
    match check_topic_prefix(&plain.join("/")) {
        true => Ok(text.to_owned()),
        false => {
            Err("a topic is expected, in which + stands for one level and a last # for the rest")
        }
    }
}
