//! Windows per second of the feature kernels on one core, as JSON lines.
//!
//! All features, a usual selection, and each family alone: what is not selected must not cost.
//! `--each` adds every feature alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use model_format::pipeline::machine::Machine;
use model_format::pipeline::{Channel, Gap, Mismatch, Pipeline, Rate, TimeSource, Window};
use model_format::signal::features::{CATALOGUE, Family, Feature, FeaturePlan};
use rand::{RngExt as _, SeedableRng as _};

/// Windows that are walked in turn, so that no branch is learnt by heart.
const WINDOWS: usize = 16;
/// Short measurements, of which the best one counts: other work on the machine only slows down.
const ROUNDS: usize = 600;
const ROUND: Duration = Duration::from_millis(2);

/// What a user of vibration data would pick first.
const USUAL: [&str; 20] = [
    "mean",
    "std",
    "rms",
    "min",
    "max",
    "peak_to_peak",
    "mean_abs_deviation",
    "skewness",
    "kurtosis",
    "crest_factor",
    "shape_factor",
    "impulse_factor",
    "mean_abs_change",
    "zero_crossing_rate",
    "autocorr_lag1",
    "hjorth_mobility",
    "hjorth_complexity",
    "spectral_centroid",
    "peak_frequency",
    "band_power_high",
];

fn main() {
    let every = CATALOGUE
        .iter()
        .copied()
        .filter(|feature| feature.family.is_in_all() && feature.family != Family::Bands);
    let every: Vec<&Feature> = every.collect();
    measure("46_features_200x6", 200, 6, &every);
    let usual: Vec<&Feature> =
        every.iter().copied().filter(|feature| USUAL.contains(&feature.name)).collect();
    measure("20_features_128x3", 128, 3, &usual);
    for (name, family) in [
        ("level_200x6", Family::Level),
        ("spread_200x6", Family::Spread),
        ("shape_200x6", Family::Shape),
        ("change_200x6", Family::Change),
        ("order_200x6", Family::Order),
        ("spectrum_200x6", Family::Spectrum),
    ] {
        let members: Vec<&Feature> =
            every.iter().copied().filter(|feature| feature.family == family).collect();
        measure(name, 200, 6, &members);
    }
    if std::env::args().any(|argument| argument == "--each") {
        for feature in every {
            measure(feature.name, 200, 6, &[feature]);
        }
    }
}

fn measure(name: &str, samples: usize, channels: usize, features: &[&Feature]) {
    let pipeline = pipeline(samples, channels, features);
    let mut plan = FeaturePlan::new(&pipeline).expect("the selection is sound");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let windows: Vec<f32> =
        (0..WINDOWS * samples * channels).map(|_| random.random::<f32>() * 4.0 - 2.0).collect();
    let mut out = vec![0.0; plan.names().len()];
    let mut pass = || {
        for window in windows.chunks_exact(samples * channels) {
            plan.compute(black_box(window), &mut out);
            black_box(&out);
        }
    };
    pass();
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let mut passes = 0;
            while start.elapsed() < ROUND {
                pass();
                passes += 1;
            }
            start.elapsed().as_secs_f64() / (passes * WINDOWS) as f64
        })
        .fold(f64::MAX, f64::min);
    let line = serde_json::json!({
        "name": name,
        "windows_per_s": 1.0 / best,
        "us_per_window": best * 1e6,
        "features": features.len(),
    });
    println!("{line}");
}

fn pipeline(samples: usize, channels: usize, features: &[&Feature]) -> Pipeline {
    let channels: Vec<Channel> = (0..channels)
        .map(|index| Channel { name: format!("c{index}"), unit: None, align: None })
        .collect();
    let names = channels
        .iter()
        .flat_map(|c| features.iter().map(|feature| format!("{}.{}", c.name, feature.name)))
        .collect();
    let length_samples = samples as u32;
    Pipeline {
        channels,
        time: TimeSource::Event,
        lateness_ms: 0,
        rate: Rate::Fixed { hz: 1000.0, tolerance: 0.05, mismatch: Mismatch::Refuse },
        gap: Gap::default(),
        window: Window { length_samples, stride_samples: length_samples },
        machine: Machine::default(),
        features: names,
    }
}
