//! The configuration file of `serve`: streams, alarms, gates and results, in TOML. A name that is
//! not known is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use engine::proof::Choice;
use serde::Deserialize;

mod alarm;
mod gate;
mod source;

use alarm::AlarmTable;
use gate::GateTable;
use source::{SourceTable, SparkplugTable};

use crate::serve::{Source, SparkplugSource, Thinning, WatchPlan};

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most entries in each list.
const ENTRIES_MAX: usize = 1000;
/// Longest time that can be configured: one year, in seconds.
const SECONDS_MAX: f64 = 365.0 * 86_400.0;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    #[serde(default)]
    source: Vec<SourceTable>,
    #[serde(default)]
    sparkplug: Vec<SparkplugTable>,
    #[serde(default)]
    alarm: Vec<AlarmTable>,
    #[serde(default)]
    gate: Vec<GateTable>,
    #[serde(default)]
    results: ResultsTable,
    #[serde(default)]
    streams: StreamsTable,
    /// Engines by name of model.
    #[serde(default)]
    engines: BTreeMap<String, String>,
}

/// Which results are published.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResultsTable {
    /// Only results whose class, or whose being an anomaly, differs from the one before.
    #[serde(default)]
    on_change: bool,
    /// One at least, or without `on_change` at most, so often.
    every_s: Option<f64>,
}

/// Bounds of streams.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamsTable {
    /// A stream that has sent nothing for so long is forgotten.
    expire_s: Option<f64>,
}

/// The time after which a stream is forgotten, where nothing else is said: a day.
const EXPIRE_S: f64 = 86_400.0;

impl ConfigFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or says something that is not known; with line and column.
    pub(crate) fn read(path: &Path) -> anyhow::Result<ConfigFile> {
        let name = path.display();
        let size = fs::metadata(path).with_context(|| format!("{name}"))?.len();
        if size > FILE_BYTES_MAX {
            bail!("{name} has {size} bytes; a configuration has at most {FILE_BYTES_MAX}");
        }
        let text = fs::read_to_string(path).with_context(|| format!("{name}"))?;
        ConfigFile::parse(&text).with_context(|| format!("{name} cannot be followed"))
    }

    fn parse(text: &str) -> anyhow::Result<ConfigFile> {
        let file: ConfigFile = toml::from_str(text)?;
        let sizes = [
            ("source", file.source.len()),
            ("sparkplug", file.sparkplug.len()),
            ("alarm", file.alarm.len()),
            ("gate", file.gate.len()),
        ];
        let engines = file.engines.len();
        if engines > ENTRIES_MAX {
            bail!("[engines] names {engines} models; at most {ENTRIES_MAX} can stand");
        }
        for (list, found) in sizes {
            if found > ENTRIES_MAX {
                bail!("there are {found} [[{list}]]; at most {ENTRIES_MAX} can stand");
            }
        }
        Ok(file)
    }

    /// The sources, none where the file names none.
    ///
    /// # Errors
    /// Says which source cannot stand, and what to change.
    pub(crate) fn sources(&self) -> anyhow::Result<Vec<Source>> {
        let sources = self.source.iter().enumerate();
        let sources = sources.map(|(index, table)| {
            table.lower().with_context(|| format!("[[source]] number {}", index + 1))
        });
        sources.collect()
    }

    /// The groups of Sparkplug B nodes.
    ///
    /// # Errors
    /// Says which cannot stand, and what to change.
    pub(crate) fn sparkplug(&self) -> anyhow::Result<Vec<SparkplugSource>> {
        let groups = self.sparkplug.iter().enumerate();
        let groups = groups.map(|(index, table)| {
            table.lower().with_context(|| format!("[[sparkplug]] number {}", index + 1))
        });
        groups.collect()
    }

    /// Alarms, gates and thinning.
    ///
    /// # Errors
    /// Says which entry cannot stand, and what to change.
    pub(crate) fn watch(&self) -> anyhow::Result<WatchPlan> {
        let mut names = BTreeMap::new();
        let mut alarms = Vec::new();
        for (index, table) in self.alarm.iter().enumerate() {
            let place = format!("[[alarm]] number {}", index + 1);
            let spec = table.lower().with_context(|| place.clone())?;
            if let Some(before) = names.insert(spec.name.clone(), index) {
                bail!(
                    "{place}: number {} is named {:?} too: give another name",
                    before + 1,
                    spec.name
                );
            }
            alarms.push(spec.into());
        }
        if self.alarm.is_empty() {
            alarms.push(alarm::usual().into());
        }
        let mut gates = Vec::new();
        for (index, table) in self.gate.iter().enumerate() {
            let place = || format!("[[gate]] number {}", index + 1);
            gates.push(table.lower(index).with_context(place)?.into());
        }
        let every_ns = match self.results.every_s {
            Some(every_s) => Some(seconds_ns("every_s", every_s).context("[results]")?),
            None => None,
        };
        let thinning = match (self.results.on_change, every_ns) {
            (false, None) => Thinning::None,
            (true, every_ns) => Thinning::OnChange { every_ns },
            (false, Some(every_ns)) => Thinning::Every { every_ns },
        };
        Ok(WatchPlan { alarms, gates, thinning })
    }

    /// What executes the models that are named.
    ///
    /// # Errors
    /// It is no engine.
    pub(crate) fn engines(&self) -> anyhow::Result<BTreeMap<String, Choice>> {
        let lowered = self.engines.iter().map(|(model, engine)| {
            let choice = engine.parse().with_context(|| format!("[engines], model {model:?}"))?;
            Ok((model.clone(), choice))
        });
        lowered.collect()
    }

    /// The time after which a stream that sends nothing is forgotten.
    ///
    /// # Errors
    /// It is no time.
    pub(crate) fn expire_ns(&self) -> anyhow::Result<i64> {
        let expire_s = self.streams.expire_s.unwrap_or(EXPIRE_S);
        let expire_ns = seconds_ns("expire_s", expire_s).context("[streams]")?;
        match expire_ns {
            0 => bail!("[streams]: expire_s is 0: give a time in seconds, such as 3600"),
            _ => Ok(expire_ns),
        }
    }
}

/// Seconds as nanoseconds.
fn seconds_ns(field: &str, seconds: f64) -> anyhow::Result<i64> {
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        bail!("{field} is {seconds}: give a time from 0 to {SECONDS_MAX} seconds");
    }
    Ok((seconds * 1e9).round() as i64)
}

/// Seconds as whole milliseconds.
fn seconds_ms(field: &str, seconds: f64) -> anyhow::Result<u32> {
    let ms = seconds_ns(field, seconds)? / 1_000_000;
    u32::try_from(ms).with_context(|| format!("{field} is too long"))
}

#[cfg(test)]
mod tests;
