//! `band_rms_1` … `band_rms_8`: energy in a band of the pipeline, as the root of its mean square.
//!
//! The bands are those of `machine.bands`, in their order. Power is that of the spectrum with a Hann
//! window, scaled so that a sine in the band counts with its root mean square; each bin counts in the
//! share of its cell, half a bin to either side, that lies in the band. 0 where the window has no
//! variance.

use super::basis::{Basis, BasisGraph};
use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::graph::Value;

/// One feature for each band.
pub(super) static FEATURES: [Feature; 8] = [
    feature::<0>("band_rms_1", "Root mean square in the first band of `machine.bands`."),
    feature::<1>("band_rms_2", "Root mean square in the second band of `machine.bands`."),
    feature::<2>("band_rms_3", "Root mean square in the third band of `machine.bands`."),
    feature::<3>("band_rms_4", "Root mean square in the fourth band of `machine.bands`."),
    feature::<4>("band_rms_5", "Root mean square in the fifth band of `machine.bands`."),
    feature::<5>("band_rms_6", "Root mean square in the sixth band of `machine.bands`."),
    feature::<6>("band_rms_7", "Root mean square in the seventh band of `machine.bands`."),
    feature::<7>("band_rms_8", "Root mean square in the eighth band of `machine.bands`."),
];

const fn feature<const BAND: usize>(name: &'static str, doc: &'static str) -> Feature {
    Feature {
        name,
        version: 1,
        family: Family::BandEnergy,
        doc,
        source: "SciPy, periodogram with a Hann window, summed over the band",
        unit: Unit::Channel,
        scale: Scale::Span,
        range: Range::AtLeast(0.0),
        window_min_samples: 64,
        needs: Needs::Band(BAND),
        kernel: kernel::<BAND>,
        emit: emit::<BAND>,
    }
}

fn kernel<const BAND: usize>(basis: &mut Basis) -> f64 {
    basis.band_rms(BAND)
}

fn emit<const BAND: usize>(body: &mut BasisGraph<'_>) -> Value {
    body.band_rms(BAND)
}
