//! A hand that holds an accelerometer: it rests, or makes one of four movements, with gravity in
//! whatever direction the hand is held, a tempo that wanders, and the tremor that every hand has.

use std::f64::consts::TAU;

use super::fault::{FaultConfig, Faults};
use super::noise::Noise;
use super::{SimulatedChannel, SimulatedSample, SimulationError};

/// The channels.
pub const CHANNELS: [SimulatedChannel; 3] = [
    SimulatedChannel { name: "accX", unit: "m/s2", is_target: false },
    SimulatedChannel { name: "accY", unit: "m/s2", is_target: false },
    SimulatedChannel { name: "accZ", unit: "m/s2", is_target: false },
];

/// The usual sampling rate, in hertz.
pub const RATE_HZ: f64 = 62.5;

const GRAVITY: f64 = 9.806_65;

/// What the hand does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// From side to side.
    Wave,
    /// Up and down.
    UpDown,
    /// Round and round.
    Circle,
    /// Forwards in bends.
    Snake,
}

impl Faults for Gesture {
    const ALL: &'static [Self] = &[Gesture::Wave, Gesture::UpDown, Gesture::Circle, Gesture::Snake];
    const NONE: &'static str = "idle";
    const PLANNED_ONSET: f64 = 0.0;

    fn label(self) -> &'static str {
        match self {
            Gesture::Wave => "wave",
            Gesture::UpDown => "up_down",
            Gesture::Circle => "circle",
            Gesture::Snake => "snake",
        }
    }
}

/// Iterator over the rows of one recording.
#[derive(Clone, Debug)]
pub struct Motion {
    config: FaultConfig<Gesture>,
    rows: u64,
    row: u64,
    noise: Noise,
    /// Where gravity points, as the sensor sees it.
    gravity: [f64; 3],
    tempo_hz: f64,
    size: f64,
    tremor_hz: f64,
    /// Angle of the movement, in turns, and how the tempo deviates, relative.
    turn: f64,
    wander: f64,
}

impl Motion {
    /// Starts the simulation. The severity is how vigorous the movement is.
    ///
    /// # Errors
    /// If rate, duration, severity or onset make no sense.
    pub fn new(config: FaultConfig<Gesture>) -> Result<Self, SimulationError> {
        let rows = config.check()?;
        let mut noise = Noise::new(config.seed);
        let (tilt, roll) = (noise.between(-0.3, 0.3), noise.between(-0.3, 0.3));
        let gravity = [
            GRAVITY * libm::sin(tilt),
            GRAVITY * libm::sin(roll) * libm::cos(tilt),
            GRAVITY * libm::cos(roll) * libm::cos(tilt),
        ];
        let slow = matches!(config.fault, Some(Gesture::Circle | Gesture::Snake));
        let tempo_hz = if slow { noise.between(0.8, 1.3) } else { noise.between(1.4, 2.4) };
        let size = (3.0 + 7.0 * config.severity) * noise.between(0.85, 1.15);
        let tremor_hz = noise.between(8.0, 12.0);
        let turn = noise.uniform();
        Ok(Motion {
            config,
            rows,
            row: 0,
            noise,
            gravity,
            tempo_hz,
            size,
            tremor_hz,
            turn,
            wander: 0.0,
        })
    }

    fn step(&mut self, time_s: f64) -> [f32; 3] {
        let step_s = 1.0 / self.config.rate_hz;
        self.wander += -self.wander * step_s + 0.08 * step_s.sqrt() * self.noise.normal();
        self.turn += self.tempo_hz * (1.0 + self.wander) * step_s;
        let (sine, cosine) = (libm::sin(TAU * self.turn), libm::cos(TAU * self.turn));
        let double = libm::sin(2.0 * TAU * self.turn);
        let moved = match self.config.shown(time_s) {
            None => [0.0; 3],
            Some(Gesture::Wave) => [sine, 0.15 * double, 0.1 * cosine],
            Some(Gesture::UpDown) => [0.1 * cosine, 0.1 * double, sine],
            Some(Gesture::Circle) => [sine, cosine, 0.1 * double],
            Some(Gesture::Snake) => [0.8 * sine, 0.6 * double, 0.1 * cosine],
        };
        let tremor = 0.08 * libm::sin(TAU * self.tremor_hz * time_s);
        let mut values = [0.0; 3];
        for (axis, value) in values.iter_mut().enumerate() {
            let exact = self.gravity[axis] + self.size * moved[axis] + tremor;
            *value = (exact + 0.05 * self.noise.normal()) as f32;
        }
        values
    }
}

impl Iterator for Motion {
    type Item = SimulatedSample<3>;

    fn next(&mut self) -> Option<SimulatedSample<3>> {
        if self.row == self.rows {
            return None;
        }
        let time_s = self.row as f64 / self.config.rate_hz;
        self.row += 1;
        let values = self.step(time_s);
        let time_ns = (time_s * 1e9).round() as i64;
        Some(SimulatedSample { time_ns, values, label: self.config.label(time_s) })
    }
}
