//! `bearing_outer_race`, `bearing_inner_race`, `bearing_ball`, `bearing_cage`: share of the envelope's
//! power at the frequency of a bearing's defect and its second and third multiple.
//!
//! The frequencies follow from `machine.bearing` and `machine.shaft` (`signal::bearing`); a damaged
//! ball meets both races in one turn, so its frequency is twice that of its turns. The envelope is that
//! of `envelope_rms`, and the shares are of all bins of its spectrum. A band reaches
//! `machine.shaft.tolerance` of its frequency to either side, at least one bin and at most half the way
//! to the next multiple; each bin counts in the share of its cell, half a bin to either side, that lies
//! in the band. Multiples above half the rate count nothing. A speed that a channel measures is the
//! magnitude of its mean over the window, and 0 where that is 0. 0 where the envelope is steady.

use super::basis::{Basis, BasisGraph};
use super::{Defect, Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::graph::Value;

/// One feature for each defect.
pub(super) static FEATURES: [Feature; 4] = [
    feature::<0>(
        "bearing_outer_race",
        "Share of the envelope's power at the ball pass frequency of the outer race (BPFO) and its \
         second and third multiple.",
    ),
    feature::<1>(
        "bearing_inner_race",
        "Share of the envelope's power at the ball pass frequency of the inner race (BPFI) and its \
         second and third multiple.",
    ),
    feature::<2>(
        "bearing_ball",
        "Share of the envelope's power at twice the ball spin frequency (BSF) and its second and third \
         multiple.",
    ),
    feature::<3>(
        "bearing_cage",
        "Share of the envelope's power at the fundamental train frequency of the cage (FTF) and its \
         second and third multiple.",
    ),
];

const fn feature<const DEFECT: usize>(name: &'static str, doc: &'static str) -> Feature {
    Feature {
        name,
        version: 1,
        family: Family::Bearing,
        doc,
        source: "R. Randall, Vibration-based Condition Monitoring, 2011, 2.2.3",
        unit: Unit::One,
        scale: Scale::Ratio,
        range: Range::Share,
        window_min_samples: 64,
        needs: Needs::Bearing(Defect::ALL[DEFECT]),
        kernel: kernel::<DEFECT>,
        emit: emit::<DEFECT>,
    }
}

fn kernel<const DEFECT: usize>(basis: &mut Basis) -> f64 {
    basis.defect_power(Defect::ALL[DEFECT])
}

fn emit<const DEFECT: usize>(body: &mut BasisGraph<'_>) -> Value {
    body.defect_power(Defect::ALL[DEFECT])
}
