//! A motor-driven pump with a three-axis accelerometer on the bearing housing.
//!
//! What a vibration analyst looks for is in the signal where the textbooks put it (Randall,
//! *Vibration-based Condition Monitoring*, chapters 2 and 5): imbalance at the shaft's frequency
//! in the radial directions, misalignment at twice that and axially, defects of a bearing as
//! impulses at the frequencies that follow from its geometry and ring at a structural resonance
//! (those of the inner race rise and fall with the shaft, those of a ball with the cage, as they
//! pass through the load zone), cavitation as bursts of broadband noise.

use std::f64::consts::TAU;

use super::noise::Noise;
use super::{SimulatedChannel, SimulatedSample, SimulationError, fraction, rows};
use crate::signal::bearing::BEARING_6205;

/// The channels: radial horizontal, radial vertical, axial.
pub const CHANNELS: [SimulatedChannel; 3] = [
    SimulatedChannel { name: "accX", unit: "m/s2", is_target: false },
    SimulatedChannel { name: "accY", unit: "m/s2", is_target: false },
    SimulatedChannel { name: "accZ", unit: "m/s2", is_target: false },
];

/// Sampling rate that shows all faults, in hertz.
pub const RATE_HZ: f64 = 1000.0;

/// Frequency of a four-pole motor without load, in hertz.
const SHAFT_HZ: f64 = 24.8;

/// Share of the speed that is lost at full load.
const SLIP: f64 = 0.03;

/// Vanes of the impeller.
const VANES: f64 = 5.0;

/// Structural resonance that impulses excite, in hertz; lower where the rate is too low for it.
const RESONANCE_HZ: f64 = 310.0;

/// How fast the resonance dies away, per second.
const RESONANCE_DECAY: f64 = 180.0;

/// What the machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Standing still.
    Off,
    /// Turning against a closed valve.
    Idle,
    /// Pumping.
    Running,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The centre of mass is off the axis.
    Imbalance,
    /// The shafts of motor and pump do not meet.
    Misalignment,
    /// A pit in the outer race.
    Bearing,
    /// Vapour bubbles collapse in the impeller.
    Cavitation,
    /// A pit in the inner race.
    InnerRace,
    /// A pit in a ball.
    Ball,
    /// A crack in the cage.
    Cage,
}

impl Fault {
    /// All of them. The first [`Fault::USUAL`] are those that a plan has where nothing else is
    /// asked for: a bearing's defects apart from the outer race are hard to tell apart.
    pub const ALL: [Fault; 7] = [
        Fault::Imbalance,
        Fault::Misalignment,
        Fault::Bearing,
        Fault::Cavitation,
        Fault::InnerRace,
        Fault::Ball,
        Fault::Cage,
    ];

    /// How many of [`Fault::ALL`] are usual.
    pub const USUAL: usize = 4;

    /// The label of a signal that shows it.
    pub fn label(self) -> &'static str {
        match self {
            Fault::Imbalance => "imbalance",
            Fault::Misalignment => "misalignment",
            Fault::Bearing => "bearing",
            Fault::Cavitation => "cavitation",
            Fault::InnerRace => "inner_race",
            Fault::Ball => "ball",
            Fault::Cage => "cage",
        }
    }
}

/// One simulated recording.
#[derive(Clone, Debug, PartialEq)]
pub struct VibrationConfig {
    /// Decides everything that is random; recordings of different machines need different seeds.
    pub seed: u64,
    /// Samples per second.
    pub rate_hz: f64,
    /// How long it runs, in seconds.
    pub duration_s: f64,
    /// What the machine does.
    pub state: State,
    /// Load of the running machine, 0 to 1.
    pub load: f64,
    /// What is wrong, if anything. It shows only while the machine turns.
    pub fault: Option<Fault>,
    /// How bad it is, 0 to 1.
    pub severity: f64,
    /// When it begins, in seconds from the start.
    pub onset_s: f64,
}

impl Default for VibrationConfig {
    /// Ten seconds of a healthy pump under 70 % load at [`RATE_HZ`].
    fn default() -> Self {
        VibrationConfig {
            seed: 0,
            rate_hz: RATE_HZ,
            duration_s: 10.0,
            state: State::Running,
            load: 0.7,
            fault: None,
            severity: 0.6,
            onset_s: 0.0,
        }
    }
}

/// A planned recording: its name, what it shows, and its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct VibrationRecording {
    /// Unique in the plan, for example `bearing_load70_2`.
    pub name: String,
    /// The label that it shows from the onset on.
    pub label: &'static str,
    /// The configuration.
    pub config: VibrationConfig,
}

/// Recordings for a whole dataset: `per_class` of each of `off`, `idle`, `normal` and the
/// faults, with loads and severities spread over their range; every one has a seed of its own.
pub fn plan(seed: u64, per_class: u32, duration_s: f64, rate_hz: f64) -> Vec<VibrationRecording> {
    let cases = [(State::Off, None), (State::Idle, None), (State::Running, None)]
        .into_iter()
        .chain(Fault::ALL.map(|fault| (State::Running, Some(fault))));
    let mut noise = Noise::new(seed);
    let mut recordings = Vec::new();
    for (state, fault) in cases {
        for number in 0..per_class {
            let load = 0.4 + 0.6 * f64::from(number) / f64::from(per_class.max(2) - 1);
            let severity = noise.between(0.4, 1.0);
            let seed = (noise.uniform() * (1u64 << 53) as f64) as u64;
            let config = VibrationConfig {
                seed,
                rate_hz,
                duration_s,
                state,
                load,
                fault,
                severity,
                onset_s: 0.0,
            };
            let label = label(state, fault);
            let name = match state {
                State::Running => format!("{label}_load{:.0}_{number}", 100.0 * load),
                State::Off | State::Idle => format!("{label}_{number}"),
            };
            recordings.push(VibrationRecording { name, label, config });
        }
    }
    recordings
}

fn label(state: State, fault: Option<Fault>) -> &'static str {
    match (state, fault) {
        (State::Off, _) => "off",
        (_, Some(fault)) => fault.label(),
        (State::Idle, None) => "idle",
        (State::Running, None) => "normal",
    }
}

/// Iterator over the samples of one recording.
#[derive(Clone, Debug)]
pub struct Vibration {
    config: VibrationConfig,
    rows: u64,
    row: u64,
    noise: Noise,
    machine: Machine,
    /// Angle of the shaft, in revolutions.
    revolution: f64,
    /// Slow deviation of the speed, relative.
    wander: f64,
    ring: Ring,
    /// Strength of the collapsing bubbles at the moment.
    burst: f64,
}

/// What differs from one machine of a kind to the next.
#[derive(Clone, Debug)]
struct Machine {
    gain: f64,
    phases: [f64; 4],
    one_x: f64,
    two_x: f64,
    vane: f64,
    noise: f64,
}

/// A decaying oscillation, struck by impulses.
#[derive(Clone, Debug)]
struct Ring {
    displacement: f64,
    velocity: f64,
    cosine: f64,
    sine: f64,
    decay: f64,
    next_impulse: f64,
}

impl Vibration {
    /// Starts the simulation.
    ///
    /// # Errors
    /// If rate, duration, load, severity or onset make no sense.
    pub fn new(config: VibrationConfig) -> Result<Self, SimulationError> {
        let rows = rows(config.duration_s, config.rate_hz)?;
        fraction("load", config.load)?;
        fraction("severity", config.severity)?;
        if !config.onset_s.is_finite() {
            let expected = "a finite number of seconds is expected";
            return Err(SimulationError { field: "onset_s", found: config.onset_s, expected });
        }
        let mut noise = Noise::new(config.seed);
        let machine = Machine {
            gain: noise.between(0.9, 1.1),
            phases: [noise.uniform(), noise.uniform(), noise.uniform(), noise.uniform()],
            one_x: noise.between(0.25, 0.4),
            two_x: noise.between(0.08, 0.14),
            vane: noise.between(0.15, 0.25),
            noise: noise.between(0.10, 0.14),
        };
        // A resonance near half the sampling rate would fold back: it stays below 0.35 of it.
        let angle = TAU * RESONANCE_HZ.min(0.35 * config.rate_hz) / config.rate_hz;
        let ring = Ring {
            displacement: 0.0,
            velocity: 0.0,
            cosine: libm::cos(angle),
            sine: libm::sin(angle),
            decay: libm::exp(-RESONANCE_DECAY / config.rate_hz),
            next_impulse: noise.uniform(),
        };
        let revolution = noise.uniform();
        Ok(Vibration {
            config,
            rows,
            row: 0,
            noise,
            machine,
            revolution,
            wander: 0.0,
            ring,
            burst: 0.0,
        })
    }

    /// Load at the shaft; turning against a closed valve takes little.
    fn load(&self) -> f64 {
        if self.config.state == State::Running { self.config.load } else { 0.1 }
    }

    fn turn(&mut self) {
        let step = 1.0 / self.config.rate_hz;
        self.wander += step * (-0.5 * self.wander) + 0.002 * step.sqrt() * self.noise.normal();
        let speed_hz = SHAFT_HZ * (1.0 - SLIP * self.load()) * (1.0 + self.wander);
        self.revolution += speed_hz * step;
    }

    /// Sine at a multiple of the shaft's frequency.
    fn order(&self, order: f64, phase: f64) -> f64 {
        libm::sin(TAU * (order * self.revolution + phase))
    }

    fn healthy(&mut self) -> [f64; 3] {
        let load = self.load();
        let Machine { phases, one_x, two_x, vane, noise, .. } = self.machine;
        let vane = vane * (0.3 + 0.7 * load) * self.order(VANES, phases[2]);
        let noise = noise * (0.6 + 0.6 * load);
        let one = [self.order(1.0, phases[0]), self.order(1.0, phases[0] + 0.25)];
        let two = self.order(2.0, phases[1]);
        [
            one_x * one[0] + two_x * two + 0.8 * vane + noise * self.noise.normal(),
            0.8 * one_x * one[1] + two_x * two + vane + noise * self.noise.normal(),
            0.3 * one_x * one[0] + 0.5 * two_x * two + 0.4 * vane + noise * self.noise.normal(),
        ]
    }

    fn fault(&mut self, fault: Fault) -> [f64; 3] {
        let severity = self.config.severity;
        let [first, second, third, fourth] = self.machine.phases;
        match fault {
            Fault::Imbalance => {
                let size = 0.4 + 1.8 * severity;
                let (x, y) = (self.order(1.0, first), self.order(1.0, first + 0.25));
                [size * x, 0.85 * size * y, 0.15 * size * x]
            }
            Fault::Misalignment => {
                let size = 0.3 + 1.4 * severity;
                let (two, three) = (self.order(2.0, second), self.order(3.0, fourth));
                let axial = self.order(1.0, third);
                [
                    size * (0.8 * two + 0.2 * three),
                    size * (0.7 * two + 0.25 * three),
                    size * (0.9 * two + 0.5 * axial),
                ]
            }
            Fault::Bearing | Fault::InnerRace | Fault::Ball | Fault::Cage => {
                let ring = self.ring(fault, 0.8 + 3.5 * severity);
                [0.8 * ring, ring, 0.35 * ring]
            }
            Fault::Cavitation => {
                let bubbles = self.bubbles(0.35 + 1.1 * severity);
                let mut axis = |gain: f64| gain * bubbles * self.noise.normal();
                [axis(0.9), axis(1.0), axis(0.7)]
            }
        }
    }

    /// Impulses once for each time that the defect is met, with the slip of the balls, strongest in
    /// the load zone.
    fn ring(&mut self, fault: Fault, size: f64) -> f64 {
        let ring = &mut self.ring;
        let displacement = ring.cosine * ring.displacement + ring.sine * ring.velocity;
        let velocity = ring.cosine * ring.velocity - ring.sine * ring.displacement;
        ring.displacement = ring.decay * displacement;
        ring.velocity = ring.decay * velocity;
        let cage = BEARING_6205.cage_order();
        // How often it is met, and what carries it through the load zone, per revolution.
        let (order, zone) = match fault {
            Fault::InnerRace => (BEARING_6205.inner_race_order(), 1.0),
            // Each turn of the ball meets the inner and the outer race.
            Fault::Ball => (2.0 * BEARING_6205.ball_order(), cage),
            Fault::Cage => (cage, 0.0),
            // The outer race is at rest in the load zone.
            _ => (BEARING_6205.outer_race_order(), 0.0),
        };
        let passed = self.revolution * order;
        if passed >= ring.next_impulse {
            ring.next_impulse = passed.floor() + 1.0 + 0.02 * self.noise.normal();
            let load = 0.55 + 0.45 * libm::cos(TAU * zone * self.revolution);
            self.ring.velocity += load * size * (1.0 + 0.2 * self.noise.normal());
        }
        self.ring.displacement
    }

    /// Clouds of bubbles come with the vanes and in bursts.
    fn bubbles(&mut self, size: f64) -> f64 {
        let step = 1.0 / self.config.rate_hz;
        if self.noise.uniform() < 12.0 * step {
            self.burst += self.noise.between(0.5, 1.5);
        }
        self.burst -= self.burst * (25.0 * step).min(1.0);
        size * (0.6 + self.burst) * (1.0 + 0.3 * self.order(VANES, self.machine.phases[2]))
    }
}

impl Iterator for Vibration {
    type Item = SimulatedSample<3>;

    fn next(&mut self) -> Option<SimulatedSample<3>> {
        if self.row == self.rows {
            return None;
        }
        let time_s = self.row as f64 / self.config.rate_hz;
        let time_ns = (time_s * 1e9).round() as i64;
        self.row += 1;
        if self.config.state == State::Off {
            let values = [(); 3].map(|()| (0.01 * self.noise.normal()) as f32);
            return Some(SimulatedSample { time_ns, values, label: "off" });
        }
        self.turn();
        let mut values = self.healthy();
        let shown = self.config.fault.filter(|_| time_s >= self.config.onset_s);
        if let Some(fault) = shown {
            let load = 0.6 + 0.4 * self.load();
            for (value, more) in values.iter_mut().zip(self.fault(fault)) {
                *value += load * more;
            }
        }
        let values = values.map(|value| (self.machine.gain * value) as f32);
        Some(SimulatedSample { time_ns, values, label: label(self.config.state, shown) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.rows - self.row) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Vibration {}
