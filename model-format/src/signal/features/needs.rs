//! What a feature needs of its pipeline besides a window that is long enough, and what is said where
//! it is not there.

use super::name::FeatureError;
use crate::pipeline::Pipeline;
use crate::pipeline::machine::{AccelerationUnit, Machine, Speed};

/// What a feature needs of its pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A sampling rate.
    Rate,
    /// A rate, and the transform of the logarithms of the spectrum.
    Cepstrum,
    /// Another channel.
    Partner,
    /// The band of that index, counted from 0.
    Band(usize),
    /// The unit of accelerations, and the band of velocities.
    Velocity,
    /// The band whose envelope is taken.
    Envelope,
    /// That band, the speed of the shaft, and the bearing on it.
    Bearing(Defect),
    /// The speed of the shaft, and the order of that index, counted from 0.
    Order(usize),
}

/// Where a bearing may be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The outer race.
    OuterRace,
    /// The inner race.
    InnerRace,
    /// A ball.
    Ball,
    /// The cage.
    Cage,
}

impl Defect {
    /// All of them, in the order of the catalogue.
    pub const ALL: [Defect; 4] = [Defect::OuterRace, Defect::InnerRace, Defect::Ball, Defect::Cage];
}

/// Bins that lie between a band and its neighbours, or the mean: with fewer they cannot be told
/// apart.
const SPACING_BINS_MIN: f64 = 2.0;

impl Needs {
    /// True where a sampling rate is needed.
    pub fn rate(self) -> bool {
        !matches!(self, Needs::Nothing | Needs::Partner)
    }

    /// The fields of `machine` that are needed, or read where they are there.
    pub fn machine_fields(self) -> &'static [&'static str] {
        match self {
            Needs::Nothing | Needs::Rate | Needs::Cepstrum | Needs::Partner => &[],
            Needs::Band(_) => &["bands"],
            Needs::Velocity => &["acceleration_unit", "velocity_band", "iso_20816_3"],
            Needs::Envelope => &["envelope_band", "envelope_spectrum"],
            Needs::Bearing(_) => &["envelope_band", "shaft", "bearing"],
            Needs::Order(_) => &["shaft", "orders"],
        }
    }

    /// Checks that the pipeline, itself sound, has what the feature `name` of that channel needs besides
    /// rate and length.
    pub(super) fn check(
        self,
        name: &str,
        channel: usize,
        pipeline: &Pipeline,
    ) -> Result<(), FeatureError> {
        let met = match self {
            Needs::Nothing | Needs::Rate | Needs::Cepstrum | Needs::Partner => Ok(()),
            Needs::Band(index) => check_band(index, &pipeline.machine),
            Needs::Velocity => check_velocity(channel, pipeline),
            Needs::Envelope => check_envelope(&pipeline.machine),
            Needs::Bearing(defect) => check_bearing(defect, pipeline),
            Needs::Order(index) => check_order(index, pipeline),
        };
        let name = name.to_owned();
        met.map_err(|unmet| match unmet {
            Unmet::Untold { field, change } => FeatureError::Untold { name, field, change },
            Unmet::Unfit { problem, change } => FeatureError::Unmet { name, problem, change },
        })
    }
}

/// What is missing or does not fit, and what to change.
enum Unmet {
    Untold { field: &'static str, change: &'static str },
    Unfit { problem: String, change: String },
}

fn untold<T>(field: &'static str, change: &'static str) -> Result<T, Unmet> {
    Err(Unmet::Untold { field, change })
}

fn check_band(index: usize, machine: &Machine) -> Result<(), Unmet> {
    match machine.bands.len() {
        0 => untold("bands", "give lowest and highest frequency of each band in Hz"),
        count if index < count => Ok(()),
        count => Err(Unmet::Unfit {
            problem: format!(
                "needs the band number {} of `machine.bands`, and there are {count}",
                index + 1
            ),
            change: "add the band, as lowest and highest frequency in Hz".to_owned(),
        }),
    }
}

fn check_velocity(channel: usize, pipeline: &Pipeline) -> Result<(), Unmet> {
    let machine = &pipeline.machine;
    let Some(unit) = machine.acceleration_unit else {
        return untold("acceleration_unit", "say whether accelerations are in g or m/s2");
    };
    if machine.velocity_band.is_none() {
        return untold(
            "velocity_band",
            "give lowest and highest frequency in Hz, such as 10 to 1000",
        );
    }
    let Some(text) = pipeline.channels[channel].unit.as_deref() else { return Ok(()) };
    match AccelerationUnit::named(text) {
        Some(own) if own == unit => Ok(()),
        Some(_) => Err(Unmet::Unfit {
            problem: format!(
                "takes accelerations in {}, and the channel's unit is {text}",
                unit.name()
            ),
            change: "correct `machine.acceleration_unit`".to_owned(),
        }),
        None => Err(Unmet::Unfit {
            problem: format!("takes accelerations, and the channel's unit is {text}"),
            change: "choose another channel, or convert this one to g or m/s2".to_owned(),
        }),
    }
}

fn check_envelope(machine: &Machine) -> Result<(), Unmet> {
    if machine.envelope_band.is_some() {
        return Ok(());
    }
    let change = "give lowest and highest frequency in Hz of a resonance that impacts excite";
    untold("envelope_band", change)
}

fn check_bearing(defect: Defect, pipeline: &Pipeline) -> Result<(), Unmet> {
    let machine = &pipeline.machine;
    check_envelope(machine)?;
    if machine.shaft.is_none() {
        return untold("shaft", "give the speed of the shaft");
    }
    let Some(order) = super::basis::defect_order(machine, defect) else {
        let change = "give balls, ball diameter, pitch diameter and contact angle";
        return untold("bearing", change);
    };
    check_tracked(order, order, pipeline)
}

fn check_order(index: usize, pipeline: &Pipeline) -> Result<(), Unmet> {
    let machine = &pipeline.machine;
    if machine.shaft.is_none() {
        return untold("shaft", "give the speed of the shaft");
    }
    let count = machine.orders.len();
    if count == 0 {
        return untold("orders", "give orders in turns of the shaft, such as 1 and 2");
    }
    let Some(&order) = machine.orders.get(index) else {
        return Err(Unmet::Unfit {
            problem: format!(
                "needs the order number {} of `machine.orders`, and there are {count}",
                index + 1
            ),
            change: "add the order, in turns of the shaft".to_owned(),
        });
    };
    check_tracked(order, 1.0, pipeline)
}

/// Whether a window shows the multiple `order` of a constant speed, with neighbours `spacing`
/// multiples away. What a measured speed will be, nobody knows beforehand.
fn check_tracked(order: f64, spacing: f64, pipeline: &Pipeline) -> Result<(), Unmet> {
    let (Some(rate_hz), Some(shaft_hz)) =
        (pipeline.rate.hz(), pipeline.machine.shaft.as_ref().and_then(|s| s.speed.constant_hz()))
    else {
        return Ok(());
    };
    let hz = order * shaft_hz;
    if hz > rate_hz / 2.0 {
        return Err(Unmet::Unfit {
            problem: format!(
                "looks at {hz:.2} Hz ({order:.4} turns of the shaft at {shaft_hz:.2} Hz), and a rate of \
                 {rate_hz} Hz shows nothing above {} Hz",
                rate_hz / 2.0
            ),
            change: "correct `machine.shaft`, or measure faster".to_owned(),
        });
    }
    let spacing_hz = order.min(spacing) * shaft_hz;
    let window_samples = pipeline.window.length_samples;
    let bin_hz = rate_hz / f64::from(window_samples);
    if spacing_hz < SPACING_BINS_MIN * bin_hz {
        let needed = (SPACING_BINS_MIN * rate_hz / spacing_hz).ceil();
        return Err(Unmet::Unfit {
            problem: format!(
                "tells frequencies {spacing_hz:.2} Hz apart, and windows of {window_samples} samples \
                 only those {:.2} Hz apart",
                SPACING_BINS_MIN * bin_hz
            ),
            change: format!("lengthen the windows to {needed} samples"),
        });
    }
    Ok(())
}

/// The first part of the machine that is given and that no feature reads.
pub(super) fn unread(
    needs: impl Iterator<Item = Needs> + Clone,
    machine: &Machine,
) -> Option<&'static str> {
    let given = [
        ("bands", machine.bands.is_empty()),
        ("acceleration_unit", machine.acceleration_unit.is_none()),
        ("velocity_band", machine.velocity_band.is_none()),
        ("iso_20816_3", machine.iso_20816_3.is_none()),
        ("envelope_band", machine.envelope_band.is_none()),
        ("envelope_spectrum", machine.envelope_spectrum.is_none()),
        ("shaft", machine.shaft.is_none()),
        ("orders", machine.orders.is_empty()),
        ("bearing", machine.bearing.is_none()),
    ];
    let read = |field: &str| needs.clone().any(|needs| needs.machine_fields().contains(&field));
    let (field, _) = given.into_iter().find(|(field, absent)| !absent && !read(field))?;
    Some(field)
}

/// The index of the channel that measures the speed.
pub(super) fn speed_channel(pipeline: &Pipeline) -> Option<usize> {
    let name =
        pipeline.machine.shaft.as_ref().map(|shaft| &shaft.speed).and_then(Speed::channel)?;
    pipeline.channels.iter().position(|channel| channel.name == name)
}
