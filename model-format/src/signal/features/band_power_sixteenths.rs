//! `band_power_01` … `band_power_16`: share of the power in each sixteenth of the band from 0 to half
//! the sampling rate.
//!
//! What a fault excites is often a resonance: a band that is narrow beside the whole spectrum, and
//! that its share of the power tells apart where thirds do not. 0 where the window has no variance.
//! Bins are told apart in whole numbers: bin k of n samples lies below sixteenth b (from 0) where
//! 32 k < b n; half the rate belongs to the last.

use super::basis::{Basis, BasisGraph, Sixteenth};
use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::graph::Value;

/// One feature for each sixteenth, from the lowest on.
pub(super) static FEATURES: [Feature; 16] = [
    feature::<0>("band_power_01", "Share of the power in the first sixteenth of the band."),
    feature::<1>("band_power_02", "Share of the power in the second sixteenth of the band."),
    feature::<2>("band_power_03", "Share of the power in the third sixteenth of the band."),
    feature::<3>("band_power_04", "Share of the power in the fourth sixteenth of the band."),
    feature::<4>("band_power_05", "Share of the power in the fifth sixteenth of the band."),
    feature::<5>("band_power_06", "Share of the power in the sixth sixteenth of the band."),
    feature::<6>("band_power_07", "Share of the power in the seventh sixteenth of the band."),
    feature::<7>("band_power_08", "Share of the power in the eighth sixteenth of the band."),
    feature::<8>("band_power_09", "Share of the power in the ninth sixteenth of the band."),
    feature::<9>("band_power_10", "Share of the power in the tenth sixteenth of the band."),
    feature::<10>("band_power_11", "Share of the power in the eleventh sixteenth of the band."),
    feature::<11>("band_power_12", "Share of the power in the twelfth sixteenth of the band."),
    feature::<12>("band_power_13", "Share of the power in the thirteenth sixteenth of the band."),
    feature::<13>("band_power_14", "Share of the power in the fourteenth sixteenth of the band."),
    feature::<14>("band_power_15", "Share of the power in the fifteenth sixteenth of the band."),
    feature::<15>("band_power_16", "Share of the power in the last sixteenth of the band."),
];

const fn feature<const BAND: usize>(name: &'static str, doc: &'static str) -> Feature {
    Feature {
        name,
        version: 1,
        family: Family::Bands,
        doc,
        source: "textbook definition",
        unit: Unit::One,
        scale: Scale::Ratio,
        range: Range::Share,
        window_min_samples: 64,
        needs: Needs::Rate,
        kernel: kernel::<BAND>,
        emit: emit::<BAND>,
    }
}

fn kernel<const BAND: usize>(basis: &mut Basis) -> f64 {
    basis.sixteenth_power(Sixteenth::new(BAND))
}

fn emit<const BAND: usize>(body: &mut BasisGraph<'_>) -> Value {
    body.sixteenth_power(Sixteenth::new(BAND))
}
