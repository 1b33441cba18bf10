//! Arguments of `serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use engine::EngineKind;
use engine::proof::Choice;
use model_format::payload::time::TimeFormat;
use model_format::protocol::check_topic_level;

use super::Broker;
use super::http::Http;
use crate::link::TrainerUrl;
use crate::serve::Shard;

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Serve {
    /// Models, .onnx files: each serves as long as no trainer has deployed one of its name, which is
    /// that of the file. They are proved with their golden windows before they answer.
    #[arg(value_name = "MODEL")]
    pub models: Vec<PathBuf>,

    /// The trainer whose deployments are followed: http://HOST:PORT. Needed once; the state folder
    /// remembers it.
    #[arg(long, value_name = "URL", env = "CIRAME_TRAINER")]
    pub(crate) trainer: Option<TrainerUrl>,

    /// The enrolment token from the trainer. Needed once. The environment keeps it out of the list
    /// of processes.
    #[arg(long, value_name = "TOKEN", env = "CIRAME_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// A file that holds that token. The program waits until it is there; it looks at it only while the
    /// device is not enrolled.
    #[arg(long, value_name = "FILE", env = "CIRAME_TOKEN_FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,

    /// Folder for the device's key, its models and what it knows of its trainer. Otherwise
    /// $STATE_DIRECTORY, as systemd sets it, or cirame-edge in $XDG_STATE_HOME or ~/.local/state; a
    /// model that is served without a trainer keeps nothing.
    #[arg(long, value_name = "FOLDER", env = "CIRAME_STATE")]
    pub state: Option<PathBuf>,

    /// A file with an Ed25519 public key in PEM: only models that were signed with this key, or another
    /// one that is named, are served. Repeatable; the folder keys in the state folder may hold more.
    #[arg(long = "model-key", value_name = "FILE")]
    pub model_keys: Vec<PathBuf>,

    /// Name that the device proposes to its trainer; without a trainer, its name in topics and
    /// result ids. The machine's name otherwise.
    #[arg(long, value_name = "NAME", value_parser = parse_name, env = "CIRAME_DEVICE")]
    pub name: Option<String>,

    /// The MQTT broker.
    #[command(flatten)]
    pub mqtt: Broker,

    /// Where HTTP listens.
    #[command(flatten)]
    pub http: Http,

    /// Refuse a model that brings the program's memory above this, in megabytes.
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory_limit_mb: Option<u64>,

    /// What executes models of other programs: tract, ort, or auto, the one that passes the proof on this
    /// device and is faster. Our own run natively. The table [engines] of the configuration file says it
    /// for each model.
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = parse_engine,
          env = "CIRAME_ENGINE")]
    pub(crate) engine: Choice,

    /// Most streams. Further ones are dropped and counted.
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_streams: u32,

    /// A file that says which topics are streams, how payloads are written, what raises alarms, and
    /// which results are published; docs/streams.md describes it.
    #[arg(long, value_name = "FILE", env = "CIRAME_CONFIG")]
    pub config: Option<PathBuf>,

    /// Take only the streams of part i of n, for processes that divide a plant's streams among
    /// them: each with its own n parts, such as 1/2 and 2/2.
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

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
  Several models at once, each answering the streams that send its channels:
    cirame-edge serve pump.onnx fan.onnx --broker mqtt://localhost
  The same for a broker that wants a password:
    CIRAME_BROKER=mqtt://edge:secret@broker.plant cirame-edge serve pump.onnx
  One with TLS that wants a certificate of the device:
    cirame-edge serve pump.onnx --broker mqtts://broker.plant --broker-ca plant.pem \\
      --broker-cert edge.pem --broker-key edge-key.pem
  By HTTP alone:
    cirame-edge serve pump.onnx
    curl -d '{\"t_ms\": 5, \"acc.x\": 0.1}' 'http://127.0.0.1:5300/v1/samples?stream=pump-7'
    curl http://127.0.0.1:5300/v1/streams
  Times in seconds under a name of your own:
    cirame-edge serve pump.onnx --broker mqtt://localhost --time measured.at --time-unit s

SIGTERM and SIGINT end it: what has come is answered, the broker is told, within seconds.";

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// An engine for models of other programs.
pub(super) fn parse_engine(text: &str) -> Result<Choice, String> {
    match text.parse() {
        Ok(Choice::Only(EngineKind::Native)) => {
            Err("native runs our own models, and no others: there are auto, tract and ort"
                .to_owned())
        }
        Ok(choice) => Ok(choice),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    match check_topic_level(text) {
        true => Ok(text.to_owned()),
        false => Err("1 to 200 bytes without `/`, `+`, `#` and control characters are expected"),
    }
}
