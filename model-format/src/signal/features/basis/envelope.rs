//! The envelope of one channel in a band, and its spectrum: how the strength of what rings in the
//! band rises and falls.

use std::sync::Arc;

use super::machine::{MachineParts, root_mean_square};
use super::{Basis, TIE, product_sum, ratio, sums};
use crate::signal::spectrum::PowerSpectrum;
use crate::signal::spectrum::transform::Transform;

/// An envelope whose fluctuations have no more energy than this share of the channel's (-120 dB) is
/// steady: what is left is how the samples were rounded.
pub(super) const STEADY: f64 = 1e-12;

/// Envelopes of one length.
#[derive(Clone)]
pub(super) struct Envelope {
    machine: Arc<MachineParts>,
    transform: Transform,
    re: Vec<f64>,
    im: Vec<f64>,
    spectrum: PowerSpectrum,
    shares: Vec<f64>,
    /// Whether it fluctuates, once it is known.
    fluctuates: Option<bool>,
}

impl Envelope {
    pub(super) fn new(window_samples: usize, machine: &Arc<MachineParts>) -> Option<Self> {
        machine.envelope.as_ref()?;
        Some(Envelope {
            machine: Arc::clone(machine),
            transform: Transform::new(window_samples),
            re: vec![0.0; window_samples],
            im: vec![0.0; window_samples],
            spectrum: PowerSpectrum::new(window_samples),
            shares: vec![0.0; window_samples / 2],
            fluctuates: None,
        })
    }

    pub(super) fn forget(&mut self) {
        self.fluctuates = None;
    }

    /// Makes sure that the spectrum is there; false where the envelope is steady.
    fn fill(&mut self, deviations: &[f64], energy: f64) -> bool {
        if let Some(fluctuates) = self.fluctuates {
            return fluctuates;
        }
        self.re.copy_from_slice(deviations);
        self.im.fill(0.0);
        self.transform.forward(&mut self.re, &mut self.im);
        // The inverse of a transform is that of the conjugate, conjugated: magnitudes are the same.
        let gains = self.machine.envelope.as_ref().map_or(&[][..], |parts| &parts.gains);
        for ((re, im), gain) in self.re.iter_mut().zip(&mut self.im).zip(gains) {
            *re *= gain;
            *im *= -gain;
        }
        self.transform.forward(&mut self.re, &mut self.im);
        let n = self.re.len() as f64;
        for (re, im) in self.re.iter_mut().zip(&self.im) {
            *re = (*re * *re + im * im).sqrt() / n;
        }
        let [sum] = sums(&self.re, |x| [x]);
        let mean = sum / n;
        self.re.iter_mut().for_each(|x| *x -= mean);
        let fluctuates = product_sum(&self.re, &self.re) > energy * STEADY;
        if fluctuates {
            self.spectrum.compute(&self.re);
            let [total] = sums(self.spectrum.power(), |power| [power]);
            for (share, &power) in self.shares.iter_mut().zip(self.spectrum.power()) {
                *share = ratio(power, total);
            }
        }
        self.fluctuates = Some(fluctuates);
        fluctuates
    }
}

impl Basis {
    fn envelope(&mut self) -> Option<&Envelope> {
        let energy = self.moments().sum_squares;
        let envelope = self.envelope.as_mut().expect("a plan with envelope features has a band");
        envelope.fill(&self.deviations, energy).then_some(envelope)
    }

    /// The shares of the envelope's power in bins 1 to ⌊n/2⌋; none where the envelope is steady.
    pub fn envelope_shares(&mut self) -> Option<&[f64]> {
        self.envelope().map(|envelope| envelope.shares.as_slice())
    }

    /// The powers of the envelope's bins that are looked at, and the position of the first.
    fn envelope_seen(&mut self) -> Option<(&[f64], usize)> {
        let machine = Arc::clone(&self.machine);
        let seen = machine.envelope.as_ref()?.seen.clone();
        let start = seen.start;
        self.envelope().map(|envelope| (&envelope.spectrum.power()[seen], start))
    }

    /// The root mean square of the envelope's fluctuations.
    pub fn envelope_rms(&mut self) -> f64 {
        let n = self.length();
        let Some((power, _)) = self.envelope_seen() else { return 0.0 };
        let [power] = sums(power, |power| [power]);
        root_mean_square(power, n)
    }

    /// The amplitude of the envelope's strongest line.
    pub fn envelope_peak(&mut self) -> f64 {
        let n = self.length();
        let Some((power, _)) = self.envelope_seen() else { return 0.0 };
        // A sine of amplitude 1 on a bin has the power n² / 8 there.
        (highest(power) * 8.0).sqrt() / n
    }

    /// Its frequency; of equal ones the lowest.
    pub fn envelope_peak_frequency(&mut self) -> f64 {
        let bin_hz = self.bin_hz();
        let Some((power, start)) = self.envelope_seen() else { return 0.0 };
        let peak = highest(power);
        let line = peak - peak * TIE;
        let index = power.iter().position(|&power| power >= line).unwrap_or(0);
        (start + index + 1) as f64 * bin_hz
    }
}

fn highest(power: &[f64]) -> f64 {
    power.iter().copied().fold(0.0, super::larger)
}
