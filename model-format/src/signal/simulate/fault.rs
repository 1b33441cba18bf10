//! What simulated machines with faults have in common: one recording's configuration, and plans.

use super::noise::Noise;
use super::{SimulationError, fraction, rows};

/// What may be wrong with a machine, or what it does instead of resting.
pub trait Faults: Copy + PartialEq + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// The label of a signal that shows none.
    const NONE: &'static str;
    /// Where in a planned recording it begins, in parts of its length.
    const PLANNED_ONSET: f64;

    /// The label of a signal that shows it.
    fn label(self) -> &'static str;
}

/// One simulated recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultConfig<F> {
    /// Decides everything that is random; recordings of different machines need different seeds.
    pub seed: u64,
    /// Rows per second.
    pub rate_hz: f64,
    /// How long it runs, in seconds.
    pub duration_s: f64,
    /// What is wrong, if anything.
    pub fault: Option<F>,
    /// How bad it is, 0 to 1.
    pub severity: f64,
    /// When it begins, in seconds from the start; it stays until the end.
    pub onset_s: f64,
}

/// A planned recording: its name, what it shows, and its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault<F> {
    /// Unique in the plan, for example `leak_1`.
    pub name: String,
    /// The label that it shows from the onset on.
    pub label: &'static str,
    /// The configuration.
    pub config: FaultConfig<F>,
}

/// Recordings for a whole dataset: `per_class` without a fault and of each fault. Every one has a seed
/// of its own.
pub fn plan<F: Faults>(
    seed: u64,
    per_class: u32,
    duration_s: f64,
    rate_hz: f64,
) -> Vec<PlannedFault<F>> {
    let mut noise = Noise::new(seed);
    let mut recordings = Vec::new();
    for fault in std::iter::once(None).chain(F::ALL.iter().copied().map(Some)) {
        for number in 0..per_class {
            let severity = noise.between(0.4, 1.0);
            let seed = (noise.uniform() * (1u64 << 53) as f64) as u64;
            let onset_s = F::PLANNED_ONSET * duration_s;
            let label = fault.map_or(F::NONE, F::label);
            let name = format!("{label}_{number}");
            let config = FaultConfig { seed, rate_hz, duration_s, fault, severity, onset_s };
            recordings.push(PlannedFault { name, label, config });
        }
    }
    recordings
}

impl<F: Faults> FaultConfig<F> {
    /// How many rows there are, if everything makes sense.
    pub(super) fn check(&self) -> Result<u64, SimulationError> {
        fraction("severity", self.severity)?;
        if !self.onset_s.is_finite() {
            let expected = "a finite number of seconds is expected";
            return Err(SimulationError { field: "onset_s", found: self.onset_s, expected });
        }
        rows(self.duration_s, self.rate_hz)
    }

    /// What shows at a time.
    pub(super) fn shown(&self, time_s: f64) -> Option<F> {
        self.fault.filter(|_| time_s >= self.onset_s)
    }

    /// The label at a time.
    pub(super) fn label(&self, time_s: f64) -> &'static str {
        self.shown(time_s).map_or(F::NONE, F::label)
    }

    /// Moves `value` towards `goal` with the time constant `lag_s`, for one row.
    pub(super) fn lag(&self, value: f64, goal: f64, lag_s: f64) -> f64 {
        let share = 1.0 - libm::exp(-1.0 / (lag_s * self.rate_hz));
        value + share * (goal - value)
    }
}
