//! `cepstral_peak_quefrency`: Where the real cepstrum has its highest peak, in seconds.
//!
//! Its inverse is the distance of the lines in hertz. Heights within 1e-6 of the largest one, or of
//! 1, are equal to it, and the first of them counts. 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "cepstral_peak_quefrency",
    version: 1,
    family: Family::Cepstrum,
    doc: "Where the real cepstrum has its highest peak: one over the distance in hertz of the lines \
          that make it.",
    source: "R. Randall, Vibration-based Condition Monitoring, 2011, 3.3",
    unit: Unit::Seconds,
    scale: Scale::Duration,
    range: Range::HalfWindow,
    window_min_samples: 32,
    needs: Needs::Cepstrum,
    kernel: |basis| basis.cepstral_peak_samples() / basis.rate_hz(),
    emit: |body| {
        let samples = body.cepstral_peak_samples();
        body.over(&samples, body.rate_hz())
    },
};
