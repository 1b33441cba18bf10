//! `order_power_1` … `order_power_8`: share of the power around an order of the shaft.
//!
//! The orders are those of `machine.orders`, in their sequence: multiples of the frequency of
//! `machine.shaft`. A band reaches `machine.shaft.tolerance` of its frequency to either side, at least
//! one bin and at most half an order, or half of the order where that is below 1; each bin counts in
//! the share of its cell, half a bin to either side, that lies in the band. A speed that a channel
//! measures is the magnitude of its mean over the window, and orders above half the rate then count
//! nothing. 0 where the window has no variance.

use super::basis::{Basis, BasisGraph};
use super::{Family, Feature, Needs, Range, Scale, Unit};
use crate::onnx::graph::Value;

/// One feature for each order.
pub(super) static FEATURES: [Feature; 8] = [
    feature::<0>("order_power_1", "Share of the power around the first order of `machine.orders`."),
    feature::<1>("order_power_2", "Share of the power around the second order of `machine.orders`."),
    feature::<2>("order_power_3", "Share of the power around the third order of `machine.orders`."),
    feature::<3>("order_power_4", "Share of the power around the fourth order of `machine.orders`."),
    feature::<4>("order_power_5", "Share of the power around the fifth order of `machine.orders`."),
    feature::<5>("order_power_6", "Share of the power around the sixth order of `machine.orders`."),
    feature::<6>("order_power_7", "Share of the power around the seventh order of `machine.orders`."),
    feature::<7>("order_power_8", "Share of the power around the eighth order of `machine.orders`."),
];

const fn feature<const ORDER: usize>(name: &'static str, doc: &'static str) -> Feature {
    Feature {
        name,
        version: 1,
        family: Family::Orders,
        doc,
        source: "R. Randall, Vibration-based Condition Monitoring, 2011, 2.2",
        unit: Unit::One,
        scale: Scale::Ratio,
        range: Range::Share,
        window_min_samples: 64,
        needs: Needs::Order(ORDER),
        kernel: kernel::<ORDER>,
        emit: emit::<ORDER>,
    }
}

fn kernel<const ORDER: usize>(basis: &mut Basis) -> f64 {
    basis.order_power(ORDER)
}

fn emit<const ORDER: usize>(body: &mut BasisGraph<'_>) -> Value {
    body.order_power(ORDER)
}
