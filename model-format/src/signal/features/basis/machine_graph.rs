//! What features of vibration share, as graph values, under the kernels' names.

use super::TIE;
use super::bins::{BinWeights, Multiples};
use super::cepstrum::{HEIGHT_TIE, QUEFRENCY_MIN_SAMPLES};
use super::envelope::STEADY;
use super::graph::{BasisGraph, TIME};
use super::machine::{MEAN_SQUARE, Tracked};
use crate::onnx::graph::Value;
use crate::onnx::proto::DataType;
use crate::onnx::tensor::Tensor;
use crate::signal::features::needs::Defect;

impl BasisGraph<'_> {
    /// Σ weight · power along the bins.
    fn weighted_sum(&mut self, power: &Value, weights: &BinWeights) -> Value {
        let BinWeights { start, weights } = weights;
        let part = self.range(power, *start, start + weights.len());
        let weights = self.graph.constant(Tensor::f64(vec![weights.len()], weights.clone()));
        let weighted = self.graph.mul(&part, &weights);
        self.sum(&weighted)
    }

    /// √ of the mean square that a sum of powers stands for.
    fn root_mean_square(&mut self, power: &Value) -> Value {
        let n = self.window_samples() as f64;
        let scaled = self.times(power, MEAN_SQUARE);
        let mean = self.over(&scaled, n * n);
        self.graph.sqrt(&mean)
    }

    /// The root mean square in the band of that index.
    pub fn band_rms(&mut self, index: usize) -> Value {
        let (machine, power) = (self.machine(), self.power());
        let sum = self.weighted_sum(&power, &machine.bands[index]);
        self.root_mean_square(&sum)
    }

    /// The root mean square of the velocity in mm/s.
    pub fn velocity_rms(&mut self) -> Value {
        let (machine, power) = (self.machine(), self.power());
        let velocity = machine.velocity.as_ref().expect("checked with the pipeline");
        let sum = self.weighted_sum(&power, &velocity.weights);
        self.root_mean_square(&sum)
    }

    /// The share of power around the order of that index.
    pub fn order_power(&mut self, index: usize) -> Value {
        let (machine, shares) = (self.machine(), self.shares());
        self.tracked_sum(&shares, &machine.orders[index])
    }

    /// The share of the envelope's power around the frequency of a defect and its multiples.
    pub fn defect_power(&mut self, defect: Defect) -> Value {
        let (machine, shares) = (self.machine(), self.envelope_shares());
        self.tracked_sum(&shares, &machine.defects[defect as usize])
    }

    fn tracked_sum(&mut self, shares: &Value, tracked: &Tracked) -> Value {
        if self.machine().speed_channel().is_none() {
            return self.weighted_sum(shares, &tracked.constant);
        }
        let speed = self.speed_bins();
        let Multiples { order, count, spacing, tolerance } = tracked.multiples;
        let limit = self.times(&speed, spacing * 0.5);
        let sums: Vec<Value> = (1..=count)
            .map(|multiple| {
                let centre = self.times(&speed, order * f64::from(multiple));
                let share = self.times(&centre, tolerance);
                let one = self.graph.scalar_f64(1.0);
                let wide = self.graph.max(&share, &one);
                let reach = self.graph.min(&wide, &limit);
                let weights = self.cells_around(&centre, &reach);
                let weighted = self.graph.mul(shares, &weights);
                self.sum(&weighted)
            })
            .collect();
        sums.into_iter().reduce(|sum, part| self.graph.add(&sum, &part)).expect("at least one")
    }

    /// The share of each bin's cell that lies within `reach` of `centre`, along the bins.
    fn cells_around(&mut self, centre: &Value, reach: &Value) -> Value {
        let bins = self.bins();
        let distances = self.graph.sub(&bins, centre);
        let distances = self.graph.abs(&distances);
        let half = self.graph.scalar_f64(0.5);
        let edge = self.graph.add(reach, &half);
        let inside = self.graph.sub(&edge, &distances);
        let one = self.graph.scalar_f64(1.0);
        let inside = self.graph.min(&inside, &one);
        let width = self.times(reach, 2.0);
        let inside = self.graph.min(&inside, &width);
        let zero = self.graph.scalar_f64(0.0);
        self.graph.max(&inside, &zero)
    }

    /// The speed of the shaft in bins, `[N, 1, 1]`.
    fn speed_bins(&mut self) -> Value {
        let parts = self.machine().speed_channel().expect("asked for only where there is one");
        self.named("speed", |b| {
            let samples = b.samples();
            let speed = b.graph.slice(&samples, 1, parts.channel, parts.channel + 1);
            let sum = b.sum(&speed);
            let mean = b.over_length(&sum);
            let size = b.graph.abs(&mean);
            b.times(&size, parts.unit_bins)
        })
    }

    /// The deviations of the envelope from its mean, `[N, C, W]`.
    fn envelope_deviations(&mut self) -> Value {
        let (machine, deviations) = (self.machine(), self.deviations());
        let parts = machine.envelope.as_ref().expect("checked with the pipeline");
        self.named("envelope", |b| {
            let column = b.graph.unsqueeze(&deviations, 3);
            let transform = b.graph.dft(&column);
            // Conjugated: the magnitudes of the inverse are those of another transform.
            let gains = parts.gains.iter().flat_map(|&gain| [gain, -gain]).collect();
            let gains = b.graph.constant(Tensor::f64(vec![parts.gains.len(), 2], gains));
            let band = b.graph.mul(&transform, &gains);
            let analytic = b.graph.dft(&band);
            let squares = b.square(&analytic);
            let squares = b.graph.reduce_sum(&squares, 3, false);
            let magnitudes = b.graph.sqrt(&squares);
            let envelope = b.over_length(&magnitudes);
            let sum = b.sum(&envelope);
            let mean = b.over_length(&sum);
            b.graph.sub(&envelope, &mean)
        })
    }

    /// The powers of the envelope's bins; all 0 where the envelope is steady.
    fn envelope_power(&mut self) -> Value {
        let (envelope, energy) = (self.envelope_deviations(), self.deviation_energy());
        self.named("envelope", |b| {
            let squares = b.square(&envelope);
            let own = b.sum(&squares);
            let line = b.times(&energy, STEADY);
            let fluctuates = b.graph.greater(&own, &line);
            let power = b.power_of(&envelope);
            let zero = b.graph.scalar_f64(0.0);
            b.graph.select(&fluctuates, &power, &zero)
        })
    }

    fn envelope_shares(&mut self) -> Value {
        let power = self.envelope_power();
        self.named("envelope", |b| {
            let total = b.sum(&power);
            b.ratio(&power, &total)
        })
    }

    /// The powers of the envelope's bins that are looked at, and the position of the first.
    fn envelope_seen(&mut self) -> (Value, usize) {
        let (machine, power) = (self.machine(), self.envelope_power());
        let seen = &machine.envelope.as_ref().expect("checked with the pipeline").seen;
        (self.named("envelope", |b| b.range(&power, seen.start, seen.end)), seen.start)
    }

    /// The root mean square of the envelope's fluctuations.
    pub fn envelope_rms(&mut self) -> Value {
        let (power, _) = self.envelope_seen();
        let sum = self.sum(&power);
        self.root_mean_square(&sum)
    }

    /// The amplitude of the envelope's strongest line.
    pub fn envelope_peak(&mut self) -> Value {
        let (power, _) = self.envelope_seen();
        let peak = self.graph.reduce_max(&power, TIME, true);
        let square = self.times(&peak, 8.0);
        let root = self.graph.sqrt(&square);
        self.over_length(&root)
    }

    /// Its frequency.
    pub fn envelope_peak_frequency(&mut self) -> Value {
        let (power, start) = self.envelope_seen();
        let peak = self.graph.reduce_max(&power, TIME, true);
        let margin = self.times(&peak, TIE);
        let line = self.graph.sub(&peak, &margin);
        let index = self.first_from(&power, &line);
        let first = self.graph.scalar_f64((start + 1) as f64);
        let bins = self.graph.add(&index, &first);
        let frequency = self.times(&bins, self.bin_hz());
        let zero = self.graph.scalar_f64(0.0);
        let any = self.graph.greater(&peak, &zero);
        self.graph.select(&any, &frequency, &zero)
    }

    /// The first position along time that reaches `line`, as a number.
    fn first_from(&mut self, values: &Value, line: &Value) -> Value {
        let strong = self.graph.greater_or_equal(values, line);
        let strong = self.indicator(&strong);
        let index = self.graph.arg_max(&strong, TIME, true, false);
        self.graph.cast(&index, DataType::Double)
    }

    /// The cepstrum from the shortest quefrency that is looked at to half a window.
    fn cepstrum(&mut self) -> Value {
        let logs = self.spectral_logs();
        self.named("cepstrum", |b| {
            let n = b.window_samples();
            let count = n / 2;
            let sum = b.sum(&logs);
            let mean = b.over(&sum, count as f64);
            let centred = b.graph.sub(&logs, &mean);
            let nothing = b.times(&mean, 0.0);
            let half = b.graph.concat(&[&nothing, &centred], TIME);
            let mirrored: Vec<i64> = (0..n).map(|bin| bin.min(n - bin) as i64).collect();
            let whole = b.graph.gather(&half, &mirrored, TIME);
            let column = b.graph.unsqueeze(&whole, 3);
            let transform = b.graph.dft(&column);
            let seen = b.range(&transform, QUEFRENCY_MIN_SAMPLES, count + 1);
            let real = b.graph.slice(&seen, 3, 0, 1);
            let real = b.graph.reduce_sum(&real, 3, false);
            b.over_length(&real)
        })
    }

    /// The height of the cepstrum's highest peak.
    pub fn cepstral_peak(&mut self) -> Value {
        let cepstrum = self.cepstrum();
        let peak = self.graph.reduce_max(&cepstrum, TIME, true);
        self.where_power(&peak)
    }

    /// Where that peak is, in samples.
    pub fn cepstral_peak_samples(&mut self) -> Value {
        let cepstrum = self.cepstrum();
        let peak = self.graph.reduce_max(&cepstrum, TIME, true);
        let one = self.graph.scalar_f64(1.0);
        let size = self.graph.max(&peak, &one);
        let margin = self.times(&size, HEIGHT_TIE);
        let line = self.graph.sub(&peak, &margin);
        let index = self.first_from(&cepstrum, &line);
        let first = self.graph.scalar_f64(QUEFRENCY_MIN_SAMPLES as f64);
        let samples = self.graph.add(&index, &first);
        self.where_power(&samples)
    }

    /// Pearson's correlation with the partner.
    pub fn correlation(&mut self) -> Value {
        let partner = self.partner();
        let (deviations, energy) = (self.deviations(), self.deviation_energy());
        let of_partner = |b: &mut Self, x: &Value| b.graph.slice(x, 1, partner, partner + 1);
        let (other, other_energy) = (of_partner(self, &deviations), of_partner(self, &energy));
        let products = self.graph.mul(&deviations, &other);
        let sum = self.sum(&products);
        let (root, other_root) = (self.graph.sqrt(&energy), self.graph.sqrt(&other_energy));
        let energies = self.graph.mul(&root, &other_root);
        self.ratio(&sum, &energies)
    }
}
