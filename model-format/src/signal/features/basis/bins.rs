//! Bands of frequencies as weights of bins: a bin stands for its cell, from half a bin below it to
//! half a bin above, and counts by the share of the cell that lies inside the band.
//!
//! So a sum over a band changes steadily with the band's edges, and no value hangs on how an edge
//! that meets a bin is rounded, not even where the edges come from a measured speed.

use std::ops::RangeInclusive;

use super::product_sum;

/// The weights of neighbouring bins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BinWeights {
    /// Position of the first one in the list that starts with bin 1.
    pub(super) start: usize,
    /// Their weights.
    pub(super) weights: Vec<f64>,
}

impl BinWeights {
    /// Of the band between two frequencies in bins, for windows of `n` samples; `factor` tells what a
    /// whole bin counts. The last cell ends at half the rate.
    pub(super) fn of_band(low: f64, high: f64, n: usize, factor: impl Fn(f64) -> f64) -> Self {
        let half = n as f64 / 2.0;
        Self::collect(n / 2, |bin| {
            let (start, end) = (bin - 0.5, (bin + 0.5).min(half));
            let inside = (end.min(high) - start.max(low)).max(0.0) / (end - start);
            if inside > 0.0 { inside * factor(bin) } else { 0.0 }
        })
    }

    /// Of the bands around multiples of one frequency.
    pub(super) fn of_multiples(multiples: &Multiples, speed_bins: f64, n: usize) -> Self {
        let bands: Vec<Around> = multiples.at(speed_bins).collect();
        Self::collect(n / 2, |bin| bands.iter().map(|band| band.weight(bin)).sum())
    }

    fn collect(count: usize, weight: impl Fn(f64) -> f64) -> Self {
        let mut weights: Vec<f64> = (1..=count).map(|bin| weight(bin as f64)).collect();
        let start = weights.iter().take_while(|&&weight| weight == 0.0).count();
        let end = count - weights.iter().rev().take_while(|&&weight| weight == 0.0).count();
        weights.truncate(end);
        weights.drain(..start.min(end));
        BinWeights { start: start.min(end), weights }
    }

    /// Σ weight · power, over the powers of bins 1, 2, …
    pub(super) fn sum(&self, power: &[f64]) -> f64 {
        product_sum(&power[self.start..self.start + self.weights.len()], &self.weights)
    }
}

/// Bands around an order of the shaft and its multiples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Multiples {
    /// In turns of the shaft.
    pub(super) order: f64,
    /// The order and so many multiples of it, itself included.
    pub(super) count: u32,
    /// Orders from one band to its neighbours: bands reach at most half of the way.
    pub(super) spacing: f64,
    /// By which share of its frequency a band reaches to either side, and at least one bin.
    pub(super) tolerance: f64,
}

/// The band around one frequency, in bins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    centre: f64,
    reach: f64,
}

impl Multiples {
    /// The bands at a speed in bins.
    fn at(&self, speed_bins: f64) -> impl Iterator<Item = Around> {
        let limit = self.spacing * speed_bins * 0.5;
        (1..=self.count).map(move |multiple| {
            let centre = self.order * f64::from(multiple) * speed_bins;
            let reach = (centre * self.tolerance).max(1.0).min(limit);
            Around { centre, reach }
        })
    }

    /// Σ weight · power at a speed in bins, over the powers of bins 1, 2, …
    pub(super) fn sum(&self, power: &[f64], speed_bins: f64) -> f64 {
        let bands = self.at(speed_bins);
        bands
            .map(|band| {
                let terms =
                    band.bins(power.len()).map(|bin| band.weight(bin as f64) * power[bin - 1]);
                terms.sum::<f64>()
            })
            .sum()
    }
}

impl Around {
    /// The share of a bin's cell inside the band.
    fn weight(self, bin: f64) -> f64 {
        let inside = self.reach + 0.5 - (bin - self.centre).abs();
        inside.min(1.0).min(2.0 * self.reach).max(0.0)
    }

    /// The bins that may have a weight, among 1 to `count`.
    fn bins(self, count: usize) -> RangeInclusive<usize> {
        let (low, high) = (self.centre - self.reach - 0.5, self.centre + self.reach + 0.5);
        // A cast of a number that is too large gives the largest whole number.
        let first = (low.max(1.0).floor() as usize).max(1);
        first..=(high.ceil() as usize).min(count)
    }
}
