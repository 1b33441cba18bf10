//! `envelope_peak_frequency`: Frequency of the strongest line of the envelope's spectrum; of equal
//! ones the lowest.
//!
//! The envelope and its spectrum are those of `envelope_rms`. Powers within 1e-9 of the largest are
//! equal to it. 0 where the envelope is steady.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "envelope_peak_frequency",
    version: 1,
    family: Family::Envelope,
    doc: "Frequency of the strongest line of the spectrum of the envelope in \
          `machine.envelope_band`: how often impacts repeat.",
    source: "R. Randall and J. Antoni, Rolling element bearing diagnostics, 2011; SciPy, hilbert",
    unit: Unit::Hertz,
    scale: Scale::Nyquist,
    range: Range::Nyquist,
    window_min_samples: 64,
    needs: Needs::Envelope,
    kernel: |basis| basis.envelope_peak_frequency(),
    emit: |body| body.envelope_peak_frequency(),
};
