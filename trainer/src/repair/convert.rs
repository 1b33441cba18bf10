//! The step `convert`: a channel in another unit.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::channel;
use super::{Each, Notes, StepError, refused};
use crate::nearest::{hint, nearest};
use crate::recording::Recording;

/// Gives the values of a channel in another unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairConvert)]
pub(crate) struct Convert {
    /// Name of the channel.
    channel: String,
    /// The unit that it has; the recorded one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The unit that it shall have.
    to: String,
}

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Acceleration,
    Angle,
    Current,
    Force,
    Length,
    Power,
    Pressure,
    Rotation,
    Share,
    Speed,
    Temperature,
    Time,
    Voltage,
    Volume,
}

/// A unit by its spellings: value in the quantity's base unit = factor × value + offset.
struct Unit {
    names: &'static [&'static str],
    quantity: Quantity,
    factor: f64,
    offset: f64,
}

const fn unit(names: &'static [&'static str], quantity: Quantity, factor: f64) -> Unit {
    Unit { names, quantity, factor, offset: 0.0 }
}

/// The factors are those of NIST SP 811, appendix B, exact where they are by definition.
const UNITS: &[Unit] = &[
    unit(&["m/s2", "m/s²", "m/s^2"], Quantity::Acceleration, 1.0),
    unit(&["mm/s2", "mm/s²", "mm/s^2"], Quantity::Acceleration, 1e-3),
    unit(&["g"], Quantity::Acceleration, 9.806_65),
    unit(&["mg"], Quantity::Acceleration, 9.806_65e-3),
    unit(&["rad"], Quantity::Angle, 1.0),
    unit(&["deg", "°"], Quantity::Angle, std::f64::consts::PI / 180.0),
    unit(&["A"], Quantity::Current, 1.0),
    unit(&["mA"], Quantity::Current, 1e-3),
    unit(&["N"], Quantity::Force, 1.0),
    unit(&["kN"], Quantity::Force, 1e3),
    unit(&["lbf"], Quantity::Force, 4.448_221_615_260_5),
    unit(&["m"], Quantity::Length, 1.0),
    unit(&["cm"], Quantity::Length, 1e-2),
    unit(&["mm"], Quantity::Length, 1e-3),
    unit(&["um", "µm", "μm"], Quantity::Length, 1e-6),
    unit(&["in"], Quantity::Length, 0.0254),
    unit(&["W"], Quantity::Power, 1.0),
    unit(&["kW"], Quantity::Power, 1e3),
    unit(&["MW"], Quantity::Power, 1e6),
    unit(&["Pa"], Quantity::Pressure, 1.0),
    unit(&["hPa", "mbar"], Quantity::Pressure, 1e2),
    unit(&["kPa"], Quantity::Pressure, 1e3),
    unit(&["MPa"], Quantity::Pressure, 1e6),
    unit(&["bar"], Quantity::Pressure, 1e5),
    unit(&["psi"], Quantity::Pressure, 6_894.757_293_168_361),
    unit(&["Hz", "1/s"], Quantity::Rotation, 1.0),
    unit(&["rpm", "1/min"], Quantity::Rotation, 1.0 / 60.0),
    unit(&["rad/s"], Quantity::Rotation, 0.5 / std::f64::consts::PI),
    unit(&["deg/s", "°/s", "dps"], Quantity::Rotation, 1.0 / 360.0),
    unit(&["1"], Quantity::Share, 1.0),
    unit(&["%"], Quantity::Share, 1e-2),
    unit(&["m/s"], Quantity::Speed, 1.0),
    unit(&["mm/s"], Quantity::Speed, 1e-3),
    unit(&["km/h"], Quantity::Speed, 1.0 / 3.6),
    unit(&["in/s"], Quantity::Speed, 0.0254),
    unit(&["K"], Quantity::Temperature, 1.0),
    Unit { offset: 273.15, ..unit(&["°C", "C", "Cel", "degC"], Quantity::Temperature, 1.0) },
    Unit { offset: 459.67 / 1.8, ..unit(&["°F", "F", "degF"], Quantity::Temperature, 1.0 / 1.8) },
    unit(&["s"], Quantity::Time, 1.0),
    unit(&["ms"], Quantity::Time, 1e-3),
    unit(&["us", "µs", "μs"], Quantity::Time, 1e-6),
    unit(&["min"], Quantity::Time, 60.0),
    unit(&["h"], Quantity::Time, 3600.0),
    unit(&["V"], Quantity::Voltage, 1.0),
    unit(&["mV"], Quantity::Voltage, 1e-3),
    unit(&["kV"], Quantity::Voltage, 1e3),
    unit(&["m3", "m³"], Quantity::Volume, 1.0),
    unit(&["l", "L"], Quantity::Volume, 1e-3),
];

impl Each for Convert {
    fn apply(&self, mut recording: Recording, _: &mut Notes) -> Result<Recording, StepError> {
        let place = channel(&recording, "channel", &self.channel)?;
        let recorded = recording.channels[place].unit.as_deref();
        let from = match (self.from.as_deref(), recorded) {
            (None, None) => {
                let reason = format!("no unit is known of {:?}: say which it has", self.channel);
                return refused("from", reason);
            }
            (Some(said), Some(known)) if !same(said, known) => {
                let reason =
                    format!("{:?} is recorded in {known:?}, not in {said:?}", self.channel);
                return refused("from", reason);
            }
            (Some(said), _) => known_unit("from", said)?,
            (None, Some(known)) => known_unit("from", known)?,
        };
        let to = known_unit("to", &self.to)?;
        if from.quantity != to.quantity {
            let reason = format!(
                "{:?} measures {:?}, {:?} is in a unit of {:?}",
                self.to, to.quantity, self.channel, from.quantity
            );
            return refused("to", reason.to_lowercase());
        }
        let factor = from.factor / to.factor;
        let offset = (from.offset - to.offset) / to.factor;
        let channel = &mut recording.channels[place];
        for value in &mut channel.values {
            *value = f64::from(*value).mul_add(factor, offset) as f32;
        }
        channel.unit = Some(self.to.clone());
        Ok(recording)
    }
}

fn find(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.names.contains(&name))
}

/// Whether these are two spellings of one unit.
fn same(a: &str, b: &str) -> bool {
    a == b || UNITS.iter().any(|unit| unit.names.contains(&a) && unit.names.contains(&b))
}

fn known_unit(field: &'static str, name: &str) -> Result<&'static Unit, StepError> {
    find(name).map_or_else(
        || {
            let known = UNITS.iter().map(|unit| unit.names[0]);
            refused(
                field,
                format!("{name:?} is no unit that is known{}", hint(&nearest(name, known))),
            )
        },
        Ok,
    )
}
