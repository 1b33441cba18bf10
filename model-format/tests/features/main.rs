//! The features: catalogue, values against an independent reference, kernels against nodes,
//! invariances, lags of rows.

mod body;
mod catalogue;
mod channels;
mod invariance;
mod machine;
mod reference;
mod rows;

use model_format::pipeline::machine::{AccelerationUnit, Band, Machine, Shaft, Speed};
use model_format::pipeline::{Channel, Gap, Mismatch, Pipeline, Rate, TimeSource, Window};
use model_format::signal::bearing::{BEARING_6205, BearingGeometry};
use model_format::signal::features::{CATALOGUE, Feature, FeaturePlan, Needs, feature_named};

/// A pipeline of channels `a`, `b`, … with these features.
fn pipeline(
    channels: usize,
    length_samples: usize,
    rate_hz: Option<f64>,
    features: Vec<String>,
) -> Pipeline {
    let names = ('a'..='z').take(channels);
    let channels =
        names.map(|name| Channel { name: name.to_string(), unit: None, align: None }).collect();
    let rate = match rate_hz {
        Some(hz) => Rate::Fixed { hz, tolerance: 0.05, mismatch: Mismatch::Refuse },
        None => Rate::None,
    };
    let length_samples = length_samples as u32;
    Pipeline {
        channels,
        time: TimeSource::Event,
        lateness_ms: 0,
        rate,
        gap: Gap::default(),
        window: Window { length_samples, stride_samples: length_samples },
        machine: rate_hz.map_or_else(Machine::default, |hz| machine_for(&features, hz)),
        features,
    }
}

/// What these features read of a machine whose frequencies are shares of the rate: those that
/// `reference/features.py` has.
fn machine_for(features: &[String], rate_hz: f64) -> Machine {
    let of = |field: &str| {
        let mut needs = features.iter().filter_map(|name| feature_named(name)).map(|f| f.needs);
        needs.any(|needs| needs.machine_fields().contains(&field)).then_some(())
    };
    let band = |low: f64, high: f64| Band { low_hz: low * rate_hz, high_hz: high * rate_hz };
    let bands = [
        band(0.0, 0.05),
        band(0.05, 0.1),
        band(0.1, 0.2),
        band(0.123, 0.321),
        band(0.2, 0.3),
        band(0.3, 0.4),
        band(0.4, 0.5),
        band(0.0, 0.5),
    ];
    Machine {
        bands: of("bands").map(|()| bands.to_vec()).unwrap_or_default(),
        acceleration_unit: of("acceleration_unit").map(|()| AccelerationUnit::Gravity),
        velocity_band: of("velocity_band").map(|()| band(0.02, 0.45)),
        iso_20816_3: None,
        envelope_band: of("envelope_band").map(|()| band(0.1, 0.4)),
        envelope_spectrum: of("envelope_spectrum").map(|()| band(0.02, 0.3)),
        shaft: of("shaft").map(|()| Shaft { speed: Speed::Hz(0.08 * rate_hz), tolerance: 0.02 }),
        orders: of("orders")
            .map(|()| vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0])
            .unwrap_or_default(),
        bearing: of("bearing")
            .map(|()| BearingGeometry { contact_angle_deg: 10.0, ..BEARING_6205 }),
    }
}

/// The name of a feature of channel `channel`; one of two channels compares it with `other`.
fn name_of(feature: &Feature, channel: char, other: char) -> String {
    match feature.needs {
        Needs::Partner => format!("{channel}.{}_{other}", feature.name),
        _ => format!("{channel}.{}", feature.name),
    }
}

/// The features of one channel that windows of that many samples have.
fn available(length_samples: usize) -> impl Iterator<Item = &'static Feature> {
    let fits = move |feature: &&Feature| {
        feature.window_min_samples as usize <= length_samples && feature.needs != Needs::Partner
    };
    CATALOGUE.iter().copied().filter(fits)
}

/// All features of one window of one channel, before rounding to 32 bits, with their scales.
fn compute(window: &[f32], rate_hz: f64) -> Vec<(&'static Feature, f64, f64)> {
    let features: Vec<&Feature> = available(window.len()).collect();
    let names = features.iter().map(|feature| format!("a.{}", feature.name)).collect();
    let mut plan = FeaturePlan::new(&pipeline(1, window.len(), Some(rate_hz), names)).unwrap();
    let mut values = vec![0.0; features.len()];
    plan.compute_f64(window, &mut values);
    let scales = plan.scales(window);
    features.into_iter().zip(values).zip(scales).map(|((f, v), s)| (f, v, s)).collect()
}
