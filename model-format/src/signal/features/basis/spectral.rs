//! The spectrum of one channel as shares of power, and what spectral features share of it.

use super::{Basis, product_sum, ratio, sums};
use crate::signal::spectrum::{PowerSpectrum, ln};
use crate::signal::wide::as_wide_as_the_processor;

/// Bins whose power lies below this share of the mean count with it in logarithms (-120 dB): an
/// empty bin is no information about the signal and would otherwise weigh as rounding has it.
pub(super) const FLOOR: f64 = 1e-12;

/// Two powers closer than this share of the larger one are equal.
pub const TIE: f64 = 1e-9;

/// The share of power below the rolloff.
pub const ROLLOFF: f64 = 0.95;

/// Spectra of one length at one rate.
#[derive(Clone)]
pub(super) struct Spectral {
    rate_hz: f64,
    spectrum: PowerSpectrum,
    /// 1, 2, … as numbers.
    bins: Vec<f64>,
    shares: Vec<f64>,
    log_shares: Vec<f64>,
    total: Option<f64>,
    moments: Option<SpectralMoments>,
    logs: Option<SpectralLogs>,
}

/// Moments of the distribution of power over bins.
#[derive(Clone, Copy)]
pub struct SpectralMoments {
    /// Σ k p.
    pub centroid_bins: f64,
    /// √ Σ (k - centroid)² p.
    pub bandwidth_bins: f64,
    /// Σ (k - centroid)³ p.
    pub third: f64,
    /// Σ (k - centroid)⁴ p.
    pub fourth: f64,
}

/// Sums over the logarithms of the shares p, each raised to the floor.
#[derive(Clone, Copy)]
pub struct SpectralLogs {
    /// Σ ln p.
    pub sum: f64,
    /// Σ p ln p.
    pub weighted: f64,
}

/// The thirds of the band from 0 to half the sampling rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Third {
    /// Below a sixth of the rate.
    Low,
    /// From a sixth up to below a third of the rate.
    Mid,
    /// From a third of the rate on.
    High,
}

impl Third {
    /// The bins of this third for windows of `n` samples: positions in the list that starts with
    /// bin 1, decided in whole numbers (bin k lies below a sixth of the rate where 6 k < n).
    pub fn range(self, n: usize) -> std::ops::Range<usize> {
        let low = (n - 1) / 6;
        let mid = (n - 1) / 3;
        match self {
            Third::Low => 0..low,
            Third::Mid => low..mid,
            Third::High => mid..n / 2,
        }
    }
}

/// A sixteenth of the band from 0 to half the sampling rate, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sixteenth(usize);

impl Sixteenth {
    /// The sixteenth number `band`.
    ///
    /// # Panics
    /// From 16 on.
    pub fn new(band: usize) -> Self {
        assert!(band < 16, "there are sixteen sixteenths");
        Sixteenth(band)
    }

    /// The bins of this sixteenth for windows of `n` samples: positions in the list that starts with
    /// bin 1, decided in whole numbers (bin k lies below sixteenth b where 32 k < b n). Half the
    /// rate belongs to the last.
    pub fn range(self, n: usize) -> std::ops::Range<usize> {
        let below = |band: usize| (band * n).div_ceil(32).max(1) - 1;
        let end = if self.0 == 15 { n / 2 } else { below(self.0 + 1) };
        below(self.0)..end
    }
}

impl Spectral {
    pub(super) fn new(window_samples: usize, rate_hz: f64) -> Self {
        let count = window_samples / 2;
        Spectral {
            rate_hz,
            spectrum: PowerSpectrum::new(window_samples),
            bins: (1..=count).map(|k| k as f64).collect(),
            shares: vec![0.0; count],
            log_shares: vec![0.0; count],
            total: None,
            moments: None,
            logs: None,
        }
    }

    pub(super) fn forget(&mut self) {
        self.total = None;
        self.moments = None;
        self.logs = None;
    }

    pub(super) fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    /// Makes sure that the shares are there; false where there is no power at all.
    fn fill(&mut self, deviations: &[f64]) -> bool {
        let total = match self.total {
            Some(total) => total,
            None => {
                self.spectrum.compute(deviations);
                let [total] = sums(self.spectrum.power(), |power| [power]);
                let inverse = ratio(1.0, total);
                for (share, &power) in self.shares.iter_mut().zip(self.spectrum.power()) {
                    *share = power * inverse;
                }
                self.total = Some(total);
                total
            }
        };
        total > 0.0
    }
}

as_wide_as_the_processor! {
    fn moments_of(bins: &[f64], shares: &[f64]) -> SpectralMoments {
        let centroid_bins = product_sum(bins, shares);
        let mut totals = [[0.0; 4]; 3];
        let mut add = |lane: usize, bin: f64, share: f64| {
            let distance = bin - centroid_bins;
            let square = distance * distance * share;
            totals[0][lane] += square;
            totals[1][lane] += square * distance;
            totals[2][lane] += square * (distance * distance);
        };
        let bins = bins.chunks_exact(4);
        let shares = shares.chunks_exact(4);
        let rest = bins.remainder().iter().zip(shares.remainder());
        for (lane, (&bin, &share)) in rest.enumerate() {
            add(lane, bin, share);
        }
        for (bins, shares) in bins.zip(shares) {
            for lane in 0..4 {
                add(lane, bins[lane], shares[lane]);
            }
        }
        let [second, third, fourth] = totals.map(super::add_up);
        let bandwidth_bins = second.sqrt();
        SpectralMoments { centroid_bins, bandwidth_bins, third, fourth }
    }
}

as_wide_as_the_processor! {
    fn logs_of(shares: &[f64], log_shares: &mut [f64]) -> SpectralLogs {
        let floor = FLOOR / shares.len() as f64;
        for (log, &share) in log_shares.iter_mut().zip(shares) {
            *log = ln(super::larger(share, floor));
        }
        let [sum] = sums(log_shares, |log| [log]);
        SpectralLogs { sum, weighted: product_sum(shares, log_shares) }
    }
}

impl Basis {
    fn spectral(&mut self) -> (&mut Spectral, bool) {
        self.moments();
        let spectral = self.spectral.as_mut().expect("a plan with spectral features has a rate");
        let any = spectral.fill(&self.deviations);
        (spectral, any)
    }

    /// The shares p of power in bins 1 to ⌊n/2⌋; none where the window has no variance.
    pub fn shares(&mut self) -> Option<&[f64]> {
        let (spectral, any) = self.spectral();
        any.then_some(spectral.shares.as_slice())
    }

    /// The powers of bins 1 to ⌊n/2⌋, as `spectrum` defines them; all 0 where the window has no
    /// variance.
    pub fn power(&mut self) -> &[f64] {
        self.spectral().0.spectrum.power()
    }

    /// ln p along the bins, each share raised to the floor.
    pub(super) fn log_shares(&mut self) -> &[f64] {
        self.spectral_logs();
        &self.spectral().0.log_shares
    }

    /// Hertz from one bin to the next.
    pub fn bin_hz(&self) -> f64 {
        self.rate_hz() / self.length()
    }

    /// Moments of the distribution of power over bins; all 0 where the window has no variance.
    pub fn spectral_moments(&mut self) -> SpectralMoments {
        let (spectral, _) = self.spectral();
        if let Some(moments) = spectral.moments {
            return moments;
        }
        let moments = moments_of(&spectral.bins, &spectral.shares);
        spectral.moments = Some(moments);
        moments
    }

    /// Sums over the logarithms of the shares.
    pub fn spectral_logs(&mut self) -> SpectralLogs {
        let (spectral, _) = self.spectral();
        if let Some(logs) = spectral.logs {
            return logs;
        }
        let logs = logs_of(&spectral.shares, &mut spectral.log_shares);
        spectral.logs = Some(logs);
        logs
    }

    /// The share of power in a third of the band.
    pub fn band_power(&mut self, third: Third) -> f64 {
        self.power_within(third.range(self.samples.len()))
    }

    /// The share of power in a sixteenth of the band.
    pub fn sixteenth_power(&mut self, sixteenth: Sixteenth) -> f64 {
        self.power_within(sixteenth.range(self.samples.len()))
    }

    fn power_within(&mut self, bins: std::ops::Range<usize>) -> f64 {
        let (spectral, _) = self.spectral();
        let [share] = sums(&spectral.shares[bins], |share| [share]);
        share
    }
}
