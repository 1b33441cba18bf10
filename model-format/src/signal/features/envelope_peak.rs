//! `envelope_peak`: Amplitude of the strongest line of the envelope's spectrum.
//!
//! The envelope and its spectrum are those of `envelope_rms`. A sine on a bin counts with its
//! amplitude, one between two bins with 0.85 of it, as the Hann window has it. 0 where the envelope is
//! steady.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "envelope_peak",
    version: 1,
    family: Family::Envelope,
    doc: "Amplitude of the strongest line of the spectrum of the envelope in \
          `machine.envelope_band`: how strongly impacts repeat.",
    source: "R. Randall and J. Antoni, Rolling element bearing diagnostics, 2011; SciPy, hilbert",
    unit: Unit::Channel,
    scale: Scale::Span,
    range: Range::AtLeast(0.0),
    window_min_samples: 64,
    needs: Needs::Envelope,
    kernel: |basis| basis.envelope_peak(),
    emit: |body| body.envelope_peak(),
};
