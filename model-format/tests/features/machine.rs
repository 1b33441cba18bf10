//! Features that need to know the machine: what is refused, and that faults show where they should.

use std::collections::BTreeMap;

use model_format::pipeline::Pipeline;
use model_format::pipeline::machine::{AccelerationUnit, Band, Machine, Shaft, Speed};
use model_format::signal::bearing::BEARING_6205;
use model_format::signal::features::{
    FeatureError, FeaturePlan, check_machine_is_read, window_features_function,
};
use model_format::signal::simulate::vibration::{Fault, RATE_HZ, Vibration, VibrationConfig};

use super::pipeline;

/// A pipeline at 1000 Hz with windows of 500 samples, in which `change` spoils the machine.
fn refusal(feature: &str, change: impl FnOnce(&mut Pipeline)) -> String {
    let mut pipeline = pipeline(2, 500, Some(1000.0), vec![format!("a.{feature}")]);
    assert!(FeaturePlan::new(&pipeline).is_ok(), "{feature}");
    change(&mut pipeline);
    let refused = FeaturePlan::new(&pipeline).map(|_| ()).unwrap_err();
    assert_eq!(window_features_function(&pipeline).unwrap_err(), refused);
    refused.to_string()
}

fn band(low_hz: f64, high_hz: f64) -> Band {
    Band { low_hz, high_hz }
}

fn shaft(speed: Speed) -> Option<Shaft> {
    Some(Shaft { speed, tolerance: 0.02 })
}

/// Each refusal names the field, what was found, and what to change.
fn assert_says(text: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn a_band_that_the_rate_does_not_show_is_refused() {
    let text = refusal("band_rms_1", |p| p.machine.bands[0] = band(100.0, 600.0));
    assert_says(&text, &["machine.bands[0]", "100 to 600 Hz", "end the band at 500 Hz or below"]);
    let text = refusal("envelope_rms", |p| p.machine.envelope_band = Some(band(100.0, 501.0)));
    assert_says(&text, &["machine.envelope_band", "500 Hz"]);
}

#[test]
fn a_band_whose_period_is_longer_than_the_window_is_refused_with_the_length_that_would_do() {
    let text = refusal("velocity_rms", |p| p.machine.velocity_band = Some(band(1.5, 400.0)));
    assert_says(&text, &["machine.velocity_band", "lengthen the windows to 667 samples", "2 Hz"]);
    let text = refusal("velocity_rms", |p| p.machine.velocity_band = Some(band(0.0, 400.0)));
    assert_says(&text, &["begin the band at 2 Hz or above"]);
    let text = refusal("band_rms_1", |p| p.machine.bands[0] = band(1e-9, 400.0));
    assert!(!text.contains("lengthen"), "{text}");
}

#[test]
fn bands_that_are_no_bands_are_refused() {
    for (low, high) in [(200.0, 100.0), (-1.0, 100.0), (f64::NAN, 1.0), (10.0, f64::INFINITY)] {
        let text = refusal("band_rms_2", |p| p.machine.bands[1] = band(low, high));
        assert_says(&text, &["machine.bands[1]", "the lower one first"]);
    }
    let text = refusal("band_rms_1", |p| p.machine.bands[0] = band(100.0, 101.0));
    assert_says(&text, &["at least 2 Hz wide"]);
    let text = refusal("band_rms_1", |p| p.machine.bands = vec![band(10.0, 20.0); 9]);
    assert_says(&text, &["9 bands", "at most 8"]);
}

#[test]
fn a_speed_that_no_channel_measures_is_refused_with_the_channels() {
    let text = refusal("order_power_1", |p| {
        p.machine.shaft = shaft(Speed::ChannelRpm("speed".to_owned()));
    });
    assert_says(&text, &["machine.shaft.speed", "\"speed\"", "which has a, b"]);
    for speed in [Speed::Hz(0.0), Speed::Rpm(-5.0), Speed::Hz(f64::NAN)] {
        let text = refusal("order_power_1", |p| p.machine.shaft = shaft(speed));
        assert_says(&text, &["machine.shaft.speed", "above 0"]);
    }
    let text = refusal("order_power_1", |p| {
        p.machine.shaft = Some(Shaft { speed: Speed::Hz(50.0), tolerance: 0.5 });
    });
    assert_says(&text, &["machine.shaft.tolerance", "0.5", "0 to 0.1"]);
}

#[test]
fn a_frequency_that_the_window_does_not_show_is_refused() {
    let text = refusal("bearing_cage", |p| p.machine.shaft = shaft(Speed::Rpm(480.0)));
    assert_says(&text, &["bearing_cage", "3.20 Hz", "lengthen the windows to 626 samples"]);
    let text = refusal("bearing_inner_race", |p| p.machine.shaft = shaft(Speed::Hz(100.0)));
    assert_says(&text, &["540.13 Hz", "shows nothing above 500 Hz"]);
    let text = refusal("order_power_8", |p| p.machine.shaft = shaft(Speed::Hz(101.0)));
    assert_says(&text, &["505.00 Hz"]);
    let text = refusal("order_power_1", |p| p.machine.orders[0] = 0.0);
    assert_says(&text, &["machine.orders[0]", "above 0"]);
}

#[test]
fn a_bearing_that_nobody_can_build_is_refused() {
    type Spoil = fn(&mut model_format::signal::bearing::BearingGeometry);
    let cases: [(&str, Spoil); 4] = [
        ("balls", |b| b.balls = 2),
        ("pitch_diameter_mm", |b| b.pitch_diameter_mm = f64::NAN),
        ("ball_diameter_mm", |b| b.ball_diameter_mm = 40.0),
        ("contact_angle_deg", |b| b.contact_angle_deg = 90.0),
    ];
    for (field, spoil) in cases {
        let text = refusal("bearing_ball", |p| spoil(p.machine.bearing.as_mut().unwrap()));
        assert_says(&text, &[&format!("machine.bearing.{field}")]);
    }
}

#[test]
fn what_a_feature_needs_and_the_pipeline_has_not_is_named() {
    type Spoil = fn(&mut Machine);
    let cases: [(&str, Spoil, &str); 8] = [
        ("band_rms_8", |m| m.bands.truncate(3), "number 8 of `machine.bands`, and there are 3"),
        ("velocity_rms", |m| m.acceleration_unit = None, "machine.acceleration_unit"),
        ("velocity_rms", |m| m.velocity_band = None, "machine.velocity_band"),
        ("envelope_peak", |m| m.envelope_band = None, "machine.envelope_band"),
        ("bearing_ball", |m| m.shaft = None, "machine.shaft"),
        ("bearing_ball", |m| m.bearing = None, "machine.bearing"),
        ("order_power_1", |m| m.shaft = None, "machine.shaft"),
        ("order_power_4", |m| m.orders.truncate(1), "number 4 of `machine.orders`"),
    ];
    for (feature, spoil, said) in cases {
        let text = refusal(feature, |p| spoil(&mut p.machine));
        assert_says(&text, &[feature, said, "or remove the feature"]);
    }
    let text = refusal("velocity_rms", |p| p.channels[0].unit = Some("m/s2".to_owned()));
    assert_says(&text, &["accelerations in g", "the channel's unit is m/s2"]);
    let text = refusal("velocity_rms", |p| p.channels[0].unit = Some("degC".to_owned()));
    assert_says(&text, &["takes accelerations", "degC", "convert"]);
    let text = refusal("order_power_1", |p| p.rate = model_format::pipeline::Rate::None);
    assert_says(&text, &["machine", "rate"]);
}

#[test]
fn a_part_of_the_machine_that_no_feature_reads_is_refused() {
    let mut pipeline = pipeline(1, 500, Some(1000.0), vec!["a.rms".to_owned()]);
    pipeline.machine.bearing = Some(BEARING_6205);
    // What only looks at one feature of a pipeline, as a gate on a device does, need not care.
    assert!(FeaturePlan::new(&pipeline).is_ok());
    let refused = check_machine_is_read(&pipeline).unwrap_err();
    assert!(matches!(refused, FeatureError::Unread { field: "bearing", .. }));
    assert_says(&refused.to_string(), &["machine.bearing", "bearing_outer_race"]);
}

#[test]
fn a_machine_is_read_back_from_the_json_it_is_written_as() {
    let json = serde_json::json!({
        "bands": [{"low_hz": 10.0, "high_hz": 20.0}],
        "acceleration_unit": "m/s2",
        "velocity_band": {"low_hz": 10.0, "high_hz": 1000.0},
        "iso_20816_3": {"group": "medium", "support": "rigid"},
        "shaft": {"speed": {"channel_rpm": "speed"}, "tolerance": 0.02},
        "orders": [1.0, 2.0],
        "bearing": {"balls": 9, "ball_diameter_mm": 7.94, "pitch_diameter_mm": 39.04,
                    "contact_angle_deg": 0.0},
    });
    let machine: Machine = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&machine).unwrap(), json);
    assert_eq!(serde_json::to_value(Machine::default()).unwrap(), serde_json::json!({}));
    // A pipeline without a machine is written as it always was.
    let plain = serde_json::to_value(pipeline(1, 8, None, vec!["a.mean".to_owned()])).unwrap();
    assert!(plain.get("machine").is_none());
}

#[test]
fn a_sine_has_the_velocity_and_the_energy_that_the_formulas_say() {
    let names = ["velocity_rms", "band_rms_5", "band_rms_2"].map(|name| format!("a.{name}"));
    let mut pipeline = pipeline(1, 1000, Some(1000.0), names.to_vec());
    pipeline.machine.acceleration_unit = Some(AccelerationUnit::MetrePerSecondSquared);
    let turn = std::f64::consts::TAU * 240.0 / 1000.0;
    let window: Vec<f32> = (0..1000).map(|t| (3.0 * (turn * f64::from(t)).sin()) as f32).collect();
    let mut values = [0.0; 3];
    FeaturePlan::new(&pipeline).unwrap().compute_f64(&window, &mut values);
    let rms = 3.0 / std::f64::consts::SQRT_2;
    let velocity = 1000.0 * rms / (std::f64::consts::TAU * 240.0);
    assert!((values[0] / velocity - 1.0).abs() < 1e-3, "{} for {velocity}", values[0]);
    assert!((values[1] / rms - 1.0).abs() < 1e-6 && values[2] < 1e-6, "{values:?}");
}

/// The median share of each defect's band in the envelope of windows of a simulated pump.
fn shares(fault: Option<Fault>, seed: u64) -> BTreeMap<&'static str, f64> {
    let load = 0.7;
    let config = VibrationConfig {
        seed,
        duration_s: 24.0,
        load,
        fault,
        severity: 1.0,
        ..VibrationConfig::default()
    };
    let defects = ["bearing_outer_race", "bearing_inner_race", "bearing_ball", "bearing_cage"];
    let names = defects.map(|name| format!("a.{name}")).to_vec();
    let mut pipeline = pipeline(1, 2000, Some(RATE_HZ), names);
    pipeline.machine = Machine {
        envelope_band: Some(band(200.0, 450.0)),
        shaft: shaft(Speed::Hz(24.8 * (1.0 - 0.03 * load))),
        bearing: Some(BEARING_6205),
        ..Machine::default()
    };
    let samples: Vec<f32> =
        Vibration::new(config).unwrap().map(|sample| sample.values[1]).collect();
    let mut plan = FeaturePlan::new(&pipeline).unwrap();
    let mut seen = vec![Vec::new(); 4];
    for window in samples.chunks_exact(2000) {
        let mut values = [0.0; 4];
        plan.compute_f64(window, &mut values);
        seen.iter_mut().zip(values).for_each(|(seen, value)| seen.push(value));
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    defects.into_iter().zip(seen.iter_mut().map(median)).collect()
}

#[test]
fn the_band_of_the_damaged_part_is_what_rises_in_the_envelope() {
    for seed in [1, 2, 3] {
        let healthy = shares(None, seed);
        // A ball meets the load zone once in a turn of the cage, and nine turns of the cage are as
        // frequent as the balls on the outer race: these bands say nothing against the part.
        for (fault, own, also) in [
            (Fault::Bearing, "bearing_outer_race", ""),
            (Fault::InnerRace, "bearing_inner_race", ""),
            (Fault::Ball, "bearing_ball", "bearing_cage"),
            (Fault::Cage, "bearing_cage", "bearing_outer_race"),
        ] {
            let damaged = shares(Some(fault), seed);
            let rise = |band: &str| damaged[band] / healthy[band];
            let others = healthy.keys().filter(|band| **band != own && **band != also);
            let strongest = others.map(|band| rise(band)).fold(0.0, f64::max);
            println!("{fault:?} {damaged:.3?} healthy {healthy:.3?}");
            assert!(
                rise(own) > 3.0 && rise(own) > 2.0 * strongest,
                "{fault:?}: {own} rises {:.1} times, another band {strongest:.1} times",
                rise(own)
            );
        }
    }
}
