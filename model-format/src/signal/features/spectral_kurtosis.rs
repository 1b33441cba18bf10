//! `spectral_kurtosis`: Peakedness of the power around the centroid: Σ ((f - centroid) /
//! bandwidth)⁴ p; 3 for a normal shape (no excess is taken).
//!
//! 0 where the bandwidth is at most 1e-9 of the sampling rate, so also where the window has no
//! variance.

use super::basis::TIE;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_kurtosis",
    version: 1,
    family: Family::Spectrum,
    doc: "Peakedness of the power around the centroid: Σ ((f - centroid) / bandwidth)⁴ p; 3 for \
          a normal shape (no excess is taken).",
    source: "G. Peeters, A large set of audio features for sound description, CUIDADO report, 2004",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::AtLeast(0.0),
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| {
        let narrow = basis.length() * TIE;
        let moments = basis.spectral_moments();
        let bandwidth = moments.bandwidth_bins;
        if bandwidth <= narrow {
            return 0.0;
        }
        moments.fourth / ((bandwidth * bandwidth) * (bandwidth * bandwidth))
    },
    emit: |body| {
        let (moment, bandwidth) = (body.spectral_moment(4), body.bandwidth_bins());
        let narrow = body.graph.scalar_f64(body.window_samples() as f64 * TIE);
        let wide = body.graph.greater(&bandwidth, &narrow);
        let one = body.graph.scalar_f64(1.0);
        let bandwidth = body.graph.select(&wide, &bandwidth, &one);
        let square = body.square(&bandwidth);
        let power = body.square(&square);
        let quotient = body.graph.div(&moment, &power);
        let zero = body.graph.scalar_f64(0.0);
        body.graph.select(&wide, &quotient, &zero)
    },
};
