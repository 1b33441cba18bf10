//! Features that look at more than one channel: the speed of a shaft, and correlations.

use model_format::pipeline::Pipeline;
use model_format::pipeline::machine::{Shaft, Speed};
use model_format::signal::features::{FeatureError, FeaturePlan};
use proptest::prelude::*;

use super::body::{assert_agreement, differences};
use super::pipeline;
use super::reference::{ERROR_MAX, channel_cases};

/// Three channels, of which `b` is the speed in turns per minute, if a feature asks for one.
fn tracked(length_samples: usize, rate_hz: f64, features: Vec<String>) -> Pipeline {
    let mut pipeline = pipeline(3, length_samples, Some(rate_hz), features);
    if let Some(shaft) = &mut pipeline.machine.shaft {
        shaft.speed = Speed::ChannelRpm("b".to_owned());
    }
    pipeline
}

#[test]
fn features_of_several_channels_agree_with_the_reference() {
    let cases = channel_cases();
    assert_eq!(cases.len(), 8);
    let mut largest = 0.0f64;
    for case in &cases {
        let window = case.window();
        let names: Vec<String> = case.features.keys().cloned().collect();
        assert_eq!(names.len(), 15);
        let pipeline = tracked(window.len() / 3, case.rate_hz, names);
        let mut plan = FeaturePlan::new(&pipeline).unwrap();
        let mut values = vec![0.0; pipeline.features.len()];
        plan.compute_f64(&window, &mut values);
        for ((name, expected), value) in case.features.iter().zip(values) {
            let error = (value - expected).abs();
            assert!(error <= ERROR_MAX, "{} {name}: {value} for {expected}", case.name);
            largest = largest.max(error);
        }
        assert_agreement(&differences(&pipeline, &window), &case.name);
    }
    println!("largest error: {largest:.1e}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn body_and_kernel_agree_at_any_measured_speed(
        noise in prop::collection::vec(-1.0f32..1.0, 96 * 3),
        speed in prop_oneof![Just(0.0f32), 1e-6f32..1.0, 1.0f32..20_000.0, Just(-900.0), Just(1e30)],
        wander in prop_oneof![Just(0.0f32), 0.0f32..0.5],
    ) {
        let mut window = noise;
        for row in window.chunks_exact_mut(3) {
            row[1] = speed * (1.0 + wander * row[1]);
        }
        let names = (1..=8).map(|order| format!("a.order_power_{order}"));
        let defects = ["outer_race", "inner_race", "ball", "cage"];
        let names = names.chain(defects.map(|part| format!("a.bearing_{part}"))).collect();
        let pipeline = tracked(96, 1000.0, names);
        assert_agreement(&differences(&pipeline, &window), "measured speed");
        // What a device reads is no more than the whole.
        let mut shares = vec![0.0; 12];
        FeaturePlan::new(&pipeline).unwrap().compute_f64(&window, &mut shares);
        prop_assert!(shares.iter().all(|share| (0.0..=1.0 + 1e-9).contains(share)), "{shares:?}");
    }

    #[test]
    fn a_constant_speed_is_that_of_a_channel_that_does_not_move(
        noise in prop::collection::vec(-1.0f32..1.0, 128 * 3),
        speed in 40u16..80,
    ) {
        let mut window = noise;
        window.chunks_exact_mut(3).for_each(|row| row[1] = f32::from(speed) * 60.0);
        let names: Vec<String> =
            ["a.order_power_2", "c.bearing_outer_race"].map(str::to_owned).to_vec();
        let measured = tracked(128, 1000.0, names.clone());
        let mut constant = measured.clone();
        let speed = Speed::Hz(speed.into());
        constant.machine.shaft = Some(Shaft { speed, tolerance: 0.02 });
        let of = |pipeline: &Pipeline| {
            let mut values = vec![0.0; 2];
            FeaturePlan::new(pipeline).unwrap().compute_f64(&window, &mut values);
            values
        };
        for (one, other) in of(&measured).into_iter().zip(of(&constant)) {
            prop_assert!((one - other).abs() < 1e-12, "{one} {other}");
        }
    }
}

fn refused(channels: &[&str], feature: &str) -> FeatureError {
    let mut pipeline = pipeline(channels.len(), 64, Some(100.0), vec![feature.to_owned()]);
    for (channel, name) in pipeline.channels.iter_mut().zip(channels) {
        channel.name = (*name).to_owned();
    }
    FeaturePlan::new(&pipeline).map(|_| ()).unwrap_err()
}

#[test]
fn a_correlation_names_another_channel_of_the_pipeline() {
    let text = refused(&["x", "y"], "x.correlation").to_string();
    assert!(text.contains("such as x.correlation_y"), "{text}");
    let text = refused(&["x", "y"], "x.correlation_x").to_string();
    assert!(text.contains("compares two channels"), "{text}");
    let text = refused(&["x", "y"], "x.correlation_z").to_string();
    assert!(text.contains("such as x.correlation_y"), "{text}");
    let text = refused(&["x"], "x.correlation_y").to_string();
    assert!(text.contains("only one channel"), "{text}");
}

#[test]
fn names_of_correlated_channels_may_hold_dots() {
    let names = ["p.in", "p.correlation_q"];
    let mut pipeline =
        pipeline(2, 64, Some(100.0), vec!["p.in.correlation_p.correlation_q".to_owned()]);
    for (channel, name) in pipeline.channels.iter_mut().zip(names) {
        channel.name = name.to_owned();
    }
    assert!(FeaturePlan::new(&pipeline).is_ok());
    // A channel that sounds like a correlation has features of its own.
    pipeline.features = vec!["p.correlation_q.mean".to_owned()];
    assert!(FeaturePlan::new(&pipeline).is_ok());
}
