//! What must not change a feature, or change it in a known way, on random windows.

use model_format::signal::features::{CATALOGUE, Family, Feature, FeaturePlan, Range, Scale, Unit};
use proptest::prelude::*;

use super::{compute, name_of, pipeline};

/// Windows of 8 to 64 samples, with ties and with equal stretches.
fn window() -> impl Strategy<Value = Vec<f32>> {
    let sample = prop_oneof![-100.0f32..100.0, (-4i8..4).prop_map(f32::from)];
    prop_oneof![
        prop::collection::vec(sample, 8..64),
        prop::collection::vec((-2i8..2).prop_map(f32::from), 8..64),
        (8usize..64, -5.0f32..5.0).prop_map(|(n, level)| vec![level; n]),
    ]
}

fn check(feature: &Feature, left: f64, right: f64, scale: f64) -> Result<(), TestCaseError> {
    let error = (left - right).abs() / scale;
    prop_assert!(error <= 1e-9, "{}: {left} and {right}, scale {scale}", feature.name);
    Ok(())
}

/// Features that no order of the samples changes.
fn is_order_free(feature: &Feature) -> bool {
    matches!(feature.family, Family::Level | Family::Spread | Family::Shape)
        || feature.name == "count_above_mean"
}

/// Features that an offset does not change: whatever describes deviations, steps or positions.
fn ignores_offset(feature: &Feature) -> bool {
    let of_magnitudes = ["crest_factor", "shape_factor", "impulse_factor", "margin_factor"];
    feature.family != Family::Level && !of_magnitudes.contains(&feature.name)
}

proptest! {
    #[test]
    fn scaling_by_a_power_of_two_scales_what_has_the_channels_unit(window in window()) {
        let scaled: Vec<f32> = window.iter().map(|x| x * 8.0).collect();
        for ((feature, before, scale), (_, after, _)) in
            compute(&window, 50.0).into_iter().zip(compute(&scaled, 50.0))
        {
            let channel = matches!(
                feature.unit,
                Unit::Channel
                    | Unit::ChannelPerSample
                    | Unit::ChannelPerSampleSquared
                    | Unit::MillimetrePerSecond
            );
            check(feature, if channel { after / 8.0 } else { after }, before, scale)?;
        }
    }

    #[test]
    fn an_exact_offset_moves_levels_and_nothing_else(window in window(), offset in -50i16..50) {
        let whole: Vec<f32> = window.iter().map(|x| (x * 16.0).round() / 16.0).collect();
        let moved: Vec<f32> = whole.iter().map(|x| x + f32::from(offset)).collect();
        for ((feature, before, scale), (_, after, _)) in
            compute(&whole, 50.0).into_iter().zip(compute(&moved, 50.0))
        {
            if ignores_offset(feature) {
                check(feature, after, before, scale)?;
            } else if feature.scale == Scale::Magnitude && feature.name != "rms" {
                check(feature, after - f64::from(offset), before, scale + f64::from(offset).abs())?;
            }
        }
    }

    #[test]
    fn the_order_of_samples_changes_only_what_describes_order(
        (window, shuffled) in window().prop_flat_map(|w| (Just(w.clone()), Just(w).prop_shuffle()))
    ) {
        for ((feature, before, scale), (_, after, _)) in
            compute(&window, 50.0).into_iter().zip(compute(&shuffled, 50.0))
        {
            if is_order_free(feature) {
                check(feature, after, before, scale)?;
            }
        }
    }

    #[test]
    fn the_rate_scales_frequencies_and_nothing_else(window in window()) {
        for ((feature, slow, scale), (_, fast, _)) in
            compute(&window, 50.0).into_iter().zip(compute(&window, 200.0))
        {
            // The bands of velocities are shares of the rate here.
            let factor = match feature.unit {
                Unit::Hertz => 4.0,
                Unit::Seconds | Unit::MillimetrePerSecond => 0.25,
                _ => 1.0,
            };
            check(feature, fast / factor, slow, scale)?;
        }
    }

    #[test]
    fn a_feature_is_the_same_beside_any_others_in_any_order(
        window in prop::collection::vec(-10.0f32..10.0, 64 * 3),
        chosen in prop::sample::subsequence((0..CATALOGUE.len() * 3).collect::<Vec<usize>>(), 1..60)
            .prop_shuffle(),
    ) {
        let name = |index: &usize| {
            let (channel, other) = [('a', 'b'), ('b', 'c'), ('c', 'a')][index % 3];
            name_of(CATALOGUE[index / 3], channel, other)
        };
        let names: Vec<String> = chosen.iter().map(name).collect();
        let mut together = vec![0.0; names.len()];
        let mut plan = FeaturePlan::new(&pipeline(3, 64, Some(10.0), names.clone())).unwrap();
        plan.compute(&window, &mut together);
        for (name, value) in names.into_iter().zip(together) {
            let mut alone = [0.0];
            let mut plan = FeaturePlan::new(&pipeline(3, 64, Some(10.0), vec![name])).unwrap();
            plan.compute(&window, &mut alone);
            prop_assert_eq!(value.to_bits(), alone[0].to_bits());
        }
    }

    #[test]
    fn every_feature_of_every_window_is_finite(
        window in prop::collection::vec(
            prop_oneof![
                any::<f32>().prop_filter("windows hold finite values", |x| x.is_finite()),
                Just(0.0), Just(-0.0), Just(f32::MAX), Just(f32::MIN), Just(f32::MIN_POSITIVE),
                Just(f32::from_bits(1)),
            ],
            1..40,
        )
    ) {
        for (feature, value, scale) in compute(&window, 50.0) {
            prop_assert!(value.is_finite() && scale > 0.0, "{}: {value}", feature.name);
        }
    }

    #[test]
    fn every_feature_keeps_to_its_range(window in window(), repeats in 1usize..4) {
        // Longer windows have more features.
        let window = window.repeat(repeats);
        let (n, rate_hz) = (window.len() as f64, 50.0);
        for (feature, value, _) in compute(&window, rate_hz) {
            let (least, most) = match feature.range {
                Range::Any => (f64::NEG_INFINITY, f64::INFINITY),
                Range::AtLeast(least) => (least, f64::INFINITY),
                Range::Share => (0.0, 1.0),
                Range::SignedShare => (-1.0, 1.0),
                Range::Nyquist => (0.0, rate_hz / 2.0),
                Range::WindowLength => (0.0, n),
                Range::HalfWindow => (0.0, n / 2.0 / rate_hz),
            };
            let rounding = 1e-9;
            let inside = (least - rounding..=most + rounding).contains(&value);
            prop_assert!(inside, "{}: {value} not in {:?}", feature.name, feature.range);
        }
    }
}
