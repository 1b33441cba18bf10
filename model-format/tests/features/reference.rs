//! Values against the independent reference in `tests/reference/features.json`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_format::signal::features::{CATALOGUE, Needs};

use super::{available, compute};

/// The largest error in units of a feature's declared scale.
pub(super) const ERROR_MAX: f64 = 1e-9;

/// One window with the values that its features must have.
#[derive(serde::Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) rate_hz: f64,
    /// Little-endian 32-bit floats in base64.
    window: String,
    pub(super) features: BTreeMap<String, f64>,
}

impl Case {
    pub(super) fn window(&self) -> Vec<f32> {
        let bytes = STANDARD.decode(&self.window).unwrap();
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }
}

pub(super) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../reference/features.json")).unwrap()
}

/// Windows of three channels, and values by `channel.feature`.
pub(super) fn channel_cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../reference/channels.json")).unwrap()
}

#[test]
fn every_feature_agrees_with_the_reference() {
    let cases = cases();
    assert!(cases.len() > 100);
    let mut worst: BTreeMap<&str, (f64, String)> = BTreeMap::new();
    for case in &cases {
        let window = case.window();
        assert_eq!(available(window.len()).count(), case.features.len(), "{}", case.name);
        for (feature, value, scale) in compute(&window, case.rate_hz) {
            let expected = case.features[feature.name];
            let error = (value - expected).abs() / scale;
            let entry = worst.entry(feature.name).or_insert((0.0, String::new()));
            if error > entry.0 || error.is_nan() {
                *entry = (error, format!("{}: {value} for {expected}", case.name));
            }
        }
    }
    let single = CATALOGUE.iter().filter(|feature| feature.needs != Needs::Partner);
    assert_eq!(worst.len(), single.count());
    let report: Vec<String> =
        worst.iter().map(|(name, (error, place))| format!("{error:.1e} {name} {place}")).collect();
    println!("{}", report.join("\n"));
    let bad = worst.values().any(|(error, _)| error.is_nan() || *error > ERROR_MAX);
    assert!(!bad, "beyond {ERROR_MAX:e} of the scale:\n{}", report.join("\n"));
}
