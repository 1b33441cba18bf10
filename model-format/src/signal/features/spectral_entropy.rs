//! `spectral_entropy`: Entropy of the power shares over its largest value: -Σ p ln p / ln ⌊n/2⌋;
//! 1 for white noise, near 0 for a tone.
//!
//! 0 where the window has no variance. Shares below 1e-12 of the mean share count with the
//! logarithm of that.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_entropy",
    version: 1,
    family: Family::Spectrum,
    doc: "Entropy of the power shares over its largest value: -Σ p ln p / ln ⌊n/2⌋; 1 for white \
          noise, near 0 for a tone.",
    source: "T. Inouye et al., Quantification of EEG irregularity by use of the entropy of the \
          power spectrum, 1991",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Share,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| {
        let Some(shares) = basis.shares() else { return 0.0 };
        let count = shares.len() as f64;
        -basis.spectral_logs().weighted / libm::log(count)
    },
    emit: |body| {
        let (shares, logs) = (body.shares(), body.spectral_logs());
        let products = body.graph.mul(&shares, &logs);
        let sum = body.sum(&products);
        let count = (body.window_samples() / 2) as f64;
        body.over(&sum, -libm::log(count))
    },
};
