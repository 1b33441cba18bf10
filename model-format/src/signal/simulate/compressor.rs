//! A reciprocating air compressor that loads and unloads between two pressures of its tank.
//!
//! While it is loaded, the tank fills with what the compressor delivers less what the plant takes;
//! unloaded, it empties. A leaking discharge valve delivers less and heats the air again, a leak in
//! the net empties the tank faster, a clogged filter lowers the suction pressure. The discharge
//! temperature is that of a compression with the exponent of air, with the lag of its sensor.

use super::fault::{FaultConfig, Faults};
use super::noise::Noise;
use super::{SimulatedChannel, SimulatedSample, SimulationError};

/// The channels.
pub const CHANNELS: [SimulatedChannel; 5] = [
    SimulatedChannel { name: "suction_pressure", unit: "bar", is_target: false },
    SimulatedChannel { name: "discharge_pressure", unit: "bar", is_target: false },
    SimulatedChannel { name: "discharge_temperature", unit: "Cel", is_target: false },
    SimulatedChannel { name: "current", unit: "A", is_target: false },
    SimulatedChannel { name: "vibration", unit: "mm/s", is_target: false },
];

/// The usual sampling rate, in hertz.
pub const RATE_HZ: f64 = 10.0;

/// Pressures of the tank at which it loads and unloads, in bar above the air's.
const LOAD_BAR: f64 = 6.0;
const UNLOAD_BAR: f64 = 7.5;

/// How fast the tank fills with nothing taken from it, in bar per second.
const CAPACITY_BAR_S: f64 = 0.12;

/// `(κ − 1)/κ` of air.
const EXPONENT: f64 = 0.2857;

/// What is wrong with the compressor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressorFault {
    /// Air flows back through the discharge valve.
    ValveLeak,
    /// Air is lost in the net.
    AirLeak,
    /// The suction filter is clogged.
    FilterClogged,
}

impl Faults for CompressorFault {
    const ALL: &'static [Self] =
        &[CompressorFault::ValveLeak, CompressorFault::AirLeak, CompressorFault::FilterClogged];
    const NONE: &'static str = "normal";
    const PLANNED_ONSET: f64 = 0.5;

    fn label(self) -> &'static str {
        match self {
            CompressorFault::ValveLeak => "valve_leak",
            CompressorFault::AirLeak => "air_leak",
            CompressorFault::FilterClogged => "filter_clogged",
        }
    }
}

/// Iterator over the rows of one recording.
#[derive(Clone, Debug)]
pub struct Compressor {
    config: FaultConfig<CompressorFault>,
    rows: u64,
    row: u64,
    noise: Noise,
    pressure: f64,
    is_loaded: bool,
    temperature: f64,
    current: f64,
    /// What the plant takes, in bar per second, and until when.
    demand: f64,
    demand_until_s: f64,
    ambient: f64,
}

impl Compressor {
    /// Starts the simulation, somewhere in a cycle.
    ///
    /// # Errors
    /// If rate, duration, severity or onset make no sense.
    pub fn new(config: FaultConfig<CompressorFault>) -> Result<Self, SimulationError> {
        let rows = config.check()?;
        let mut noise = Noise::new(config.seed);
        let pressure = noise.between(LOAD_BAR, UNLOAD_BAR);
        let is_loaded = noise.uniform() < 0.5;
        let ambient = noise.between(18.0, 28.0);
        let current = if is_loaded { 15.0 } else { 6.5 };
        let temperature = ambient + 60.0;
        let (demand, demand_until_s) = (0.05, 0.0);
        Ok(Compressor {
            config,
            rows,
            row: 0,
            noise,
            pressure,
            is_loaded,
            temperature,
            current,
            demand,
            demand_until_s,
            ambient,
        })
    }

    fn step(&mut self, time_s: f64) -> [f32; 5] {
        if time_s >= self.demand_until_s {
            self.demand = self.noise.between(0.03, 0.07);
            self.demand_until_s = time_s + self.noise.between(20.0, 60.0);
        }
        let (fault, severity) = (self.config.shown(time_s), self.config.severity);
        let of = |which: CompressorFault, least: f64, more: f64| {
            if fault == Some(which) { least + more * severity } else { 0.0 }
        };
        let back = of(CompressorFault::ValveLeak, 0.15, 0.3);
        let lost = of(CompressorFault::AirLeak, 0.01, 0.03) * self.pressure / UNLOAD_BAR;
        let suction = 1.0 - of(CompressorFault::FilterClogged, 0.05, 0.15) * self.is_loaded_share();
        if self.pressure <= LOAD_BAR {
            self.is_loaded = true;
        } else if self.pressure >= UNLOAD_BAR {
            self.is_loaded = false;
        }
        let delivered = self.is_loaded_share() * CAPACITY_BAR_S * (1.0 - back) * suction;
        self.pressure += (delivered - self.demand - lost) / self.config.rate_hz;
        self.pressure = self.pressure.max(0.0);
        let ratio = (1.0 + self.pressure) / suction;
        let compressed = (273.15 + self.ambient) * libm::pow(ratio, EXPONENT) - 273.15;
        // Air that flows back is compressed again.
        let goal =
            if self.is_loaded { compressed * 0.8 + 90.0 * back } else { self.ambient + 22.0 };
        self.temperature = self.config.lag(self.temperature, goal, 40.0);
        let work = libm::pow(ratio, EXPONENT) - 1.0;
        let current = if self.is_loaded { 5.0 + 13.0 * work * suction } else { 6.5 };
        self.current = self.config.lag(self.current, current, 0.3);
        let vibration = if self.is_loaded { 4.0 + 5.0 * back } else { 2.2 };
        let mut with_noise = |value: f64, size: f64| (value + size * self.noise.normal()) as f32;
        [
            with_noise(suction, 0.004),
            with_noise(self.pressure, 0.01),
            with_noise(self.temperature, 0.2),
            with_noise(self.current, 0.1),
            with_noise(vibration, 0.15),
        ]
    }

    fn is_loaded_share(&self) -> f64 {
        if self.is_loaded { 1.0 } else { 0.0 }
    }
}

impl Iterator for Compressor {
    type Item = SimulatedSample<5>;

    fn next(&mut self) -> Option<SimulatedSample<5>> {
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
