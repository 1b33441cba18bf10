//! Simulated machines as recordings.

use std::collections::BTreeMap;

use model_format::signal::simulate::compressor::{self, Compressor, CompressorFault};
use model_format::signal::simulate::fault::{self, FaultConfig, Faults};
use model_format::signal::simulate::furnace::{self, Furnace, FurnaceFault};
use model_format::signal::simulate::motion::{self, Gesture, Motion};
use model_format::signal::simulate::process::{self, Anomaly, Process};
use model_format::signal::simulate::vibration::{self, Fault, Vibration, VibrationConfig};
use model_format::signal::simulate::{SimulatedChannel, SimulatedSample, SimulationError};

pub(crate) mod publish;

use crate::data_folder::DataFolder;
use crate::ingest::parquet;
use crate::nearest::{hint, nearest};
use crate::progress::Progress;
use crate::recording::{LabelSpan, RecordedChannel, Recording, Role};
use crate::store::{DatasetVersion, OwnerId};

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Machine {
    /// A motor-driven pump: three axes of vibration; states and faults. Those of the bearing apart
    /// from its outer race (inner_race, ball, cage) come only where --classes names them.
    Vibration,
    /// The same plant's slow signals, with the power as a regression target; anomalies that begin
    /// in the middle.
    Process,
    /// An air compressor that loads and unloads; faults that begin in the middle.
    Compressor,
    /// A furnace of three zones with thermocouples that drift, and the load's temperature as a
    /// regression target; faults that begin in the middle.
    Furnace,
    /// A hand that holds an accelerometer: at rest, and four gestures.
    Motion,
}

/// The facts about a machine.
struct Facts {
    machine: Machine,
    name: &'static str,
    duration_s: f64,
    rate_hz: f64,
    /// What to train on it.
    estimator: &'static str,
}

const TABLE: [Facts; 5] = [
    Facts {
        machine: Machine::Vibration,
        name: "vibration",
        duration_s: 10.0,
        rate_hz: vibration::RATE_HZ,
        estimator: "random_forest_classifier",
    },
    Facts {
        machine: Machine::Process,
        name: "process",
        duration_s: 1800.0,
        rate_hz: process::RATE_HZ,
        estimator: "random_forest_regressor --target power",
    },
    Facts {
        machine: Machine::Compressor,
        name: "compressor",
        duration_s: 600.0,
        rate_hz: compressor::RATE_HZ,
        estimator: "random_forest_classifier --window-s 60",
    },
    Facts {
        machine: Machine::Furnace,
        name: "furnace",
        duration_s: 7200.0,
        rate_hz: furnace::RATE_HZ,
        estimator: "random_forest_regressor --target load_temperature",
    },
    Facts {
        machine: Machine::Motion,
        name: "motion",
        duration_s: 20.0,
        rate_hz: motion::RATE_HZ,
        estimator: "random_forest_classifier",
    },
];

impl Machine {
    fn facts(self) -> &'static Facts {
        TABLE.iter().find(|facts| facts.machine == self).expect("every machine is in the table")
    }

    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }

    pub(crate) fn default_duration_s(self) -> f64 {
        self.facts().duration_s
    }

    pub(crate) fn default_rate_hz(self) -> f64 {
        self.facts().rate_hz
    }

    /// What `train --estimator` may be told for its recordings.
    pub(crate) fn estimator(self) -> &'static str {
        self.facts().estimator
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
    /// Only these; the usual ones where empty.
    pub(crate) classes: Vec<String>,
    /// How bad faults are, where that is not spread.
    pub(crate) severity: Option<f64>,
    /// When faults begin, where that is not what is usual for the machine.
    pub(crate) onset_s: Option<f64>,
}

/// One recording that is still to be simulated.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    name: String,
    label: &'static str,
    is_usual: bool,
    config: Config,
}

#[derive(Clone, Debug)]
enum Config {
    Vibration(VibrationConfig),
    Process(FaultConfig<Anomaly>),
    Compressor(FaultConfig<CompressorFault>),
    Furnace(FaultConfig<FurnaceFault>),
    Motion(FaultConfig<Gesture>),
}

impl Plan {
    /// A machine as it is usual, with recordings of that length.
    pub(crate) fn usual(machine: Machine, seed: u64, duration_s: f64) -> Self {
        Plan {
            machine,
            seed,
            duration_s,
            rate_hz: machine.default_rate_hz(),
            per_class: 1,
            classes: Vec::new(),
            severity: None,
            onset_s: None,
        }
    }

    /// The recordings of the plan.
    pub(crate) fn recordings(&self) -> Result<Vec<Planned>, SimulateError> {
        let all: Vec<Planned> = match self.machine {
            Machine::Vibration => self.vibration(),
            Machine::Process => self.faults(Config::Process),
            Machine::Compressor => self.faults(Config::Compressor),
            Machine::Furnace => self.faults(Config::Furnace),
            Machine::Motion => self.faults(Config::Motion),
        };
        for class in &self.classes {
            if !all.iter().any(|planned| planned.label == class) {
                let mut known: Vec<&str> = all.iter().map(|planned| planned.label).collect();
                known.dedup();
                let hint = hint(&nearest(class, known));
                return Err(SimulateError::UnknownClass { class: class.clone(), hint });
            }
        }
        let wanted = |planned: &Planned| match self.classes.is_empty() {
            true => planned.is_usual,
            false => self.classes.iter().any(|class| class == planned.label),
        };
        Ok(all.into_iter().filter(wanted).collect())
    }

    fn vibration(&self) -> Vec<Planned> {
        let Plan { seed, per_class, duration_s, rate_hz, .. } = *self;
        let planned = vibration::plan(seed, per_class, duration_s, rate_hz).into_iter();
        let planned = planned.map(|mut one| {
            one.config.severity = self.severity.unwrap_or(one.config.severity);
            one.config.onset_s = self.onset_s.unwrap_or(one.config.onset_s);
            let is_usual =
                one.config.fault.is_none_or(|fault| Fault::ALL[..Fault::USUAL].contains(&fault));
            let config = Config::Vibration(one.config);
            Planned { name: one.name, label: one.label, is_usual, config }
        });
        planned.collect()
    }

    fn faults<F: Faults>(&self, config: fn(FaultConfig<F>) -> Config) -> Vec<Planned> {
        let Plan { seed, per_class, duration_s, rate_hz, .. } = *self;
        let planned = fault::plan::<F>(seed, per_class, duration_s, rate_hz).into_iter();
        let planned = planned.map(|mut one| {
            one.config.severity = self.severity.unwrap_or(one.config.severity);
            one.config.onset_s = self.onset_s.unwrap_or(one.config.onset_s);
            let config = config(one.config);
            Planned { name: one.name, label: one.label, is_usual: true, config }
        });
        planned.collect()
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
        let severe = |severity: f64| ("severity", format!("{severity:.2}"));
        Ok(match &self.config {
            Config::Vibration(config) => {
                let load = ("load", format!("{:.0}", 100.0 * config.load));
                let samples = Vibration::new(config.clone())?;
                self.collect(&vibration::CHANNELS, config.rate_hz, samples, load)
            }
            Config::Process(config) => {
                let samples = Process::new(*config)?;
                self.collect(&process::CHANNELS, config.rate_hz, samples, severe(config.severity))
            }
            Config::Compressor(config) => {
                let samples = Compressor::new(*config)?;
                let severity = severe(config.severity);
                self.collect(&compressor::CHANNELS, config.rate_hz, samples, severity)
            }
            Config::Furnace(config) => {
                let samples = Furnace::new(*config)?;
                self.collect(&furnace::CHANNELS, config.rate_hz, samples, severe(config.severity))
            }
            Config::Motion(config) => {
                let samples = Motion::new(*config)?;
                self.collect(&motion::CHANNELS, config.rate_hz, samples, severe(config.severity))
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
