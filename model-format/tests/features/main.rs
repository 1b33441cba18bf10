//! The features: catalogue, values against an independent reference, kernels against nodes,
//! invariances, lags of rows.

mod body;
mod catalogue;
mod invariance;
mod reference;
mod rows;

use model_format::pipeline::{Channel, Gap, Mismatch, Pipeline, Rate, TimeSource, Window};
use model_format::signal::features::{CATALOGUE, Feature, FeaturePlan};

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
        features,
    }
}

/// The features that windows of that many samples have.
fn available(length_samples: usize) -> impl Iterator<Item = &'static Feature> {
    let fits = move |feature: &&Feature| feature.window_min_samples as usize <= length_samples;
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
