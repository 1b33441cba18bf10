//! `topics`: which topics there are at a broker.

use std::fmt::Write as _;

use anyhow::anyhow;
use clap::Args;

use super::report::{Report, TextTable};
use super::source_options::ListenOptions;
use super::{Context, to_json};
use crate::recorder::topics::{ChannelFound, TopicFound, check, listen};

/// Most channels that a line of the table names.
const CHANNELS_SHOWN_MAX: usize = 8;

/// Listen at a broker for a few seconds, and tell which topics there are, how their messages seem to
/// be written, and which channels they have.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  Everything that is published within five seconds:
    cirame-trainer topics --broker mqtt://broker.plant
  One line of the plant, for half a minute, as JSON:
    cirame-trainer topics --broker mqtt://broker.plant --filter plant/3/# --seconds 30 --json")]
pub(super) struct Topics {
    #[command(flatten)]
    listen: ListenOptions,
    /// Topics, with `+` for a level and a last `#` for all below.
    #[arg(long, value_name = "FILTER", default_value = "#")]
    filter: String,
    /// How long.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
}

impl Topics {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let length = check(&self.filter, self.seconds).map_err(|error| anyhow!("--{error}"))?;
        context.progress.stage("listen", 0);
        let found = listen(self.listen.reach(context)?, &self.filter, length)?;
        let mut table =
            TextTable::new(&["topic", "messages", "format", "time", "rate", "channels"]);
        for topic in &found.topics {
            table.row(row(topic));
        }
        let mut text = table.render();
        for topic in &found.topics {
            if let Some(advice) = &topic.advice {
                let _ = writeln!(text, "{}: {advice}", topic.topic);
            }
        }
        if found.other_messages > 0 {
            let _ = writeln!(text, "{} messages on further topics", found.other_messages);
        }
        if found.topics.is_empty() {
            let _ = writeln!(text, "nothing came within {} s", found.seconds);
        }
        Ok(Report { text, json: to_json(&found) })
    }
}

fn row(topic: &TopicFound) -> Vec<String> {
    let absent = || "-".to_owned();
    let shown = topic.channels.iter().take(CHANNELS_SHOWN_MAX);
    let name = |channel: &ChannelFound| match &channel.unit {
        Some(unit) => format!("{} [{unit}]", channel.name),
        None => channel.name.clone(),
    };
    let mut channels = shown.map(name).collect::<Vec<_>>().join(", ");
    if let Some(more) =
        topic.channels.len().checked_sub(CHANNELS_SHOWN_MAX).filter(|more| *more > 0)
    {
        let _ = write!(channels, " and {more} more");
    }
    vec![
        topic.topic.clone(),
        topic.messages.to_string(),
        topic.format.clone().unwrap_or_else(absent),
        topic.time.clone().unwrap_or_else(absent),
        topic.rate_hz.map_or_else(absent, |hz| format!("{hz:.3} Hz")),
        channels,
    ]
}
