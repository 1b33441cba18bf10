//! Options that say which broker is listened to, and how messages there are read.

use std::path::PathBuf;

use clap::Args;
use model_format::payload::Format;
use model_format::protocol::SourceSettings;

use super::Context;
use crate::broker::{Authorities, BrokerOption, BrokerReach};

/// The broker that is listened to.
#[derive(Debug, Args)]
pub(super) struct ListenOptions {
    /// The broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT], mqtts:// for TLS, or embedded[:PORT] for the
    /// one of the trainer with this data folder.
    #[arg(long, env = "CIRAME_RECORD_BROKER", value_name = "BROKER", hide_env_values = true)]
    broker: BrokerOption,
    /// The certificates (PEM) of the authorities that may have signed that of an mqtts:// broker;
    /// otherwise those of public authorities, which are part of this program.
    #[arg(long, value_name = "FILE")]
    broker_ca: Option<PathBuf>,
}

impl ListenOptions {
    pub(super) fn reach(&self, context: &Context) -> anyhow::Result<BrokerReach> {
        let authorities = self.broker_ca.as_deref().map(Authorities::read).transpose()?;
        Ok(self.broker.reach(&context.data, authorities.as_ref())?)
    }
}

/// Topics, and how their messages are read.
#[derive(Debug, Args)]
pub(super) struct SourceOptions {
    /// Topics to record, such as plant/{line}/{machine}/accel: a level in braces may be anything and
    /// names the stream, `+` may be anything. Repeatable.
    #[arg(long = "topic", value_name = "TEMPLATE")]
    topics: Vec<String>,
    /// What streams are called, such as {line}-{machine}; all levels in braces, joined by dots,
    /// otherwise.
    #[arg(long, value_name = "TEMPLATE", requires = "topics")]
    stream: Option<String>,
    /// How messages are written: json, cbor, senml-json, senml-cbor, influx or number.
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Json, requires = "topics")]
    format: Format,
    /// The name with the time; found by itself where its name says its unit, such as t_ms.
    #[arg(long, value_name = "NAME", requires = "topics")]
    time: Option<String>,
    /// Its unit: s, ms, us, ns or datetime.
    #[arg(long, value_name = "UNIT", requires = "topics")]
    time_unit: Option<String>,
    /// Names of values that come without names, in their order.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "topics")]
    positions: Vec<String>,
    /// For --format number: the channel that a topic is about, such as {channel}.
    #[arg(long, value_name = "TEMPLATE", requires = "topics")]
    channel: Option<String>,
    /// For --format influx: the tag whose value is added to the stream's name.
    #[arg(long, value_name = "TAG", requires = "topics")]
    stream_tag: Option<String>,
}

impl SourceOptions {
    /// A source for each topic.
    pub(super) fn sources(&self) -> Vec<SourceSettings> {
        let source = |topic: &String| SourceSettings {
            topic: topic.clone(),
            stream: self.stream.clone(),
            format: self.format,
            time: self.time.clone(),
            time_unit: self.time_unit.clone(),
            positions: self.positions.clone(),
            channel: self.channel.clone(),
            stream_tag: self.stream_tag.clone(),
        };
        self.topics.iter().map(source).collect()
    }
}
