//! Simulated machines as recordings.

use std::collections::BTreeMap;

use model_format::signal::simulate::process::{self, Process, ProcessConfig};
use model_format::signal::simulate::vibration::{self, Vibration, VibrationConfig};
use model_format::signal::simulate::{SimulatedChannel, SimulatedSample, SimulationError};

pub(crate) mod publish;

use crate::data_folder::DataFolder;
use crate::ingest::parquet;
use crate::nearest::{hint, nearest};
use crate::progress::Progress;
use crate::recording::{LabelSpan, RecordedChannel, Recording, Role};
use crate::store::{DatasetVersion, OwnerId};

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// A pump with an accelerometer.
    Vibration,
    /// The plant's slow signals.
    Process,
}

impl Machine {
    pub(crate) fn default_duration_s(self) -> f64 {
        match self {
            Machine::Vibration => 10.0,
            Machine::Process => 1800.0,
        }
    }

    pub(crate) fn default_rate_hz(self) -> f64 {
        match self {
            Machine::Vibration => vibration::RATE_HZ,
            Machine::Process => process::RATE_HZ,
        }
    }
}

/// Why nothing is simulated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SimulateError {
    /// No machine can be like that.
    #[error(transparent)]
    Configuration(#[from] SimulationError),
    /// A class that the machine does not have.
    #[error("the machine has no state or fault {class:?}{hint}")]
    UnknownClass {
        /// The class.
        class: String,
        /// The nearest ones.
        hint: String,
    },
}

/// A set of recordings.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) machine: Machine,
    pub(crate) seed: u64,
    pub(crate) duration_s: f64,
    pub(crate) rate_hz: f64,
    pub(crate) per_class: u32,
    /// Only these; all where empty.
    pub(crate) classes: Vec<String>,
}

/// One recording that is still to be simulated.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    name: String,
    label: &'static str,
    config: Config,
}

#[derive(Clone, Debug)]
enum Config {
    Vibration(VibrationConfig),
    Process(ProcessConfig),
}

impl Plan {
    /// The recordings of the plan.
    pub(crate) fn recordings(&self) -> Result<Vec<Planned>, SimulateError> {
        let Plan { seed, per_class, duration_s, rate_hz, .. } = *self;
        let all: Vec<Planned> = match self.machine {
            Machine::Vibration => vibration::plan(seed, per_class, duration_s, rate_hz)
                .into_iter()
                .map(|one| Planned {
                    name: one.name,
                    label: one.label,
                    config: Config::Vibration(one.config),
                })
                .collect(),
            Machine::Process => process::plan(seed, per_class, duration_s, rate_hz)
                .into_iter()
                .map(|one| Planned {
                    name: one.name,
                    label: one.label,
                    config: Config::Process(one.config),
                })
                .collect(),
        };
        for class in &self.classes {
            if !all.iter().any(|planned| planned.label == class) {
                let mut known: Vec<&str> = all.iter().map(|planned| planned.label).collect();
                known.dedup();
                let hint = hint(&nearest(class, known));
                return Err(SimulateError::UnknownClass { class: class.clone(), hint });
            }
        }
        let wanted = |planned: &Planned| {
            self.classes.is_empty() || self.classes.iter().any(|class| class == planned.label)
        };
        Ok(all.into_iter().filter(wanted).collect())
    }
}

/// Adds simulated recordings to a dataset, as an import would.
///
/// # Errors
/// Where no machine can be like that, and where the data folder refuses.
pub(crate) fn add_to_dataset(
    folder: &DataFolder,
    owner: OwnerId,
    dataset: &str,
    planned: &[Planned],
    progress: &Progress,
) -> anyhow::Result<DatasetVersion> {
    let _files = folder.use_files();
    let mut entries = Vec::with_capacity(planned.len());
    for planned in planned {
        progress.check()?;
        let recording = planned.recording()?;
        parquet::write(folder, &recording)?;
        entries.push(recording.entry());
        progress.step();
    }
    Ok(folder.store().add_to_dataset(owner, dataset, &entries)?)
}

impl Planned {
    /// The recording's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Simulates the recording.
    pub(crate) fn recording(&self) -> Result<Recording, SimulateError> {
        Ok(match &self.config {
            Config::Vibration(config) => {
                let load = format!("{:.0}", 100.0 * config.load);
                let samples = Vibration::new(config.clone())?;
                self.collect(&vibration::CHANNELS, config.rate_hz, samples, ("load", load))
            }
            Config::Process(config) => {
                let severity = format!("{:.2}", config.severity);
                let samples = Process::new(config.clone())?;
                self.collect(&process::CHANNELS, config.rate_hz, samples, ("severity", severity))
            }
        })
    }

    fn collect<const N: usize>(
        &self,
        channels: &[SimulatedChannel; N],
        rate_hz: f64,
        samples: impl Iterator<Item = SimulatedSample<N>>,
        (tag, value): (&str, String),
    ) -> Recording {
        let recorded = |channel: &SimulatedChannel| RecordedChannel {
            name: channel.name.to_owned(),
            unit: Some(channel.unit.to_owned()),
            role: if channel.is_target { Role::Target } else { Role::Input },
            values: Vec::new(),
        };
        let mut recording = Recording {
            name: self.name.clone(),
            channels: channels.iter().map(recorded).collect(),
            time_ns: Vec::new(),
            absolute_time: false,
            rate_hz: Some(rate_hz),
            labels: Vec::new(),
            label_sets: BTreeMap::new(),
            tags: BTreeMap::from([(tag.to_owned(), value)]),
        };
        for (row, sample) in (0..).zip(samples) {
            recording.time_ns.push(sample.time_ns);
            for (channel, value) in recording.channels.iter_mut().zip(sample.values) {
                channel.values.push(value);
            }
            match recording.labels.last_mut().filter(|span| span.class == sample.label) {
                Some(span) => span.to_row = row + 1,
                None => recording.labels.push(LabelSpan {
                    from_row: row,
                    to_row: row + 1,
                    class: sample.label.to_owned(),
                }),
            }
        }
        recording
    }
}
