//! The power spectrum of one real sequence of fixed length, without allocation per call.

mod logarithm;
pub(crate) mod transform;

use transform::{Transform, twiddle};

pub use logarithm::ln;

/// Computes one-sided power spectra of sequences of one length.
///
/// The sequence is multiplied by a periodic Hann window (0.5 - 0.5 cos(2πt/n)) and transformed;
/// the power of bin k is |X_k|², twice that where the bin stands for two frequencies of opposite
/// sign, so everywhere but at the Nyquist frequency of an even length. Bin 0 is left out: callers
/// remove the mean.
#[derive(Clone)]
pub struct PowerSpectrum {
    hann: Vec<f64>,
    /// e^(-2πik/n): from the half-length transform of an even sequence to its spectrum.
    twiddles_re: Vec<f64>,
    twiddles_im: Vec<f64>,
    transform: Transform,
    re: Vec<f64>,
    im: Vec<f64>,
    power: Vec<f64>,
}

impl PowerSpectrum {
    /// Prepares for sequences of `length` values, at least two.
    pub fn new(length: usize) -> Self {
        let packed = if length.is_multiple_of(2) { length / 2 } else { length };
        let (twiddles_re, twiddles_im) = (0..=length / 4).map(|k| twiddle(k, length)).unzip();
        PowerSpectrum {
            hann: hann(length),
            twiddles_re,
            twiddles_im,
            transform: Transform::new(packed),
            re: vec![0.0; packed],
            im: vec![0.0; packed],
            power: vec![0.0; length / 2],
        }
    }

    /// The powers of bins 1 to ⌊n/2⌋ as computed last.
    pub fn power(&self) -> &[f64] {
        &self.power
    }

    /// Computes the powers of `values`, which has the prepared length.
    pub fn compute(&mut self, values: &[f64]) {
        if self.hann.len().is_multiple_of(2) {
            self.compute_even(values);
        } else {
            self.compute_odd(values);
        }
    }

    /// Even positions become real parts and odd ones imaginary parts of a sequence of half the
    /// length; its transform holds both halves' spectra, which are taken apart by symmetry.
    fn compute_even(&mut self, values: &[f64]) {
        let pairs = values.chunks_exact(2).zip(self.hann.chunks_exact(2));
        for ((re, im), (x, weight)) in self.re.iter_mut().zip(&mut self.im).zip(pairs) {
            *re = x[0] * weight[0];
            *im = x[1] * weight[1];
        }
        self.transform.forward(&mut self.re, &mut self.im);
        let half = self.re.len();
        let middle = half / 2;
        let (low, high) = self.power[..half - 1].split_at_mut(middle);
        // Bins k and half - k, for which both need the same sums: high has them in reverse.
        let there = self.re[middle..].iter().rev().zip(self.im[middle..].iter().rev());
        let here = self.re[1..].iter().zip(&self.im[1..]);
        let twiddles = self.twiddles_re[1..].iter().zip(&self.twiddles_im[1..]);
        let powers = low.iter_mut().zip(high.iter_mut().rev());
        for ((((a_re, a_im), (b_re, b_im)), (w_re, w_im)), (low, high)) in
            here.zip(there).zip(twiddles).zip(powers)
        {
            let (even_re, even_im) = (a_re + b_re, a_im - b_im);
            let (odd_re, odd_im) = (a_re - b_re, a_im + b_im);
            let turned_re = w_re * odd_re - w_im * odd_im;
            let turned_im = w_re * odd_im + w_im * odd_re;
            // X[k] = (even - i turned) / 2; for half - k both are conjugated and turned negated.
            // Twice |X|² is half of the square of the bracket.
            let (re, im) = (even_re + turned_im, even_im - turned_re);
            *low = (re * re + im * im) * 0.5;
            let (re, im) = (even_re - turned_im, even_im + turned_re);
            *high = (re * re + im * im) * 0.5;
        }
        if half.is_multiple_of(2) {
            // The middle bin is its own partner: X = conj(Z).
            let (re, im) = (self.re[middle], self.im[middle]);
            self.power[middle - 1] = (re * re + im * im) * 2.0;
        }
        let nyquist = self.re[0] - self.im[0];
        self.power[half - 1] = nyquist * nyquist;
    }

    fn compute_odd(&mut self, values: &[f64]) {
        for ((re, x), weight) in self.re.iter_mut().zip(values).zip(&self.hann) {
            *re = x * weight;
        }
        self.im.fill(0.0);
        self.transform.forward(&mut self.re, &mut self.im);
        for (power, (re, im)) in self.power.iter_mut().zip(self.re[1..].iter().zip(&self.im[1..])) {
            *power = (re * re + im * im) * 2.0;
        }
    }
}

/// The periodic Hann window of that length.
pub fn hann(length: usize) -> Vec<f64> {
    (0..length).map(|t| 0.5 - 0.5 * twiddle(t, length).0).collect()
}
