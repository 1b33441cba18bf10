//! Arguments of `serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use model_format::payload::time::TimeFormat;
use model_format::protocol::{BrokerUrl, TOPIC_PREFIX, check_topic_level, check_topic_prefix};

use crate::link::TrainerUrl;

/// The port of HTTP where nothing else is said.
const PORT: u16 = 5300;

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Serve {
    /// A model, an .onnx file, that serves as long as no trainer has deployed one. It is proved with
    /// its golden windows before it answers.
    pub model: Option<PathBuf>,

    /// The trainer whose deployments are followed: http://HOST:PORT. Needed once; the state folder
    /// remembers it.
    #[arg(long, value_name = "URL", env = "CIRAME_TRAINER")]
    pub(crate) trainer: Option<TrainerUrl>,

    /// The enrolment token from the trainer. Needed once. The environment keeps it out of the list
    /// of processes.
    #[arg(long, value_name = "TOKEN", env = "CIRAME_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Folder for the device's key, its models and what it knows of its trainer. Otherwise
    /// $STATE_DIRECTORY, as systemd sets it, or cirame-edge in $XDG_STATE_HOME or ~/.local/state; a
    /// model that is served without a trainer keeps nothing.
    #[arg(long, value_name = "FOLDER", env = "CIRAME_STATE")]
    pub state: Option<PathBuf>,

    /// Name that the device proposes to its trainer; without a trainer, its name in topics and
    /// result ids. The machine's name otherwise.
    #[arg(long, value_name = "NAME", value_parser = parse_name, env = "CIRAME_DEVICE")]
    pub name: Option<String>,

    /// The MQTT broker, instead of the one that the trainer names: mqtt://[USER[:PASSWORD]@]HOST[:PORT]. The environment and
    /// --broker-password-file keep passwords out of the list of processes.
    #[arg(long, value_name = "URL", env = "CIRAME_BROKER", hide_env_values = true)]
    pub broker: Option<BrokerUrl>,

    /// A file that holds the broker's password.
    #[arg(long, value_name = "FILE", requires = "broker")]
    pub broker_password_file: Option<PathBuf>,

    /// First levels of all topics, for --broker. Samples come from PREFIX/samples/STREAM, results go to
    /// PREFIX/devices/NAME/results/STREAM.
    #[arg(long, value_name = "LEVELS", default_value = TOPIC_PREFIX, requires = "broker", value_parser = parse_topic_prefix)]
    pub topic_prefix: String,

    /// Where HTTP listens: an address with a port, a port of this machine alone, or none. Port 0
    /// takes a free one; it is printed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5300")]
    pub listen: Listen,

    /// Refuse a model that brings the program's memory above this, in megabytes.
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory_limit_mb: Option<u64>,

    /// Most streams. Further ones are dropped and counted.
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_streams: u32,

    /// The name with the time of each sample (nested ones as a.b). Otherwise a name like t_ms,
    /// time or timestamp, where its unit or its text says how it is written.
    #[arg(long, value_name = "NAME")]
    pub time: Option<String>,

    /// Unit of the times: s, ms, us, ns or datetime (ISO 8601; UTC where it names no offset).
    #[arg(long, value_name = "UNIT", requires = "time")]
    pub time_unit: Option<TimeFormat>,

    /// End when standard input ends, too: for a program that starts this one and must not leave it
    /// behind, however it ends itself.
    #[arg(long)]
    pub(crate) end_with_input: bool,

    /// Form of the log on standard error.
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub log: LogFormat,
}

const AFTER_HELP: &str = "\
Samples are JSON, in any of these forms; channels are found by their names:
  {\"t_ms\": 1764322000000, \"acc.x\": 0.1, \"acc.y\": 0.2}
  {\"time\": \"2026-11-28T09:30:00Z\", \"acc\": {\"x\": 0.1, \"y\": 0.2}}, or an array of such objects
  {\"t_ms\": 1764322000000, \"name\": \"acc.x\", \"value\": 0.1}, or an array of such values
  {\"channels\": [\"acc.x\", \"acc.y\"], \"t_ns\": [5, 6], \"values\": [[0.1, 0.2], [0.3, 0.4]]}
  {\"channels\": [\"acc.x\"], \"t_ms\": 5, \"rate_hz\": 1000, \"values\": [[0.1], [0.3]]}

Examples:
  A device that does what its trainer says, from its first start on:
    CIRAME_TOKEN=… cirame-edge serve --trainer http://trainer.plant:5100
  A model, a broker on this machine, results as they come:
    cirame-edge serve pump.onnx --broker mqtt://localhost
    mosquitto_sub -t 'cirame/devices/+/results/+'
  The same for a broker that wants a password:
    CIRAME_BROKER=mqtt://edge:secret@broker.local cirame-edge serve pump.onnx
  By HTTP alone:
    cirame-edge serve pump.onnx
    curl -d '{\"t_ms\": 5, \"acc.x\": 0.1}' 'http://127.0.0.1:5300/v1/samples?stream=pump-7'
    curl http://127.0.0.1:5300/v1/streams
  Times in seconds under a name of your own:
    cirame-edge serve pump.onnx --broker mqtt://localhost --time measured.at --time-unit s

SIGTERM and SIGINT end it: what has come is answered, the broker is told, within seconds.";

/// Where HTTP listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At this address.
    At(SocketAddr),
    /// Nowhere.
    None,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Listen::None);
        }
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Listen::At((Ipv4Addr::LOCALHOST, port).into()));
        }
        let refused = format!("an address such as 127.0.0.1:{PORT}, a port, or none is expected");
        text.parse().map(Listen::At).map_err(|_| refused)
    }
}

fn parse_topic_prefix(text: &str) -> Result<String, &'static str> {
    match check_topic_prefix(text) {
        true => Ok(text.to_owned()),
        false => Err("levels divided by `/` are expected, none empty, without `+`, `#` and `$`"),
    }
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    match check_topic_level(text) {
        true => Ok(text.to_owned()),
        false => Err("1 to 200 bytes without `/`, `+`, `#` and control characters are expected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_addresses_ports_or_none() {
        assert_eq!("none".parse(), Ok(Listen::None));
        assert_eq!("0".parse(), Ok(Listen::At(([127, 0, 0, 1], 0).into())));
        assert_eq!("0.0.0.0:80".parse(), Ok(Listen::At(([0, 0, 0, 0], 80).into())));
        assert!("everywhere".parse::<Listen>().is_err());
    }
}
