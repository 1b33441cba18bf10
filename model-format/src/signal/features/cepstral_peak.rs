//! `cepstral_peak`: Height of the real cepstrum's highest peak, from 8 samples to half a window.
//!
//! The cepstrum is the inverse transform of ln p over all bins of the window, mirrored about half the
//! rate, less the mean of the logarithms and with 0 in place of the mean of the signal. Each share is
//! raised to 1e-12 of the mean power before (-120 dB). 0 where the window has no variance.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "cepstral_peak",
    version: 1,
    family: Family::Cepstrum,
    doc: "Height of the real cepstrum's highest peak between 8 samples and half a window: large \
          where the spectrum has a family of lines at equal distances, as gears and bearings make.",
    source: "R. Randall, Vibration-based Condition Monitoring, 2011, 3.3",
    unit: Unit::Nats,
    scale: Scale::Ratio,
    range: Range::Any,
    window_min_samples: 32,
    needs: Needs::Cepstrum,
    kernel: |basis| basis.cepstral_peak(),
    emit: |body| body.cepstral_peak(),
};
