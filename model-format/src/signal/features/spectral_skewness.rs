//! `spectral_skewness`: Asymmetry of the power around the centroid: Σ ((f - centroid) /
//! bandwidth)³ p; positive where power trails off upwards.
//!
//! 0 where the bandwidth is at most 1e-9 of the sampling rate, so also where the window has no
//! variance.

use super::basis::TIE;
use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "spectral_skewness",
    version: 1,
    family: Family::Spectrum,
    doc: "Asymmetry of the power around the centroid: Σ ((f - centroid) / bandwidth)³ p; \
          positive where power trails off upwards.",
    source: "G. Peeters, A large set of audio features for sound description, CUIDADO report, 2004",
    unit: Unit::One,
    scale: Scale::Ratio,
    range: Range::Any,
    window_min_samples: 8,
    needs: Needs::Rate,
    kernel: |basis| {
        let narrow = basis.length() * TIE;
        let moments = basis.spectral_moments();
        let bandwidth = moments.bandwidth_bins;
        if bandwidth <= narrow {
            return 0.0;
        }
        moments.third / (bandwidth * bandwidth * bandwidth)
    },
    emit: |body| {
        let (moment, bandwidth) = (body.spectral_moment(3), body.bandwidth_bins());
        let narrow = body.graph.scalar_f64(body.window_samples() as f64 * TIE);
        let wide = body.graph.greater(&bandwidth, &narrow);
        let one = body.graph.scalar_f64(1.0);
        let bandwidth = body.graph.select(&wide, &bandwidth, &one);
        let square = body.square(&bandwidth);
        let power = body.graph.mul(&square, &bandwidth);
        let quotient = body.graph.div(&moment, &power);
        let zero = body.graph.scalar_f64(0.0);
        body.graph.select(&wide, &quotient, &zero)
    },
};
