//! `spectral_rolloff`: Frequency below which 95 % of the power lies: the lowest f whose
//! cumulative p reaches 0.95.
//!
//! 0 where the window has no variance. A cumulative share within 1e-9 of 0.95 has reached it.

use super::basis::{ROLLOFF, TIE};
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_rolloff",
    version: 1,
    family: Family::Spectrum,
    doc: "Frequency below which 95 % of the power lies: the lowest f whose cumulative p reaches \
          0.95.",
    source: "G. Peeters, A large set of audio features for sound description, CUIDADO report, 2004",
    unit: Unit::Hertz,
    scale: Scale::Nyquist,
    range: Range::Nyquist,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| {
        let bin_hz = basis.bin_hz();
        let Some(shares) = basis.shares() else { return 0.0 };
        let mut cumulative = 0.0;
        let mut bins = 1;
        for share in &shares[..shares.len() - 1] {
            cumulative += share;
            if cumulative >= ROLLOFF * (1.0 - TIE) {
                break;
            }
            bins += 1;
        }
        f64::from(bins) * bin_hz
    },
    emit: |body| {
        let shares = body.shares();
        let cumulative = body.graph.cum_sum(&shares, 2);
        let line = body.graph.scalar_f64(ROLLOFF * (1.0 - TIE));
        let below = body.graph.less(&cumulative, &line);
        let below = body.indicator(&below);
        let count = body.sum(&below);
        // The last bin holds all of the power: at most ⌊n/2⌋ - 1 bins lie below the line.
        let one = body.graph.scalar_f64(1.0);
        let bins = body.graph.add(&count, &one);
        let frequency = body.times(&bins, body.bin_hz());
        body.where_power(&frequency)
    },
};
