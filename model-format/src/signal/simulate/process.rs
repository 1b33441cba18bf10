//! The slow signals of a pumping plant: one row per second, with the power it takes as target.
//!
//! A centrifugal pump between two tanks: the operating point is where the pump's curve meets the
//! system's, both quadratic in the flow. The target, the electrical power, follows hydraulic power
//! over an efficiency that depends on the flow, with the lag of the power meter.

use super::fault::{FaultConfig, Faults};
use super::noise::Noise;
use super::{SimulatedChannel, SimulatedSample, SimulationError};

/// The channels; the last one is the target.
pub const CHANNELS: [SimulatedChannel; 9] = [
    SimulatedChannel { name: "speed", unit: "1/min", is_target: false },
    SimulatedChannel { name: "valve", unit: "%", is_target: false },
    SimulatedChannel { name: "inlet_pressure", unit: "bar", is_target: false },
    SimulatedChannel { name: "outlet_pressure", unit: "bar", is_target: false },
    SimulatedChannel { name: "flow", unit: "m3/h", is_target: false },
    SimulatedChannel { name: "inlet_temperature", unit: "Cel", is_target: false },
    SimulatedChannel { name: "outlet_temperature", unit: "Cel", is_target: false },
    SimulatedChannel { name: "current", unit: "A", is_target: false },
    SimulatedChannel { name: "power", unit: "kW", is_target: true },
];

/// The usual sampling rate, in hertz.
pub const RATE_HZ: f64 = 1.0;

/// Head of the pump at full speed without flow, in bar.
const HEAD_BAR: f64 = 6.0;

/// Speed at which the curve is given, in revolutions per minute.
const SPEED_FULL: f64 = 2950.0;

/// How the pump's head falls with the flow, in bar per (m³/h)².
const PUMP_CURVE: f64 = 0.0011;

/// Height between the tanks, in bar.
const STATIC_BAR: f64 = 1.1;

/// Friction in the pipes with the valve open, in bar per (m³/h)².
const FRICTION: f64 = 0.0014;

/// Flow at which the pump is most efficient at full speed, in m³/h.
const BEST_FLOW: f64 = 38.0;

/// What goes wrong in the plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// Water is lost between pump and flow meter.
    Leak,
    /// Something clogs the pipe.
    Blockage,
    /// The outlet pressure sensor keeps its last value.
    SensorStuck,
}

impl Faults for Anomaly {
    const ALL: &'static [Self] = &[Anomaly::Leak, Anomaly::Blockage, Anomaly::SensorStuck];
    const NONE: &'static str = "normal";
    const PLANNED_ONSET: f64 = 0.5;

    fn label(self) -> &'static str {
        match self {
            Anomaly::Leak => "leak",
            Anomaly::Blockage => "blockage",
            Anomaly::SensorStuck => "sensor_stuck",
        }
    }
}

/// Iterator over the rows of one recording.
#[derive(Clone, Debug)]
pub struct Process {
    config: FaultConfig<Anomaly>,
    rows: u64,
    row: u64,
    noise: Noise,
    /// What the operator has set, and until when, in seconds.
    wanted: Wanted,
    speed: f64,
    valve: f64,
    inlet_temperature: f64,
    warming: f64,
    supply: f64,
    power: f64,
    stuck: Option<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    speed: f64,
    valve: f64,
    until_s: f64,
}

impl Process {
    /// Starts the simulation, in the steady state of its first set point.
    ///
    /// # Errors
    /// If rate, duration, severity or onset make no sense.
    pub fn new(config: FaultConfig<Anomaly>) -> Result<Self, SimulationError> {
        let rows = config.check()?;
        let mut noise = Noise::new(config.seed);
        let wanted = Wanted::draw(&mut noise, 0.0);
        let inlet_temperature = noise.between(14.0, 20.0);
        let mut process = Process {
            config,
            rows,
            row: 0,
            noise,
            wanted,
            speed: wanted.speed,
            valve: wanted.valve,
            inlet_temperature,
            warming: 0.0,
            supply: 0.0,
            power: 0.0,
            stuck: None,
        };
        let (flow, head) = process.operating_point(0.0, 0.0);
        process.power = process.power_kw(flow, head);
        process.warming = warming(process.power, flow);
        Ok(process)
    }

    /// Flow through the pump in m³/h and its head in bar.
    fn operating_point(&self, leak: f64, blockage: f64) -> (f64, f64) {
        let relative = self.speed / SPEED_FULL;
        let head = HEAD_BAR * relative * relative;
        let opening = self.valve / 100.0;
        // Water that is lost does not have to pass the pipe.
        let pipe = (1.0 - leak) * (1.0 - leak) * FRICTION / (opening * opening)
            + 12.0 * FRICTION * blockage;
        let flow = ((head - STATIC_BAR).max(0.0) / (PUMP_CURVE + pipe)).sqrt();
        (flow, head - PUMP_CURVE * flow * flow)
    }

    fn power_kw(&self, flow: f64, head: f64) -> f64 {
        let best = BEST_FLOW * self.speed / SPEED_FULL;
        let off_best = flow / best - 1.0;
        let efficiency = (0.72 - 0.55 * off_best * off_best).max(0.15);
        // 1 bar · 1 m³/h = 1/36 kW.
        flow * head / 36.0 / efficiency + 0.35
    }

    fn step(&mut self, time_s: f64) {
        if time_s >= self.wanted.until_s {
            self.wanted = Wanted::draw(&mut self.noise, time_s);
        }
        self.speed = self.config.lag(self.speed, self.wanted.speed, 6.0);
        self.valve = self.config.lag(self.valve, self.wanted.valve, 3.0);
        let root = (1.0 / self.config.rate_hz).sqrt();
        self.inlet_temperature = self.config.lag(self.inlet_temperature, 17.0, 7200.0);
        self.inlet_temperature += 0.01 * root * self.noise.normal();
        self.supply = self.config.lag(self.supply, 0.0, 120.0) + 0.002 * root * self.noise.normal();
    }

    fn measure(&mut self, anomaly: Option<Anomaly>) -> [f32; 9] {
        let severity = self.config.severity;
        let leak = if anomaly == Some(Anomaly::Leak) { 0.06 + 0.24 * severity } else { 0.0 };
        let blockage = if anomaly == Some(Anomaly::Blockage) { 0.1 + 0.9 * severity } else { 0.0 };
        let (flow, head) = self.operating_point(leak, blockage);
        self.power = self.config.lag(self.power, self.power_kw(flow, head), 5.0);
        self.warming = self.config.lag(self.warming, warming(self.power, flow), 45.0);
        let inlet = 1.2 - 0.0001 * flow * flow;
        // Three phases, 400 V, power factor 0.85.
        let current = self.power * 1000.0 / (1.732 * 400.0 * 0.85 * (1.0 + self.supply));
        let mut with_noise = |value: f64, size: f64| (value + size * self.noise.normal()) as f32;
        let mut values = [
            with_noise(self.speed, 2.0),
            with_noise(self.valve, 0.2),
            with_noise(inlet, 0.004),
            with_noise(inlet + head, 0.015),
            with_noise(flow * (1.0 - leak), 0.25),
            with_noise(self.inlet_temperature, 0.03),
            with_noise(self.inlet_temperature + self.warming, 0.03),
            with_noise(current, 0.08),
            with_noise(self.power, 0.03),
        ];
        if anomaly == Some(Anomaly::SensorStuck) {
            values[3] = *self.stuck.get_or_insert(values[3]);
        }
        values
    }
}

impl Wanted {
    fn draw(noise: &mut Noise, now_s: f64) -> Self {
        Wanted {
            speed: noise.between(2200.0, SPEED_FULL),
            valve: noise.between(40.0, 100.0),
            until_s: now_s + noise.between(60.0, 240.0),
        }
    }
}

/// How much warmer the water leaves: all losses heat it, at 1.163 kWh per m³ and kelvin.
fn warming(power_kw: f64, flow: f64) -> f64 {
    0.4 * power_kw / (1.163 * flow.max(1.0))
}

impl Iterator for Process {
    type Item = SimulatedSample<9>;

    fn next(&mut self) -> Option<SimulatedSample<9>> {
        if self.row == self.rows {
            return None;
        }
        let time_s = self.row as f64 / self.config.rate_hz;
        self.row += 1;
        self.step(time_s);
        let anomaly = self.config.shown(time_s);
        let values = self.measure(anomaly);
        let time_ns = (time_s * 1e9).round() as i64;
        Some(SimulatedSample { time_ns, values, label: self.config.label(time_s) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.rows - self.row) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Process {}
