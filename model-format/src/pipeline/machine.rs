//! What is known of the machine behind the signals: bands, speed, bearing; for the features that
//! describe vibration.
//!
//! A pipeline holds it where a feature needs it, so that trainer and device compute the same.

use serde::{Deserialize, Serialize};

use crate::signal::bearing::BearingGeometry;

/// Bands that may be named.
pub const BANDS_MAX: usize = 8;
/// Orders that may be named.
pub const ORDERS_MAX: usize = 8;
/// The highest order.
pub const ORDER_MAX: f64 = 1000.0;
/// Balls of a bearing.
pub const BALLS_MAX: u32 = 1000;
/// The largest diameter in a bearing.
pub const DIAMETER_MM_MAX: f64 = 100_000.0;
/// The largest share by which the speed may be off.
pub const SPEED_TOLERANCE_MAX: f64 = 0.1;
/// The share by which the speed may be off, where nothing else is said.
pub const SPEED_TOLERANCE: f64 = 0.02;

/// What is known of the machine; empty where no feature needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    /// The bands of `band_rms_1` to `band_rms_8`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// The unit in which accelerations are measured, for `velocity_rms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acceleration_unit: Option<AccelerationUnit>,
    /// The band of `velocity_rms`; ISO 20816 takes 10 to 1000 Hz, and from 2 Hz below 600 rpm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub velocity_band: Option<Band>,
    /// By which zones of ISO 20816-3 `velocity_rms` is told to people. It changes no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso_20816_3: Option<MachineClass>,
    /// The band whose envelope is taken: around a resonance that impacts excite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_band: Option<Band>,
    /// The part of the envelope's spectrum that `envelope_rms`, `envelope_peak` and
    /// `envelope_peak_frequency` look at; all of it where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_spectrum: Option<Band>,
    /// How fast the shaft turns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaft: Option<Shaft>,
    /// The orders of `order_power_1` to `order_power_8`, in turns of the shaft.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<f64>,
    /// The bearing on that shaft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearing: Option<BearingGeometry>,
}

/// A field of [`Machine`], for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineField {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// What it takes.
    pub accepts: &'static str,
}

/// The fields of [`Machine`].
pub const MACHINE_FIELDS: [MachineField; 9] = [
    MachineField {
        name: "bands",
        doc: "The bands of band_rms_1 to band_rms_8.",
        accepts: "up to 8 bands in Hz, at most to half the rate, at least a window's inverse wide",
    },
    MachineField {
        name: "acceleration_unit",
        doc: "The unit in which accelerations are measured.",
        accepts: "g or m/s2; otherwise the channels' own",
    },
    MachineField {
        name: "velocity_band",
        doc: "The band in which accelerations are integrated to velocities.",
        accepts: "a band in Hz; otherwise 10 to 1000 Hz as in ISO 20816, as far as the rate shows it",
    },
    MachineField {
        name: "iso_20816_3",
        doc: "Which zones of ISO 20816-3 velocities are told by. It changes no number.",
        accepts: "group large (above 300 kW) or medium (15 to 300 kW), support rigid or flexible",
    },
    MachineField {
        name: "envelope_band",
        doc: "The band whose envelope is taken: around a resonance that impacts excite.",
        accepts: "a band in Hz; otherwise from an eighth of the rate to half of it",
    },
    MachineField {
        name: "envelope_spectrum",
        doc: "The part of the envelope's spectrum that envelope_rms, envelope_peak and \
              envelope_peak_frequency look at.",
        accepts: "a band in Hz; otherwise all of it",
    },
    MachineField {
        name: "shaft",
        doc: "How fast the shaft turns, and by which share the bands around its multiples reach to \
              either side.",
        accepts: "a speed in Hz or rpm, or the input channel that measures it; a share of 0 to 0.1, \
                  otherwise 0.02",
    },
    MachineField {
        name: "orders",
        doc: "The orders of order_power_1 to order_power_8, in turns of the shaft.",
        accepts: "up to 8 numbers above 0; otherwise 1, 2 and 3",
    },
    MachineField {
        name: "bearing",
        doc: "The geometry of the bearing on that shaft, with the outer race at rest.",
        accepts: "number of balls, ball and pitch diameter in mm, contact angle in degrees",
    },
];

/// Frequencies from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// The lowest frequency, in hertz.
    pub low_hz: f64,
    /// The highest frequency, in hertz; at most half the sampling rate.
    pub high_hz: f64,
}

/// The unit of an acceleration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AccelerationUnit {
    /// Standard gravity, 9.80665 m/s².
    #[serde(rename = "g")]
    Gravity,
    /// Metres per second squared.
    #[serde(rename = "m/s2")]
    MetrePerSecondSquared,
}

impl AccelerationUnit {
    /// Metres per second squared in one unit.
    pub fn metres_per_second_squared(self) -> f64 {
        match self {
            AccelerationUnit::Gravity => 9.80665,
            AccelerationUnit::MetrePerSecondSquared => 1.0,
        }
    }

    /// The unit that a channel's text means, if it is one of these.
    pub fn named(text: &str) -> Option<Self> {
        match text.trim() {
            "g" | "G" | "gn" | "[g]" | "g0" => Some(AccelerationUnit::Gravity),
            "m/s2" | "m/s²" | "m/s^2" | "m/s**2" | "m.s-2" | "m·s⁻²" => {
                Some(AccelerationUnit::MetrePerSecondSquared)
            }
            _ => None,
        }
    }

    /// The unit as text.
    pub fn name(self) -> &'static str {
        match self {
            AccelerationUnit::Gravity => "g",
            AccelerationUnit::MetrePerSecondSquared => "m/s2",
        }
    }
}

/// How fast the shaft turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Shaft {
    /// The speed, or the channel that measures it.
    pub speed: Speed,
    /// By which share of a frequency the bands around it reach to either side, at least to the
    /// neighbouring bin: speeds wander and balls slip.
    #[serde(default = "speed_tolerance")]
    pub tolerance: f64,
}

/// A speed, or the channel that measures it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// Turns per second.
    Hz(f64),
    /// Turns per minute.
    Rpm(f64),
    /// The input channel whose mean over a window is the speed, in turns per second.
    ChannelHz(String),
    /// The input channel whose mean over a window is the speed, in turns per minute.
    ChannelRpm(String),
}

impl Speed {
    /// Turns per second, where the speed is constant.
    pub fn constant_hz(&self) -> Option<f64> {
        match self {
            Speed::Hz(hz) => Some(*hz),
            Speed::Rpm(rpm) => Some(rpm / 60.0),
            Speed::ChannelHz(_) | Speed::ChannelRpm(_) => None,
        }
    }

    /// The channel that measures it.
    pub fn channel(&self) -> Option<&str> {
        match self {
            Speed::Hz(_) | Speed::Rpm(_) => None,
            Speed::ChannelHz(name) | Speed::ChannelRpm(name) => Some(name),
        }
    }

    /// Turns per second in one unit of the channel.
    pub(crate) fn channel_unit_hz(&self) -> f64 {
        if matches!(self, Speed::ChannelRpm(_)) { 1.0 / 60.0 } else { 1.0 }
    }
}

/// What ISO 20816-3 tells machines apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MachineClass {
    /// The size of the machine.
    pub group: MachineGroup,
    /// What it stands on.
    pub support: Support,
}

/// The size of a machine, as in ISO 20816-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MachineGroup {
    /// Group 1: above 300 kW, or an electrical machine with a shaft height from 315 mm on.
    Large,
    /// Group 2: above 15 kW up to 300 kW, or a shaft height from 160 mm to below 315 mm.
    Medium,
}

/// What a machine stands on, as in ISO 20816-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// The lowest natural frequency of machine and support lies well above the speed.
    Rigid,
    /// Anything else.
    Flexible,
}

impl MachineClass {
    /// The limits between zones A and B, B and C, C and D, in mm/s RMS (ISO 20816-3, annex A).
    pub fn zone_limits_mm_s(self) -> [f64; 3] {
        match (self.group, self.support) {
            (MachineGroup::Large, Support::Rigid) => [2.3, 4.5, 7.1],
            (MachineGroup::Large, Support::Flexible) => [3.5, 7.1, 11.0],
            (MachineGroup::Medium, Support::Rigid) => [1.4, 2.8, 4.5],
            (MachineGroup::Medium, Support::Flexible) => [2.3, 4.5, 7.1],
        }
    }

    /// The zone of a velocity: A is new, B may run for long, C not for long, D does damage.
    pub fn zone(self, velocity_mm_s: f64) -> char {
        let above = self.zone_limits_mm_s().into_iter().filter(|&limit| velocity_mm_s > limit);
        ['A', 'B', 'C', 'D'][above.count()]
    }
}

impl Machine {
    /// True where nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Machine::default()
    }
}

fn speed_tolerance() -> f64 {
    SPEED_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_explained() {
        let json = serde_json::json!({
            "bands": [{"low_hz": 0.0, "high_hz": 1.0}],
            "acceleration_unit": "g",
            "velocity_band": {"low_hz": 1.0, "high_hz": 2.0},
            "iso_20816_3": {"group": "large", "support": "flexible"},
            "envelope_band": {"low_hz": 1.0, "high_hz": 2.0},
            "envelope_spectrum": {"low_hz": 1.0, "high_hz": 2.0},
            "shaft": {"speed": {"hz": 1.0}},
            "orders": [1.0],
            "bearing": {"balls": 9, "ball_diameter_mm": 1.0, "pitch_diameter_mm": 2.0},
        });
        let machine: Machine = serde_json::from_value(json).unwrap();
        let written = serde_json::to_value(machine).unwrap();
        let mut explained = MACHINE_FIELDS.map(|field| field.name);
        explained.sort_unstable();
        assert!(written.as_object().unwrap().keys().eq(explained));
    }

    #[test]
    fn zones_begin_above_their_limits() {
        let class = MachineClass { group: MachineGroup::Medium, support: Support::Rigid };
        let zones = [1.4, 1.41, 2.8, 2.81, 4.5, 4.51].map(|velocity| class.zone(velocity));
        assert_eq!(zones, ['A', 'B', 'B', 'C', 'C', 'D']);
        for group in [MachineGroup::Large, MachineGroup::Medium] {
            let [rigid, flexible] = [Support::Rigid, Support::Flexible]
                .map(|support| MachineClass { group, support }.zone_limits_mm_s());
            assert!(rigid.is_sorted() && rigid.iter().zip(flexible).all(|(r, f)| *r < f));
        }
    }
}
