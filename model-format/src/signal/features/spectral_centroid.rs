//! `spectral_centroid`: Mean frequency weighted by power: Σ f p.
//!
//! 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_centroid",
    version: 1,
    family: Family::Spectrum,
    doc: "Mean frequency weighted by power: Σ f p.",
    source: "G. Peeters, A large set of audio features for sound description, CUIDADO report, 2004",
    unit: Unit::Hertz,
    scale: Scale::Nyquist,
    range: Range::Nyquist,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| basis.spectral_moments().centroid_bins * basis.bin_hz(),
    emit: |body| {
        let centroid = body.centroid_bins();
        body.times(&centroid, body.bin_hz())
    },
};
