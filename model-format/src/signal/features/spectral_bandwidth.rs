//! `spectral_bandwidth`: Spread of power around the centroid: √ Σ (f - centroid)² p.
//!
//! 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_bandwidth",
    version: 1,
    family: Family::Spectrum,
    doc: "Spread of power around the centroid: √ Σ (f - centroid)² p.",
    source: "G. Peeters, A large set of audio features for sound description, CUIDADO report, 2004",
    unit: Unit::Hertz,
    scale: Scale::Nyquist,
    range: Range::Nyquist,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| basis.spectral_moments().bandwidth_bins * basis.bin_hz(),
    emit: |body| {
        let bandwidth = body.bandwidth_bins();
        body.times(&bandwidth, body.bin_hz())
    },
};
