//! A furnace of three zones: temperatures that follow a programme, heaters that follow them, and
//! thermocouples that drift.
//!
//! Each zone loses heat to the room and to its neighbours and is held by a controller that sees the
//! thermocouple, not the zone: where one reads too little, the zone gets too hot, and so does the
//! load, whose temperature is the target. Healthy thermocouples drift as well, by half a kelvin an
//! hour.

use super::fault::{FaultConfig, Faults};
use super::noise::Noise;
use super::{SimulatedChannel, SimulatedSample, SimulationError};

/// The channels; the last one is the target.
pub const CHANNELS: [SimulatedChannel; 8] = [
    SimulatedChannel { name: "setpoint", unit: "Cel", is_target: false },
    SimulatedChannel { name: "zone_1", unit: "Cel", is_target: false },
    SimulatedChannel { name: "zone_2", unit: "Cel", is_target: false },
    SimulatedChannel { name: "zone_3", unit: "Cel", is_target: false },
    SimulatedChannel { name: "power_1", unit: "%", is_target: false },
    SimulatedChannel { name: "power_2", unit: "%", is_target: false },
    SimulatedChannel { name: "power_3", unit: "%", is_target: false },
    SimulatedChannel { name: "load_temperature", unit: "Cel", is_target: true },
];

/// The usual sampling rate, in hertz.
pub const RATE_HZ: f64 = 1.0;

/// Drift of a healthy thermocouple, in kelvin per hour.
const DRIFT_K_H: f64 = 0.5;

/// Temperature that full power would reach, above the room's, and how fast, in seconds.
const REACH_K: f64 = 1300.0;
const ZONE_LAG_S: f64 = 900.0;

/// How fast neighbours even out, and the load follows, in seconds.
const NEIGHBOUR_LAG_S: f64 = 3000.0;
const LOAD_LAG_S: f64 = 600.0;

/// What is wrong with the furnace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FurnaceFault {
    /// The thermocouple of the second zone reads less and less.
    SensorDrift,
    /// Heating elements of the third zone have burnt through.
    HeaterFailure,
    /// The door at the first zone does not close.
    DoorLeak,
}

impl Faults for FurnaceFault {
    const ALL: &'static [Self] =
        &[FurnaceFault::SensorDrift, FurnaceFault::HeaterFailure, FurnaceFault::DoorLeak];
    const NONE: &'static str = "normal";
    const PLANNED_ONSET: f64 = 0.5;

    fn label(self) -> &'static str {
        match self {
            FurnaceFault::SensorDrift => "sensor_drift",
            FurnaceFault::HeaterFailure => "heater_failure",
            FurnaceFault::DoorLeak => "door_leak",
        }
    }
}

/// Iterator over the rows of one recording.
#[derive(Clone, Debug)]
pub struct Furnace {
    config: FaultConfig<FurnaceFault>,
    rows: u64,
    row: u64,
    noise: Noise,
    room: f64,
    /// What the programme wants, and until when.
    wanted: f64,
    wanted_until_s: f64,
    setpoint: f64,
    zones: [f64; 3],
    /// What the thermocouples read too much, and how fast that grows, in kelvin per hour.
    offsets: [f64; 3],
    drifts: [f64; 3],
    /// What the controllers have summed up, in per cent.
    sums: [f64; 3],
    load: f64,
}

impl Furnace {
    /// Starts the simulation, with all zones at the first temperature of the programme.
    ///
    /// # Errors
    /// If rate, duration, severity or onset make no sense.
    pub fn new(config: FaultConfig<FurnaceFault>) -> Result<Self, SimulationError> {
        let rows = config.check()?;
        let mut noise = Noise::new(config.seed);
        let room = noise.between(18.0, 30.0);
        let wanted = noise.between(650.0, 850.0);
        let drifts = [(); 3].map(|()| DRIFT_K_H * noise.between(-1.0, 1.0));
        let held = 100.0 * (wanted - room) / REACH_K;
        Ok(Furnace {
            config,
            rows,
            row: 0,
            noise,
            room,
            wanted,
            wanted_until_s: 600.0,
            setpoint: wanted,
            zones: [wanted; 3],
            offsets: [0.0; 3],
            drifts,
            sums: [held; 3],
            load: wanted,
        })
    }

    fn step(&mut self, time_s: f64) -> [f32; 8] {
        let step_s = 1.0 / self.config.rate_hz;
        if time_s >= self.wanted_until_s {
            self.wanted = self.noise.between(650.0, 850.0);
            self.wanted_until_s = time_s + self.noise.between(600.0, 1500.0);
        }
        // The programme goes to what it wants at 6 K a minute.
        let ramp = 0.1 * step_s;
        self.setpoint += (self.wanted - self.setpoint).clamp(-ramp, ramp);
        let (fault, severity) = (self.config.shown(time_s), self.config.severity);
        let of = |which: FurnaceFault, least: f64, more: f64| {
            if fault == Some(which) { least + more * severity } else { 0.0 }
        };
        let drifting = of(FurnaceFault::SensorDrift, 10.0, 30.0);
        let broken = of(FurnaceFault::HeaterFailure, 0.2, 0.3);
        let open = of(FurnaceFault::DoorLeak, 0.1, 0.3);
        let mut powers = [0.0; 3];
        let before = self.zones;
        for zone in 0..3 {
            let drift = self.drifts[zone] - if zone == 1 { drifting } else { 0.0 };
            self.offsets[zone] += drift * step_s / 3600.0;
            let error = self.setpoint - (self.zones[zone] + self.offsets[zone]);
            self.sums[zone] = (self.sums[zone] + 0.004 * error * step_s).clamp(0.0, 100.0);
            powers[zone] = (self.sums[zone] + 1.5 * error).clamp(0.0, 100.0);
            let heat = powers[zone] / 100.0 * if zone == 2 { 1.0 - broken } else { 1.0 };
            let loss = if zone == 0 { 1.0 + open } else { 1.0 };
            let own = (REACH_K * heat - loss * (before[zone] - self.room)) / ZONE_LAG_S;
            let beside = [zone.checked_sub(1), Some(zone + 1).filter(|other| *other < 3)];
            let even = beside.into_iter().flatten().map(|other| before[other] - before[zone]);
            let even = even.sum::<f64>() / NEIGHBOUR_LAG_S;
            self.zones[zone] += (own + even) * step_s;
        }
        let mean = self.zones.iter().sum::<f64>() / 3.0;
        self.load = self.config.lag(self.load, mean, LOAD_LAG_S);
        let mut with_noise = |value: f64, size: f64| (value + size * self.noise.normal()) as f32;
        let [a, b, c] = self.zones;
        let [da, db, dc] = self.offsets;
        [
            self.setpoint as f32,
            with_noise(a + da, 0.3),
            with_noise(b + db, 0.3),
            with_noise(c + dc, 0.3),
            with_noise(powers[0], 0.2),
            with_noise(powers[1], 0.2),
            with_noise(powers[2], 0.2),
            with_noise(self.load, 0.3),
        ]
    }
}

impl Iterator for Furnace {
    type Item = SimulatedSample<8>;

    fn next(&mut self) -> Option<SimulatedSample<8>> {
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
