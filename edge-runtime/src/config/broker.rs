//! Arguments of the connection to the MQTT broker.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use model_format::protocol::{
    BrokerAccess, BrokerAddress, BrokerTls, TOPIC_PREFIX, check_topic_prefix, samples_topic,
};

use crate::serve::{self, Authorities};

/// Longest password that is read from a file, in bytes.
const PASSWORD_BYTES_MAX: usize = 4096;

/// Arguments of the connection to the MQTT broker.
#[derive(Debug, Args)]
pub struct Broker {
    /// The MQTT broker, instead of the one that the trainer names:
    /// mqtt://[USER[:PASSWORD]@]HOST[:PORT], or mqtts:// for TLS. The environment and
    /// --broker-password-file keep passwords out of the list of processes.
    #[arg(long, value_name = "URL", env = "CIRAME_BROKER", hide_env_values = true)]
    pub broker: Option<BrokerAddress>,

    /// A file that holds the broker's password.
    #[arg(long, value_name = "FILE", requires = "broker", env = "CIRAME_BROKER_PASSWORD_FILE")]
    pub broker_password_file: Option<PathBuf>,

    /// The certificates (PEM) of the authorities that may have signed that of an mqtts:// broker.
    /// Otherwise those of public authorities, which are part of this program.
    #[arg(long, value_name = "FILE", requires = "broker")]
    pub broker_ca: Option<PathBuf>,

    /// The certificate (PEM) that this device shows to an mqtts:// broker.
    #[arg(long, value_name = "FILE", requires = "broker", requires = "broker_key")]
    pub broker_cert: Option<PathBuf>,

    /// The private key (PEM) of that certificate.
    #[arg(long, value_name = "FILE", requires = "broker", requires = "broker_cert")]
    pub broker_key: Option<PathBuf>,

    /// First levels of all topics, for --broker. Samples come from PREFIX/samples/STREAM, results go to
    /// PREFIX/devices/NAME/results/STREAM.
    #[arg(long, value_name = "LEVELS", default_value = TOPIC_PREFIX, requires = "broker", value_parser = parse_topic_prefix)]
    pub topic_prefix: String,

    /// Version of MQTT: 3.1.1 or 5. With 5 the broker leaves out messages that are too large, and says
    /// why it refuses something.
    #[arg(long, value_name = "VERSION", default_value = "3.1.1")]
    pub mqtt_version: MqttVersion,

    /// Quality of service of samples: 1 asks the broker to keep them while the device is away, 0 does
    /// not. Results and alarms always have 1.
    #[arg(long, value_name = "QOS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub qos: u8,

    /// Seconds after which a connection without traffic is tested; one that is dead is noticed after
    /// twice as many.
    #[arg(long, value_name = "S", default_value_t = 15, value_parser = clap::value_parser!(u16).range(5..=3600))]
    pub keep_alive_s: u16,

    /// Name of this client with the broker, under which it keeps what comes while the device is away.
    /// cirame-edge- and the device's name otherwise.
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub client_id: Option<String>,

    /// Megabytes on the disk for results and alarms that the broker has not acknowledged. Beyond them
    /// results are dropped before alarms, the oldest first.
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(4..=1000))]
    pub outbox_mb: u32,
}

/// Version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MqttVersion {
    /// MQTT 3.1.1.
    #[value(name = "3.1.1")]
    V3_1_1,
    /// MQTT 5.
    #[value(name = "5")]
    V5,
}

impl Broker {
    /// The connection of this device, to the broker that is given or else to that of its trainer;
    /// none where there is neither.
    pub(crate) fn connection(
        &self,
        device: &str,
        of_trainer: Option<BrokerAccess>,
    ) -> anyhow::Result<Option<serve::Broker>> {
        let (access, tls) = match &self.broker {
            Some(address) => {
                let access = address.url.clone().into_access(self.password()?, &self.topic_prefix);
                (access, self.tls(address)?)
            }
            None => match of_trainer {
                Some(access) => {
                    let tls = access.tls.as_ref().map(|BrokerTls { authorities }| {
                        let authorities = match authorities {
                            Some(pem) => Authorities::Told(pem),
                            None => Authorities::Public,
                        };
                        serve::tls_config(authorities, None)
                    });
                    (access.clone(), tls.transpose()?)
                }
                None => return Ok(None),
            },
        };
        let client_id = self.client_id.clone();
        Ok(Some(serve::Broker {
            client_id: client_id.unwrap_or_else(|| format!("cirame-edge-{device}")),
            subscriptions: vec![samples_topic(&access.topic_prefix, "+")],
            access,
            part: None,
            tls,
            version: self.mqtt_version,
            at_least_once: self.qos > 0,
            keep_alive: Duration::from_secs(self.keep_alive_s.into()),
        }))
    }

    fn tls(&self, address: &BrokerAddress) -> anyhow::Result<Option<Arc<rustls::ClientConfig>>> {
        let identity = self.broker_cert.as_deref().zip(self.broker_key.as_deref());
        if !address.is_tls {
            ensure!(
                self.broker_ca.is_none() && identity.is_none(),
                "certificates are given for a broker without TLS: name it as mqtts://"
            );
            return Ok(None);
        }
        ensure!(
            !address.url.host.contains(':'),
            "a broker with TLS is named by its host name, not by an IPv6 address: {:?}",
            address.url
        );
        let authorities = match &self.broker_ca {
            Some(path) => Authorities::File(path),
            None => Authorities::Public,
        };
        serve::tls_config(authorities, identity).map(Some)
    }

    fn password(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.broker_password_file else { return Ok(None) };
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let password = text.trim_end_matches(['\r', '\n']);
        ensure!(
            !password.is_empty() && password.len() <= PASSWORD_BYTES_MAX,
            "{} does not hold a password",
            path.display()
        );
        Ok(Some(password.to_owned()))
    }
}

fn parse_topic_prefix(text: &str) -> Result<String, &'static str> {
    match check_topic_prefix(text) {
        true => Ok(text.to_owned()),
        false => Err("levels divided by `/` are expected, none empty, without `+`, `#` and `$`"),
    }
}
