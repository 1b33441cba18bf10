//! What is known of the machine: what is proposed where a feature needs it, and what velocities mean by
//! the standard.

use learn::table::Table;
use model_format::pipeline::Pipeline;
use model_format::pipeline::machine::{AccelerationUnit, Band, MachineGroup, Support};
use model_format::signal::features::{Feature, FeatureError};

use super::TrainError;

/// The band in which ISO 20816 measures velocities.
const VELOCITY_BAND_HZ: [f64; 2] = [10.0, 1000.0];

/// Fills in what these features read of the machine and nobody said, as far as it can be known, and
/// tells it.
pub(super) fn propose(features: &[&Feature], pipeline: &mut Pipeline, notes: &mut Vec<String>) {
    let reads = |field: &str| {
        features.iter().any(|feature| feature.needs.machine_fields().contains(&field))
    };
    let Some(rate_hz) = pipeline.rate.hz() else { return };
    let speed = speed_channel(pipeline).map(str::to_owned);
    let machine = &mut pipeline.machine;
    if reads("acceleration_unit") && machine.acceleration_unit.is_none() {
        let channels = pipeline.channels.iter().filter(|c| Some(&c.name) != speed.as_ref());
        let units = channels.filter_map(|c| AccelerationUnit::named(c.unit.as_deref()?));
        let units: Vec<AccelerationUnit> = units.collect();
        if let Some(unit) = units.first().filter(|unit| units.iter().all(|other| other == *unit)) {
            machine.acceleration_unit = Some(*unit);
            notes.push(format!(
                "accelerations in {}: the unit of the channels (--acceleration-unit to change)",
                unit.name()
            ));
        }
    }
    if reads("velocity_band") && machine.velocity_band.is_none() {
        let [low_hz, most_hz] = VELOCITY_BAND_HZ;
        let high_hz = most_hz.min(rate_hz / 2.0);
        if low_hz < high_hz {
            machine.velocity_band = Some(Band { low_hz, high_hz });
            notes.push(format!(
                "velocities from {low_hz} to {high_hz} Hz: as in ISO 20816, as far as the rate shows it \
                 (--velocity-band to change)"
            ));
        }
    }
    if reads("envelope_band") && machine.envelope_band.is_none() {
        let band = Band { low_hz: rate_hz / 8.0, high_hz: rate_hz / 2.0 };
        machine.envelope_band = Some(band);
        notes.push(format!(
            "envelope from {} to {} Hz: where the resonances of most sensors' mounts and housings lie; \
             better around one that you know (--envelope-band to change)",
            band.low_hz, band.high_hz
        ));
    }
    if reads("orders") && machine.orders.is_empty() {
        machine.orders = vec![1.0, 2.0, 3.0];
        notes.push(
            "orders 1, 2 and 3: imbalance, misalignment, looseness (--orders to change)".into(),
        );
    }
}

/// The channel that measures the speed of the shaft.
pub(super) fn speed_channel(pipeline: &Pipeline) -> Option<&str> {
    pipeline.machine.shaft.as_ref()?.speed.channel()
}

/// A refusal that names the option by which what is missing is given.
pub(super) fn with_option(error: FeatureError) -> TrainError {
    let option = match &error {
        FeatureError::Untold { field, .. } => match *field {
            "bands" => "--band",
            "acceleration_unit" => "--acceleration-unit",
            "velocity_band" => "--velocity-band",
            "envelope_band" => "--envelope-band",
            "shaft" => "--shaft",
            "orders" => "--orders",
            "bearing" => "--bearing",
            _ => return error.into(),
        },
        _ => return error.into(),
    };
    TrainError::Untold { error, option }
}

/// What the velocities of the training windows mean by ISO 20816-3, where the machine's class is known.
pub(super) fn zones(pipeline: &Pipeline, train: &Table) -> Vec<String> {
    let Some(class) = pipeline.machine.iso_20816_3 else { return Vec::new() };
    let group = match class.group {
        MachineGroup::Large => "a large machine (group 1)",
        MachineGroup::Medium => "a medium machine (group 2)",
    };
    let support = match class.support {
        Support::Rigid => "rigid",
        Support::Flexible => "flexible",
    };
    let [a, b, c] = class.zone_limits_mm_s();
    let mut notes = Vec::new();
    for (column, name) in train.columns.iter().enumerate() {
        if !name.ends_with(".velocity_rms") || train.rows == 0 {
            continue;
        }
        let mut velocities: Vec<f32> = (0..train.rows).map(|row| train.row(row)[column]).collect();
        velocities.sort_by(f32::total_cmp);
        let [median, largest] = [velocities[train.rows / 2], velocities[train.rows - 1]];
        let zone = |velocity: f32| class.zone(velocity.into());
        notes.push(format!(
            "{name}: {median:.2} mm/s in the median training window, zone {}, and {largest:.2} mm/s at \
             most, zone {}, by ISO 20816-3 for {group} on a {support} support (A to {a}, B to {b}, C to \
             {c} mm/s)",
            zone(median),
            zone(largest)
        ));
    }
    notes
}
