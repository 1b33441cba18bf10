//! `spectral_flatness`: Geometric over arithmetic mean of the power: exp(mean ln P) / mean P; 1
//! for white noise, near 0 for tones.
//!
//! 0 where the window has no variance. Powers below 1e-12 of the mean power (-120 dB) count with
//! that.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_flatness",
    version: 1,
    family: Family::Spectrum,
    doc: "Geometric over arithmetic mean of the power: exp(mean ln P) / mean P; 1 for white \
          noise, near 0 for tones.",
    source: "A. Gray and J. Markel, A spectral-flatness measure, 1974",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Share,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| {
        let Some(shares) = basis.shares() else { return 0.0 };
        let count = shares.len() as f64;
        libm::exp(basis.spectral_logs().sum / count) * count
    },
    emit: |body| {
        let count = (body.window_samples() / 2) as f64;
        let logs = body.spectral_logs();
        let sum = body.sum(&logs);
        let mean = body.over(&sum, count);
        let geometric = body.graph.exp(&mean);
        // The arithmetic mean of shares that sum to 1 is 1 / count.
        let flatness = body.times(&geometric, count);
        body.where_power(&flatness)
    },
};
