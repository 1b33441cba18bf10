//! What is known of the machine, prepared for windows of one length at one rate.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::bins::{BinWeights, Multiples};
use super::{Basis, TIE};
use crate::pipeline::Pipeline;
use crate::pipeline::machine::{Band, Machine};
use crate::signal::features::needs::{Defect, speed_channel};

/// The frequency of a defect and so many multiples of it, itself included, make its band.
const HARMONICS: u32 = 3;

/// Parts of the machine for one pipeline.
#[derive(Clone, Debug, Default)]
pub struct MachineParts {
    pub(super) bands: Vec<BinWeights>,
    pub(super) velocity: Option<Velocity>,
    pub(super) envelope: Option<EnvelopeParts>,
    pub(super) speed_channel: Option<SpeedChannel>,
    pub(super) orders: Vec<Tracked>,
    pub(super) defects: Vec<Tracked>,
}

/// From accelerations to velocities.
#[derive(Clone, Debug)]
pub(super) struct Velocity {
    /// Powers of accelerations to squares of velocities in mm/s.
    pub weights: BinWeights,
    /// The velocity that an acceleration of 1 makes at the lowest frequency.
    pub largest_gain: f64,
}

/// Which band's envelope is taken, and where its spectrum is looked at.
#[derive(Clone, Debug)]
pub(super) struct EnvelopeParts {
    /// For bins 0 to n - 1: what makes the band's analytic signal.
    pub gains: Vec<f64>,
    /// Positions in the list that starts with bin 1.
    pub seen: std::ops::Range<usize>,
}

/// The channel whose mean is the speed of the shaft.
#[derive(Clone, Copy, Debug)]
pub struct SpeedChannel {
    /// Its index.
    pub channel: usize,
    /// How many bins one of its unit makes.
    pub unit_bins: f64,
}

/// Bands that follow the speed.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub multiples: Multiples,
    /// The weights, where the speed is constant.
    pub constant: BinWeights,
}

/// Where a defect shows, in turns of the shaft. A ball meets both races in one turn.
pub fn defect_order(machine: &Machine, defect: Defect) -> Option<f64> {
    let bearing = machine.bearing?;
    Some(match defect {
        Defect::OuterRace => bearing.outer_race_order(),
        Defect::InnerRace => bearing.inner_race_order(),
        Defect::Ball => 2.0 * bearing.ball_order(),
        Defect::Cage => bearing.cage_order(),
    })
}

impl MachineParts {
    /// Of a pipeline that was checked.
    pub(in crate::signal::features) fn new(pipeline: &Pipeline) -> Self {
        let machine = &pipeline.machine;
        let Some(rate_hz) = pipeline.rate.hz().filter(|_| !machine.is_empty()) else {
            return MachineParts::default();
        };
        let n = pipeline.window.length_samples as usize;
        let bin_hz = rate_hz / n as f64;
        let of_band = |band: &Band, factor: &dyn Fn(f64) -> f64| {
            BinWeights::of_band(band.low_hz / bin_hz, band.high_hz / bin_hz, n, factor)
        };
        let velocity = machine.velocity_band.zip(machine.acceleration_unit).map(|(band, unit)| {
            let gain = |hz: f64| 1000.0 * unit.metres_per_second_squared() / (TAU * hz);
            let square = |bin: f64| gain(bin * bin_hz) * gain(bin * bin_hz);
            Velocity { weights: of_band(&band, &square), largest_gain: gain(band.low_hz) }
        });
        let envelope = machine.envelope_band.map(|band| EnvelopeParts {
            gains: analytic_gains(&of_band(&band, &|_| 1.0), n),
            seen: seen(machine.envelope_spectrum, bin_hz, n),
        });
        let constant_bins = machine.shaft.as_ref().and_then(|shaft| shaft.speed.constant_hz());
        let constant_bins = constant_bins.map(|hz| hz / bin_hz);
        let tolerance = machine.shaft.as_ref().map_or(0.0, |shaft| shaft.tolerance);
        let tracked = |order: f64, count: u32, spacing: f64| {
            let multiples = Multiples { order, count, spacing, tolerance };
            let constant = constant_bins
                .map(|bins| BinWeights::of_multiples(&multiples, bins, n))
                .unwrap_or_default();
            Tracked { multiples, constant }
        };
        let defects = Defect::ALL.into_iter().filter_map(|defect| defect_order(machine, defect));
        let speed_channel =
            machine.shaft.as_ref().zip(speed_channel(pipeline)).map(|(shaft, channel)| {
                SpeedChannel { channel, unit_bins: shaft.speed.channel_unit_hz() / bin_hz }
            });
        MachineParts {
            bands: machine.bands.iter().map(|band| of_band(band, &|_| 1.0)).collect(),
            velocity,
            envelope,
            speed_channel,
            orders: machine
                .orders
                .iter()
                .map(|&order| tracked(order, 1, 1.0_f64.min(order)))
                .collect(),
            defects: defects.map(|order| tracked(order, HARMONICS, order)).collect(),
        }
    }

    /// The channel that measures the speed.
    pub(in crate::signal::features) fn speed_channel(&self) -> Option<SpeedChannel> {
        self.speed_channel
    }
}

/// Twice each positive frequency's weight and nothing of the negative ones; half the rate stands for
/// both.
fn analytic_gains(weights: &BinWeights, n: usize) -> Vec<f64> {
    let mut gains = vec![0.0; n];
    for (index, weight) in weights.weights.iter().enumerate() {
        let bin = weights.start + index + 1;
        gains[bin] = if 2 * bin == n { *weight } else { 2.0 * weight };
    }
    gains
}

/// The bins inside a band; a bin on its edge is inside, however the edge is rounded.
fn seen(band: Option<Band>, bin_hz: f64, n: usize) -> std::ops::Range<usize> {
    let Some(Band { low_hz, high_hz }) = band else { return 0..n / 2 };
    let first = ((low_hz / bin_hz * (1.0 - TIE)).ceil() as usize).max(1);
    let last = ((high_hz / bin_hz * (1.0 + TIE)).floor() as usize).min(n / 2).max(first);
    first - 1..last
}

/// The Hann window keeps 3/8 of a signal's power.
pub(super) const MEAN_SQUARE: f64 = 8.0 / 3.0;

/// √ of the mean square that a sum of powers stands for: they are squares of sums of `n` samples.
pub(super) fn root_mean_square(power: f64, n: f64) -> f64 {
    (power * MEAN_SQUARE / (n * n)).sqrt()
}

impl Basis {
    /// The root mean square in the band of that index.
    pub fn band_rms(&mut self, index: usize) -> f64 {
        let machine = Arc::clone(&self.machine);
        let power = machine.bands[index].sum(self.power());
        root_mean_square(power, self.length())
    }

    /// The root mean square of the velocity in mm/s.
    pub fn velocity_rms(&mut self) -> f64 {
        let machine = Arc::clone(&self.machine);
        let weights = machine.velocity.as_ref().map(|velocity| &velocity.weights);
        let power = weights.expect("checked with the pipeline").sum(self.power());
        root_mean_square(power, self.length())
    }

    /// The velocity in mm/s that the span of the window is at the lowest frequency.
    pub(in crate::signal::features) fn velocity_span(&mut self) -> f64 {
        let gain = self.machine.velocity.as_ref().map_or(0.0, |velocity| velocity.largest_gain);
        gain * self.span()
    }

    /// The share of power around the order of that index.
    pub fn order_power(&mut self, index: usize) -> f64 {
        let machine = Arc::clone(&self.machine);
        let speed_bins = self.speed_bins;
        let Some(shares) = self.shares() else { return 0.0 };
        machine.orders[index].sum(shares, speed_bins)
    }

    /// The share of the envelope's power around the frequency of a defect and its multiples.
    pub fn defect_power(&mut self, defect: Defect) -> f64 {
        let machine = Arc::clone(&self.machine);
        let speed_bins = self.speed_bins;
        let Some(shares) = self.envelope_shares() else { return 0.0 };
        machine.defects[defect as usize].sum(shares, speed_bins)
    }
}

impl Tracked {
    fn sum(&self, power: &[f64], speed_bins: Option<f64>) -> f64 {
        match speed_bins {
            Some(speed_bins) => self.multiples.sum(power, speed_bins),
            None => self.constant.sum(power),
        }
    }
}
