//! The real cepstrum of one channel: the transform of the logarithms of its power spectrum, in which
//! a family of lines at equal distances is one peak.

use super::Basis;
use crate::signal::spectrum::transform::Transform;

/// The shortest quefrency that is looked at, in samples: below it lies the outline of the spectrum.
pub const QUEFRENCY_MIN_SAMPLES: usize = 8;

/// Two heights closer than this share of the larger one, or of 1, are equal.
pub(super) const HEIGHT_TIE: f64 = 1e-6;

/// Cepstra of one length.
#[derive(Clone)]
pub(super) struct Cepstrum {
    transform: Transform,
    re: Vec<f64>,
    im: Vec<f64>,
    ready: bool,
}

impl Cepstrum {
    pub(super) fn new(window_samples: usize) -> Self {
        Cepstrum {
            transform: Transform::new(window_samples),
            re: vec![0.0; window_samples],
            im: vec![0.0; window_samples],
            ready: false,
        }
    }

    pub(super) fn forget(&mut self) {
        self.ready = false;
    }

    /// The logarithms less their mean, mirrored about half the rate, with 0 at bin 0.
    fn fill(&mut self, logs: &[f64], mean: f64) {
        let n = self.re.len();
        self.re[0] = 0.0;
        for (index, log) in logs.iter().enumerate() {
            let bin = index + 1;
            self.re[bin] = log - mean;
            self.re[n - bin] = log - mean;
        }
        self.im.fill(0.0);
        self.transform.forward(&mut self.re, &mut self.im);
        self.re.iter_mut().for_each(|x| *x /= n as f64);
        self.ready = true;
    }
}

impl Basis {
    /// The cepstrum at quefrencies of [`QUEFRENCY_MIN_SAMPLES`] up to half a window; none where the
    /// window has no variance.
    fn cepstrum(&mut self) -> Option<&[f64]> {
        self.shares()?;
        let mut cepstrum = self.cepstrum.take().expect("a plan with cepstral features has one");
        if !cepstrum.ready {
            let sum = self.spectral_logs().sum;
            let logs = self.log_shares();
            cepstrum.fill(logs, sum / logs.len() as f64);
        }
        let cepstrum = self.cepstrum.insert(cepstrum);
        Some(&cepstrum.re[QUEFRENCY_MIN_SAMPLES..=self.samples.len() / 2])
    }

    /// The height of the cepstrum's highest peak.
    pub fn cepstral_peak(&mut self) -> f64 {
        self.cepstrum().map_or(0.0, highest)
    }

    /// Where that peak is, in samples; of equal ones the first.
    pub fn cepstral_peak_samples(&mut self) -> f64 {
        let Some(cepstrum) = self.cepstrum() else { return 0.0 };
        let peak = highest(cepstrum);
        let line = peak - peak.max(1.0) * HEIGHT_TIE;
        let index = cepstrum.iter().position(|&height| height >= line).unwrap_or(0);
        (index + QUEFRENCY_MIN_SAMPLES) as f64
    }
}

fn highest(cepstrum: &[f64]) -> f64 {
    cepstrum.iter().copied().fold(f64::NEG_INFINITY, super::larger)
}
