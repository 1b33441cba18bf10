//! The power spectrum of one real sequence of fixed length, without allocation per call.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

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
    twiddles: Vec<Complex<f64>>,
    transform: Arc<dyn Fft<f64>>,
    packed: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    power: Vec<f64>,
}

impl PowerSpectrum {
    /// Prepares for sequences of `length` values.
    pub fn new(length: usize) -> Self {
        let packed = if length.is_multiple_of(2) { length / 2 } else { length };
        let transform = FftPlannerScalar::new().plan_fft_forward(packed);
        let zero = Complex::new(0.0, 0.0);
        PowerSpectrum {
            hann: hann(length),
            twiddles: (0..=length / 2)
                .map(|k| {
                    let (sin, cos) = libm::sincos(angle(k, length));
                    Complex::new(cos, -sin)
                })
                .collect(),
            packed: vec![zero; packed],
            scratch: vec![zero; transform.get_inplace_scratch_len()],
            power: vec![0.0; length / 2],
            transform,
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
        for (packed, (x, weight)) in self.packed.iter_mut().zip(pairs) {
            *packed = Complex::new(x[0] * weight[0], x[1] * weight[1]);
        }
        self.transform.process_with_scratch(&mut self.packed, &mut self.scratch);
        let half = self.packed.len();
        for k in 1..half {
            let (here, there) = (self.packed[k], self.packed[half - k].conj());
            let even = here + there;
            let odd = here - there;
            let turned = self.twiddles[k] * odd;
            // X = (even - i turned) / 2, and twice |X|² is half of the square below.
            let (re, im) = (even.re + turned.im, even.im - turned.re);
            self.power[k - 1] = (re * re + im * im) * 0.5;
        }
        let nyquist = self.packed[0].re - self.packed[0].im;
        self.power[half - 1] = nyquist * nyquist;
    }

    fn compute_odd(&mut self, values: &[f64]) {
        for ((packed, x), weight) in self.packed.iter_mut().zip(values).zip(&self.hann) {
            *packed = Complex::new(x * weight, 0.0);
        }
        self.transform.process_with_scratch(&mut self.packed, &mut self.scratch);
        for (power, bin) in self.power.iter_mut().zip(&self.packed[1..]) {
            *power = bin.norm_sqr() * 2.0;
        }
    }
}

/// The periodic Hann window of that length.
pub fn hann(length: usize) -> Vec<f64> {
    (0..length).map(|t| 0.5 - 0.5 * libm::cos(angle(t, length))).collect()
}

/// 2π k / n.
fn angle(k: usize, n: usize) -> f64 {
    std::f64::consts::TAU * k as f64 / n as f64
}
