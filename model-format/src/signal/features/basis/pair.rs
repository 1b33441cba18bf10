//! What one channel needs to know of another one in the same window.

use super::{Basis, product_sum};

/// The deviations of the channels that others are compared with.
#[derive(Clone)]
pub(super) struct Partners {
    channels: Vec<usize>,
    /// One after another, each as long as a window.
    deviations: Vec<f64>,
    energies: Vec<f64>,
    /// The channel that the next feature compares with.
    current: Option<usize>,
}

impl Partners {
    pub(super) fn new(window_samples: usize, channels: Vec<usize>) -> Self {
        Partners {
            deviations: vec![0.0; window_samples * channels.len()],
            energies: vec![0.0; channels.len()],
            channels,
            current: None,
        }
    }
}

impl Basis {
    pub(super) fn meet_partners(&mut self, window: &[f32], channels: usize) {
        for place in 0..self.partners.channels.len() {
            self.load(window, channels, self.partners.channels[place]);
            let energy = self.moments().sum_squares;
            let n = self.samples.len();
            self.partners.energies[place] = energy;
            self.partners.deviations[place * n..][..n].copy_from_slice(&self.deviations);
        }
    }

    /// Which channel a feature of two channels compares with.
    pub(in crate::signal::features) fn set_partner(&mut self, partner: Option<usize>) {
        self.partners.current = partner;
    }

    /// Pearson's correlation with the partner; 0 where either of them has no variance.
    pub fn correlation(&mut self) -> f64 {
        let energy = self.moments().sum_squares;
        let mut channels = self.partners.channels.iter();
        let place = channels.position(|&channel| Some(channel) == self.partners.current);
        let place = place.expect("a plan names the partners of its features");
        let energies = energy.sqrt() * self.partners.energies[place].sqrt();
        if energies == 0.0 {
            return 0.0;
        }
        let n = self.samples.len();
        product_sum(&self.deviations, &self.partners.deviations[place * n..][..n]) / energies
    }
}
