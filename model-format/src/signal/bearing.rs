//! How often the parts of a rolling bearing meet a defect, from its geometry.
//!
//! With `n` balls of diameter `d` on a circle of diameter `D`, at the contact angle `φ` and with the
//! outer race at rest, and `r = d/D · cos φ` (Randall, *Vibration-based Condition Monitoring*, 2.2.3),
//! events per revolution of the shaft are:
//!
//! | defect | order |
//! |---|---|
//! | outer race (BPFO) | `n/2 · (1 − r)` |
//! | inner race (BPFI) | `n/2 · (1 + r)` |
//! | ball (BSF, a turn of the ball; it meets both races) | `D/(2d) · (1 − r²)` |
//! | cage (FTF) | `1/2 · (1 − r)` |

use serde::{Deserialize, Serialize};

/// Geometry of a rolling bearing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BearingGeometry {
    /// How many balls.
    pub balls: u32,
    /// Their diameter, in millimetres.
    pub ball_diameter_mm: f64,
    /// Diameter of the circle on which their centres lie, in millimetres.
    pub pitch_diameter_mm: f64,
    /// Contact angle, in degrees.
    #[serde(default)]
    pub contact_angle_deg: f64,
}

/// A deep groove ball bearing 6205, as on the drive end of many small motors.
pub const BEARING_6205: BearingGeometry = BearingGeometry {
    balls: 9,
    ball_diameter_mm: 7.94,
    pitch_diameter_mm: 39.04,
    contact_angle_deg: 0.0,
};

impl BearingGeometry {
    fn ratio(&self) -> f64 {
        let angle = self.contact_angle_deg.to_radians();
        self.ball_diameter_mm / self.pitch_diameter_mm * libm::cos(angle)
    }

    /// Balls that pass a point of the outer race, per revolution.
    pub fn outer_race_order(&self) -> f64 {
        f64::from(self.balls) / 2.0 * (1.0 - self.ratio())
    }

    /// Balls that pass a point of the inner race, per revolution.
    pub fn inner_race_order(&self) -> f64 {
        f64::from(self.balls) / 2.0 * (1.0 + self.ratio())
    }

    /// Turns of a ball, per revolution.
    pub fn ball_order(&self) -> f64 {
        let ratio = self.ratio();
        self.pitch_diameter_mm / (2.0 * self.ball_diameter_mm) * (1.0 - ratio * ratio)
    }

    /// Turns of the cage, per revolution.
    pub fn cage_order(&self) -> f64 {
        (1.0 - self.ratio()) / 2.0
    }
}
