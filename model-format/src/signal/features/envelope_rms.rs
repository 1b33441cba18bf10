//! `envelope_rms`: Root mean square of the fluctuations of the envelope in `machine.envelope_band`.
//!
//! The envelope is the magnitude of the analytic signal of the band: the transform of the window
//! without its mean, positive frequencies doubled, negative ones left out, each bin in the share of
//! its cell that lies in the band. Its spectrum is that of its deviations from its mean, with a Hann
//! window; bins outside `machine.envelope_spectrum` are left out. 0 where the envelope is steady: the
//! energy of its fluctuations is at most 1e-12 of the signal's (-120 dB).

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "envelope_rms",
    version: 1,
    family: Family::Envelope,
    doc: "Root mean square of how the envelope in `machine.envelope_band` rises and falls, at the \
          frequencies of `machine.envelope_spectrum`.",
    source: "R. Randall and J. Antoni, Rolling element bearing diagnostics, 2011; SciPy, hilbert",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 64,
    needs: Needs::Envelope,
    kernel: |basis| basis.envelope_rms(),
    emit: |body| body.envelope_rms(),
};
