//! The discrete Fourier transform of complex sequences of one length.
//!
//! Our own, because its results must be the same bits on every host: the constants come from
//! `libm` instead of the platform's sine, and there is one order of operations instead of one per
//! instruction set. Real and imaginary parts lie in separate arrays and two butterflies are
//! computed side by side, which compilers turn into vector code.
//!
//! Lengths of factors 2, 3 and 5 are transformed stage by stage (Stockham's form: no reordering);
//! any other length becomes a convolution of a length that is a power of two (Bluestein's form).

use std::ops::{Add, Mul, Sub};

/// A prepared transform with its buffers.
#[derive(Clone)]
pub(crate) enum Transform {
    Stages(Stages),
    Chirp(Box<Chirp>),
}

impl Transform {
    /// For sequences of `length` numbers, at least one.
    pub(crate) fn new(length: usize) -> Self {
        match Stages::new(length) {
            Some(stages) => Transform::Stages(stages),
            None => Transform::Chirp(Box::new(Chirp::new(length))),
        }
    }

    /// Replaces x by X, X[k] = Σ x[t] e^(-2πi t k / n).
    pub(crate) fn forward(&mut self, re: &mut [f64], im: &mut [f64]) {
        match self {
            Transform::Stages(stages) => stages.forward(re, im),
            Transform::Chirp(chirp) => chirp.forward(re, im),
        }
    }
}

/// cos and -sin of 2π k / n.
pub(super) fn twiddle(k: usize, n: usize) -> (f64, f64) {
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * k as f64 / n as f64);
    (cos, -sin)
}

/// Transform of a length whose factors are 2, 3 and 5.
#[derive(Clone)]
pub(crate) struct Stages {
    stages: Vec<Stage>,
    re: Vec<f64>,
    im: Vec<f64>,
}

/// One stage: butterflies of `radix` numbers that lie `groups × stride` apart.
#[derive(Clone)]
struct Stage {
    radix: usize,
    groups: usize,
    stride: usize,
    /// e^(-2πi p j / (radix groups)) at `[(j - 1) groups + p]`.
    twiddles_re: Vec<f64>,
    twiddles_im: Vec<f64>,
}

impl Stages {
    fn new(length: usize) -> Option<Self> {
        let mut stages = Vec::new();
        let (mut rest, mut stride) = (length, 1);
        while rest > 1 {
            let radix = [4, 5, 3, 2].into_iter().find(|radix| rest % radix == 0)?;
            let groups = rest / radix;
            let exponents = (1..radix).flat_map(|j| (0..groups).map(move |p| p * j));
            let (twiddles_re, twiddles_im) = exponents.map(|e| twiddle(e, rest)).unzip();
            stages.push(Stage { radix, groups, stride, twiddles_re, twiddles_im });
            stride *= radix;
            rest = groups;
        }
        Some(Stages { stages, re: vec![0.0; length], im: vec![0.0; length] })
    }

    fn forward(&mut self, re: &mut [f64], im: &mut [f64]) {
        let mut swapped = false;
        for stage in &self.stages {
            if swapped {
                stage.run(&self.re, &self.im, re, im);
            } else {
                stage.run(re, im, &mut self.re, &mut self.im);
            }
            swapped = !swapped;
        }
        if swapped {
            re.copy_from_slice(&self.re);
            im.copy_from_slice(&self.im);
        }
    }
}

impl Stage {
    fn run(&self, re: &[f64], im: &[f64], out_re: &mut [f64], out_im: &mut [f64]) {
        match self.radix {
            2 => self.butterflies::<2>(re, im, out_re, out_im),
            3 => self.butterflies::<3>(re, im, out_re, out_im),
            4 => self.butterflies::<4>(re, im, out_re, out_im),
            _ => self.butterflies::<5>(re, im, out_re, out_im),
        }
    }

    fn butterflies<const R: usize>(
        &self,
        re: &[f64],
        im: &[f64],
        out_re: &mut [f64],
        out_im: &mut [f64],
    ) {
        if self.stride == 1 {
            let pairs = self.groups / 2 * 2;
            for p in (0..pairs).step_by(2) {
                self.across::<R, Pair>(p, re, im, out_re, out_im);
            }
            if pairs < self.groups {
                self.across::<R, f64>(pairs, re, im, out_re, out_im);
            }
            return;
        }
        for p in 0..self.groups {
            let pairs = self.stride / 2 * 2;
            for q in (0..pairs).step_by(2) {
                self.along::<R, Pair>(p, q, re, im, out_re, out_im);
            }
            if pairs < self.stride {
                self.along::<R, f64>(p, pairs, re, im, out_re, out_im);
            }
        }
    }

    /// Butterflies of one or two neighbouring groups in the first stage, where the stride is 1.
    #[inline(always)]
    fn across<const R: usize, V: Number>(
        &self,
        p: usize,
        re: &[f64],
        im: &[f64],
        out_re: &mut [f64],
        out_im: &mut [f64],
    ) {
        let place = |j: usize| p + self.groups * j;
        let a_re = std::array::from_fn(|j| V::load(re, place(j)));
        let a_im = std::array::from_fn(|j| V::load(im, place(j)));
        let (b_re, b_im) = butterfly::<R, V>(a_re, a_im);
        for k in 0..R {
            let (re, im) = if k == 0 {
                (b_re[0], b_im[0])
            } else {
                let (w_re, w_im) = (
                    V::load(&self.twiddles_re, (k - 1) * self.groups + p),
                    V::load(&self.twiddles_im, (k - 1) * self.groups + p),
                );
                turn(b_re[k], b_im[k], w_re, w_im)
            };
            re.scatter(out_re, R * p + k, R);
            im.scatter(out_im, R * p + k, R);
        }
    }

    /// Butterflies of one group for one or two neighbouring positions in the stride.
    #[inline(always)]
    fn along<const R: usize, V: Number>(
        &self,
        p: usize,
        q: usize,
        re: &[f64],
        im: &[f64],
        out_re: &mut [f64],
        out_im: &mut [f64],
    ) {
        let place = |j: usize| q + self.stride * (p + self.groups * j);
        let a_re = std::array::from_fn(|j| V::load(re, place(j)));
        let a_im = std::array::from_fn(|j| V::load(im, place(j)));
        let (b_re, b_im) = butterfly::<R, V>(a_re, a_im);
        for k in 0..R {
            let (re, im) = if k == 0 || p == 0 {
                (b_re[k], b_im[k])
            } else {
                let index = (k - 1) * self.groups + p;
                let w_re = V::all(self.twiddles_re[index]);
                let w_im = V::all(self.twiddles_im[index]);
                turn(b_re[k], b_im[k], w_re, w_im)
            };
            let at = q + self.stride * (R * p + k);
            re.scatter(out_re, at, 1);
            im.scatter(out_im, at, 1);
        }
    }
}

/// The transform of 2, 3, 4 or 5 numbers.
#[inline(always)]
fn butterfly<const R: usize, V: Number>(re: [V; R], im: [V; R]) -> ([V; R], [V; R]) {
    let (mut out_re, mut out_im) = (re, im);
    match R {
        2 => {
            out_re[0] = re[0] + re[1];
            out_im[0] = im[0] + im[1];
            out_re[1] = re[0] - re[1];
            out_im[1] = im[0] - im[1];
        }
        3 => {
            // sin 60°.
            const SIN: f64 = 0.866_025_403_784_438_6;
            let (sum_re, sum_im) = (re[1] + re[2], im[1] + im[2]);
            let (dif_re, dif_im) = ((re[1] - re[2]) * SIN, (im[1] - im[2]) * SIN);
            let (mid_re, mid_im) = (re[0] - sum_re * 0.5, im[0] - sum_im * 0.5);
            out_re[0] = re[0] + sum_re;
            out_im[0] = im[0] + sum_im;
            out_re[1] = mid_re + dif_im;
            out_im[1] = mid_im - dif_re;
            out_re[2] = mid_re - dif_im;
            out_im[2] = mid_im + dif_re;
        }
        4 => {
            let (even_re, even_im) = (re[0] + re[2], im[0] + im[2]);
            let (odd_re, odd_im) = (re[0] - re[2], im[0] - im[2]);
            let (sum_re, sum_im) = (re[1] + re[3], im[1] + im[3]);
            let (dif_re, dif_im) = (re[1] - re[3], im[1] - im[3]);
            out_re[0] = even_re + sum_re;
            out_im[0] = even_im + sum_im;
            out_re[1] = odd_re + dif_im;
            out_im[1] = odd_im - dif_re;
            out_re[2] = even_re - sum_re;
            out_im[2] = even_im - sum_im;
            out_re[3] = odd_re - dif_im;
            out_im[3] = odd_im + dif_re;
        }
        _ => {
            // cos and sin of 72° and 144°.
            const COS: [f64; 2] = [0.309_016_994_374_947_45, -0.809_016_994_374_947_5];
            const SIN: [f64; 2] = [0.951_056_516_295_153_5, 0.587_785_252_292_473_1];
            let (sum_re, sum_im) = ([re[1] + re[4], re[2] + re[3]], [im[1] + im[4], im[2] + im[3]]);
            let (dif_re, dif_im) = ([re[1] - re[4], re[2] - re[3]], [im[1] - im[4], im[2] - im[3]]);
            out_re[0] = re[0] + (sum_re[0] + sum_re[1]);
            out_im[0] = im[0] + (sum_im[0] + sum_im[1]);
            for (k, near, far, sign) in [(1, 0, 1, 1.0), (2, 1, 0, -1.0)] {
                let mid_re = re[0] + (sum_re[0] * COS[near] + sum_re[1] * COS[far]);
                let mid_im = im[0] + (sum_im[0] * COS[near] + sum_im[1] * COS[far]);
                let side_re = dif_re[0] * SIN[near] + dif_re[1] * (SIN[far] * sign);
                let side_im = dif_im[0] * SIN[near] + dif_im[1] * (SIN[far] * sign);
                out_re[k] = mid_re + side_im;
                out_im[k] = mid_im - side_re;
                out_re[R - k] = mid_re - side_im;
                out_im[R - k] = mid_im + side_re;
            }
        }
    }
    (out_re, out_im)
}

/// The product of two complex numbers.
#[inline(always)]
fn turn<V: Number>(re: V, im: V, w_re: V, w_im: V) -> (V, V) {
    (re.times(w_re) - im.times(w_im), re.times(w_im) + im.times(w_re))
}

/// One number or two side by side.
trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<f64, Output = Self> {
    /// From neighbouring places, the first one at `at`.
    fn load(values: &[f64], at: usize) -> Self;
    /// The same number in all places.
    fn all(value: f64) -> Self;
    /// Into places `step` apart, the first one at `at`.
    fn scatter(self, values: &mut [f64], at: usize, step: usize);
    /// The product.
    fn times(self, other: Self) -> Self;
}

impl Number for f64 {
    #[inline(always)]
    fn load(values: &[f64], at: usize) -> Self {
        values[at]
    }

    #[inline(always)]
    fn all(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn scatter(self, values: &mut [f64], at: usize, _: usize) {
        values[at] = self;
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self * other
    }
}

/// Two numbers that go through the same operations: one vector register.
#[derive(Clone, Copy)]
struct Pair([f64; 2]);

impl Number for Pair {
    #[inline(always)]
    fn load(values: &[f64], at: usize) -> Self {
        let pair = &values[at..at + 2];
        Pair([pair[0], pair[1]])
    }

    #[inline(always)]
    fn all(value: f64) -> Self {
        Pair([value; 2])
    }

    #[inline(always)]
    fn scatter(self, values: &mut [f64], at: usize, step: usize) {
        if step == 1 {
            values[at..at + 2].copy_from_slice(&self.0);
        } else {
            values[at] = self.0[0];
            values[at + step] = self.0[1];
        }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Pair([self.0[0] * other.0[0], self.0[1] * other.0[1]])
    }
}

impl Add for Pair {
    type Output = Pair;

    #[inline(always)]
    fn add(self, other: Pair) -> Pair {
        Pair([self.0[0] + other.0[0], self.0[1] + other.0[1]])
    }
}

impl Sub for Pair {
    type Output = Pair;

    #[inline(always)]
    fn sub(self, other: Pair) -> Pair {
        Pair([self.0[0] - other.0[0], self.0[1] - other.0[1]])
    }
}

impl Mul<f64> for Pair {
    type Output = Pair;

    #[inline(always)]
    fn mul(self, factor: f64) -> Pair {
        Pair([self.0[0] * factor, self.0[1] * factor])
    }
}

/// Transform of any length n: with t k = (t² + k² - (k - t)²) / 2 the sum becomes a convolution
/// with the chirp e^(πi t²/n), which two transforms of a power of two compute.
#[derive(Clone)]
pub(crate) struct Chirp {
    length: usize,
    /// e^(-πi t²/n).
    chirp_re: Vec<f64>,
    chirp_im: Vec<f64>,
    /// The transform of the conjugate chirp, divided by its length.
    filter_re: Vec<f64>,
    filter_im: Vec<f64>,
    stages: Stages,
    re: Vec<f64>,
    im: Vec<f64>,
}

impl Chirp {
    fn new(length: usize) -> Self {
        let padded = (2 * length).next_power_of_two();
        let mut stages = Stages::new(padded).expect("a power of two has no other factor");
        // t² modulo 2n keeps the angle exact.
        let (chirp_re, chirp_im): (Vec<f64>, Vec<f64>) =
            (0..length).map(|t| twiddle(t * t % (2 * length), 2 * length)).unzip();
        let (mut filter_re, mut filter_im) = (vec![0.0; padded], vec![0.0; padded]);
        for t in 0..length {
            for place in [t, (padded - t) % padded] {
                filter_re[place] = chirp_re[t] / padded as f64;
                filter_im[place] = -chirp_im[t] / padded as f64;
            }
        }
        stages.forward(&mut filter_re, &mut filter_im);
        let (re, im) = (vec![0.0; padded], vec![0.0; padded]);
        Chirp { length, chirp_re, chirp_im, filter_re, filter_im, stages, re, im }
    }

    fn forward(&mut self, re: &mut [f64], im: &mut [f64]) {
        self.re[self.length..].fill(0.0);
        self.im[self.length..].fill(0.0);
        for t in 0..self.length {
            let turned = turn(re[t], im[t], self.chirp_re[t], self.chirp_im[t]);
            (self.re[t], self.im[t]) = turned;
        }
        self.stages.forward(&mut self.re, &mut self.im);
        for (k, (a_re, a_im)) in self.re.iter_mut().zip(&mut self.im).enumerate() {
            let product = turn(*a_re, *a_im, self.filter_re[k], self.filter_im[k]);
            (*a_re, *a_im) = product;
        }
        // The way back is the way forth with both parts exchanged.
        self.stages.forward(&mut self.im, &mut self.re);
        for k in 0..self.length {
            let turned = turn(self.re[k], self.im[k], self.chirp_re[k], self.chirp_im[k]);
            (re[k], im[k]) = turned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, term by term.
    fn plain(re: &[f64], im: &[f64]) -> Vec<(f64, f64)> {
        let n = re.len();
        let bin = |k: usize| {
            (0..n).fold((0.0, 0.0), |(sum_re, sum_im), t| {
                let (w_re, w_im) = twiddle(t * k % n, n);
                let (term_re, term_im) = turn(re[t], im[t], w_re, w_im);
                (sum_re + term_re, sum_im + term_im)
            })
        };
        (0..n).map(bin).collect()
    }

    #[test]
    fn every_length_has_the_transform_of_the_definition() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        for n in (1..=64).chain([75, 97, 100, 120, 125, 127, 128, 180, 243, 500, 512]) {
            let mut re: Vec<f64> = (0..n).map(|_| next()).collect();
            let mut im: Vec<f64> = (0..n).map(|_| next()).collect();
            let expected = plain(&re, &im);
            Transform::new(n).forward(&mut re, &mut im);
            for (k, (want_re, want_im)) in expected.into_iter().enumerate() {
                let error = (re[k] - want_re).abs().max((im[k] - want_im).abs());
                assert!(error <= 2e-15 * n as f64, "length {n}, bin {k}: {error}");
            }
        }
    }
}
