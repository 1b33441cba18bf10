//! The shared parts as graph values, for all channels at once, under the kernels' names.

use std::sync::Arc;

use super::MARGIN;
use super::machine::MachineParts;
use super::spectral::{FLOOR, Sixteenth, Third};
use crate::onnx::graph::{GraphBuilder, Value};
use crate::onnx::proto::DataType;
use crate::onnx::tensor::Tensor;
use crate::signal::spectrum::hann;

/// The axis of time in `[N, C, W]`, and of everything that is computed along it.
pub(super) const TIME: i64 = 2;

/// The shared parts as graph values. Every accessor writes its nodes in full; the builder writes
/// equal nodes once.
pub struct BasisGraph<'a> {
    /// The graph under construction.
    pub graph: &'a mut GraphBuilder,
    frame: Frame,
}

/// What all nodes of a pipeline's features are about.
#[derive(Clone)]
pub(in crate::signal::features) struct Frame {
    /// 64-bit `[N, C, W]`.
    pub samples: Value,
    /// W.
    pub window_samples: usize,
    /// Samples per second.
    pub rate_hz: Option<f64>,
    /// What is known of the machine.
    pub machine: Arc<MachineParts>,
    /// The channel that a feature of two channels compares with.
    pub partner: Option<usize>,
    /// How many samples the feature looks back.
    pub steps: usize,
}

impl<'a> BasisGraph<'a> {
    pub(in crate::signal::features) fn new(graph: &'a mut GraphBuilder, frame: Frame) -> Self {
        BasisGraph { graph, frame }
    }

    /// The same under another name scope, so that shared nodes are named after what they are.
    pub(super) fn named<T>(
        &mut self,
        scope: &str,
        build: impl FnOnce(&mut BasisGraph<'_>) -> T,
    ) -> T {
        let frame = self.frame.clone();
        self.graph.scoped(scope, |graph| build(&mut BasisGraph { graph, frame }))
    }

    /// The channel that a feature of two channels compares with.
    pub(super) fn partner(&self) -> usize {
        self.frame.partner.expect("a feature of two channels is resolved with both")
    }

    /// What is known of the machine.
    pub(super) fn machine(&self) -> Arc<MachineParts> {
        Arc::clone(&self.frame.machine)
    }

    /// The samples x, `[N, C, W]`.
    pub fn samples(&self) -> Value {
        self.frame.samples.clone()
    }

    /// How many samples the feature looks back, fewer than the window has.
    pub fn steps(&self) -> usize {
        self.frame.steps
    }

    /// The number of samples n.
    pub fn window_samples(&self) -> usize {
        self.frame.window_samples
    }

    /// Samples per second.
    pub fn rate_hz(&self) -> f64 {
        self.frame.rate_hz.expect("features that need a rate are refused without one")
    }

    /// Hertz from one bin to the next.
    pub fn bin_hz(&self) -> f64 {
        self.rate_hz() / self.frame.window_samples as f64
    }

    /// Σ x along time, `[N, C, 1]`.
    pub fn sum(&mut self, x: &Value) -> Value {
        self.graph.reduce_sum(x, TIME, true)
    }

    /// x · c.
    pub fn times(&mut self, x: &Value, c: f64) -> Value {
        let c = self.graph.scalar_f64(c);
        self.graph.mul(x, &c)
    }

    /// x / c.
    pub fn over(&mut self, x: &Value, c: f64) -> Value {
        let c = self.graph.scalar_f64(c);
        self.graph.div(x, &c)
    }

    /// x / n.
    pub fn over_length(&mut self, x: &Value) -> Value {
        self.over(x, self.frame.window_samples as f64)
    }

    /// x².
    pub fn square(&mut self, x: &Value) -> Value {
        self.graph.mul(x, x)
    }

    /// a / b, and 0 where b is 0.
    pub fn ratio(&mut self, a: &Value, b: &Value) -> Value {
        let zero = self.graph.scalar_f64(0.0);
        let empty = self.graph.equal(b, &zero);
        let one = self.graph.scalar_f64(1.0);
        let safe = self.graph.select(&empty, &one, b);
        let quotient = self.graph.div(a, &safe);
        self.graph.select(&empty, &zero, &quotient)
    }

    /// A truth value as 0 or 1.
    pub fn indicator(&mut self, condition: &Value) -> Value {
        self.graph.cast(condition, DataType::Double)
    }

    /// Positions `start..end` along time.
    pub fn range(&mut self, x: &Value, start: usize, end: usize) -> Value {
        self.graph.slice(x, TIME, start, end)
    }

    /// Position `index` along time, `[N, C, 1]`.
    pub fn at(&mut self, x: &Value, index: usize) -> Value {
        self.range(x, index, index + 1)
    }

    /// The smallest sample.
    pub fn min(&mut self) -> Value {
        self.named("levels", |b| b.graph.reduce_min(&b.frame.samples, TIME, true))
    }

    /// The largest sample.
    pub fn max(&mut self) -> Value {
        self.named("levels", |b| b.graph.reduce_max(&b.frame.samples, TIME, true))
    }

    /// max - min.
    pub fn span(&mut self) -> Value {
        let (max, min) = (self.max(), self.min());
        self.named("levels", |b| b.graph.sub(&max, &min))
    }

    /// |x|.
    pub fn magnitudes(&mut self) -> Value {
        self.named("levels", |b| b.graph.abs(&b.frame.samples))
    }

    /// The largest |x|.
    pub fn magnitude(&mut self) -> Value {
        let magnitudes = self.magnitudes();
        self.named("levels", |b| b.graph.reduce_max(&magnitudes, TIME, true))
    }

    /// Σ |x| / n.
    pub fn mean_magnitude(&mut self) -> Value {
        let magnitudes = self.magnitudes();
        self.named("levels", |b| {
            let sum = b.sum(&magnitudes);
            b.over_length(&sum)
        })
    }

    /// √(Σ x² / n).
    pub fn rms(&mut self) -> Value {
        self.named("levels", |b| {
            let squares = b.square(&b.samples());
            let sum = b.sum(&squares);
            let mean = b.over_length(&sum);
            b.graph.sqrt(&mean)
        })
    }

    /// The deviations c from the mean, `[N, C, W]`.
    pub fn deviations(&mut self) -> Value {
        self.named("deviations", |b| {
            let first = b.at(&b.samples(), 0);
            let from_first = b.graph.sub(&b.frame.samples, &first);
            let sum = b.sum(&from_first);
            let mean = b.over_length(&sum);
            b.graph.sub(&from_first, &mean)
        })
    }

    /// c².
    pub fn squared_deviations(&mut self) -> Value {
        let deviations = self.deviations();
        self.named("deviations", |b| b.square(&deviations))
    }

    /// Σ c².
    pub fn deviation_energy(&mut self) -> Value {
        let squares = self.squared_deviations();
        self.named("deviations", |b| b.sum(&squares))
    }

    /// Population variance.
    pub fn variance(&mut self) -> Value {
        let energy = self.deviation_energy();
        self.named("deviations", |b| b.over_length(&energy))
    }

    /// 1 where a sample lies above the mean by more than the margin, else 0.
    pub fn above_mean(&mut self) -> Value {
        let (deviations, span) = (self.deviations(), self.span());
        self.named("above_mean", |b| {
            let margin = b.times(&span, MARGIN);
            let above = b.graph.greater(&deviations, &margin);
            b.indicator(&above)
        })
    }

    /// The differences of neighbours, `[N, C, W - 1]`.
    pub fn changes(&mut self) -> Value {
        self.named("changes", |b| b.differences(&b.samples(), b.frame.window_samples))
    }

    /// The differences of neighbouring differences, `[N, C, W - 2]`.
    pub fn second_changes(&mut self) -> Value {
        let changes = self.changes();
        self.named("second_changes", |b| b.differences(&changes, b.frame.window_samples - 1))
    }

    /// Population variance of the differences.
    pub fn change_variance(&mut self) -> Value {
        let changes = self.changes();
        self.named("changes", |b| b.shifted_variance(&changes, b.frame.window_samples - 1))
    }

    /// Population variance of the second differences.
    pub fn second_change_variance(&mut self) -> Value {
        let changes = self.second_changes();
        self.named("second_changes", |b| b.shifted_variance(&changes, b.frame.window_samples - 2))
    }

    fn differences(&mut self, x: &Value, count: usize) -> Value {
        let later = self.range(x, 1, count);
        let earlier = self.range(x, 0, count - 1);
        self.graph.sub(&later, &earlier)
    }

    /// Variance from Δ - Δ[0], exactly 0 where all are equal.
    fn shifted_variance(&mut self, changes: &Value, count: usize) -> Value {
        let first = self.at(changes, 0);
        let shifted = self.graph.sub(changes, &first);
        let sum = self.sum(&shifted);
        let mean = self.over(&sum, count as f64);
        let deviations = self.graph.sub(&shifted, &mean);
        let squares = self.square(&deviations);
        let energy = self.sum(&squares);
        self.over(&energy, count as f64)
    }

    /// Σ c[t] c[t + lag] / Σ c²; 0 where the window has no variance.
    pub fn autocorrelation(&mut self, lag: usize) -> Value {
        let (deviations, energy) = (self.deviations(), self.deviation_energy());
        let n = self.frame.window_samples;
        let earlier = self.range(&deviations, 0, n - lag);
        let later = self.range(&deviations, lag, n);
        let products = self.graph.mul(&earlier, &later);
        let sum = self.sum(&products);
        self.ratio(&sum, &energy)
    }

    /// The quantile at `percent`, see the kernel.
    pub fn quantile(&mut self, percent: usize) -> Value {
        let sorted = self.named("sorted", |b| {
            b.graph.sort_ascending(&b.frame.samples, TIME, b.frame.window_samples)
        });
        self.named(&format!("quantile_{percent:02}"), |b| b.interpolate(&sorted, percent))
    }

    /// The median of |x - median|.
    pub fn median_distance(&mut self) -> Value {
        let median = self.quantile(50);
        let distances = self.graph.sub(&self.frame.samples, &median);
        let distances = self.graph.abs(&distances);
        let sorted = self.graph.sort_ascending(&distances, TIME, self.frame.window_samples);
        self.interpolate(&sorted, 50)
    }

    fn interpolate(&mut self, sorted: &Value, percent: usize) -> Value {
        let last = self.frame.window_samples - 1;
        let position = last * percent;
        let (index, part) = (position / 100, (position % 100) as f64 / 100.0);
        let below = self.at(sorted, index);
        if part == 0.0 {
            return below;
        }
        let above = self.at(sorted, index + 1);
        let step = self.graph.sub(&above, &below);
        let step = self.times(&step, part);
        self.graph.add(&below, &step)
    }

    /// The shares p of power in bins 1 to ⌊n/2⌋, `[N, C, ⌊n/2⌋]`; all 0 where there is no power.
    pub fn shares(&mut self) -> Value {
        let (power, total) = (self.power(), self.total_power());
        self.named("spectrum", |b| b.ratio(&power, &total))
    }

    pub(super) fn power(&mut self) -> Value {
        let deviations = self.deviations();
        self.named("spectrum", |b| b.power_of(&deviations))
    }

    /// The powers of bins 1 to ⌊n/2⌋ of values without a mean.
    pub(super) fn power_of(&mut self, values: &Value) -> Value {
        let n = self.window_samples();
        let count = n / 2;
        let window = self.graph.constant(Tensor::f64(vec![n], hann(n)));
        let windowed = self.graph.mul(values, &window);
        let column = self.graph.unsqueeze(&windowed, 3);
        let transform = self.graph.dft(&column);
        let bins = self.range(&transform, 1, count + 1);
        let squares = self.square(&bins);
        let power = self.graph.reduce_sum(&squares, 3, false);
        let mut sides = vec![2.0; count];
        if n.is_multiple_of(2) {
            sides[count - 1] = 1.0;
        }
        let sides = self.graph.constant(Tensor::f64(vec![count], sides));
        self.graph.mul(&power, &sides)
    }

    fn total_power(&mut self) -> Value {
        let power = self.power();
        self.named("spectrum", |b| b.sum(&power))
    }

    /// `value` where the window has power, else 0.
    pub fn where_power(&mut self, value: &Value) -> Value {
        let total = self.total_power();
        let zero = self.graph.scalar_f64(0.0);
        let any = self.graph.greater(&total, &zero);
        self.graph.select(&any, value, &zero)
    }

    /// 1, 2, … as a constant along the bins.
    pub(super) fn bins(&mut self) -> Value {
        let count = self.frame.window_samples / 2;
        let bins = (1..=count).map(|k| k as f64).collect();
        self.graph.constant(Tensor::f64(vec![count], bins))
    }

    /// Σ k p.
    pub fn centroid_bins(&mut self) -> Value {
        let shares = self.shares();
        self.named("spectral_moments", |b| {
            let bins = b.bins();
            let weighted = b.graph.mul(&shares, &bins);
            b.sum(&weighted)
        })
    }

    /// k - centroid, along the bins.
    fn bin_distances(&mut self) -> Value {
        let centroid = self.centroid_bins();
        self.named("spectral_moments", |b| {
            let bins = b.bins();
            b.graph.sub(&bins, &centroid)
        })
    }

    /// Σ (k - centroid)^`order` p, for orders from 2 on.
    pub fn spectral_moment(&mut self, order: usize) -> Value {
        let (shares, distances) = (self.shares(), self.bin_distances());
        self.named("spectral_moments", |b| {
            let mut product = shares;
            for _ in 0..order {
                product = b.graph.mul(&product, &distances);
            }
            b.sum(&product)
        })
    }

    /// √ Σ (k - centroid)² p.
    pub fn bandwidth_bins(&mut self) -> Value {
        let second = self.spectral_moment(2);
        self.named("spectral_moments", |b| b.graph.sqrt(&second))
    }

    /// ln p along the bins, each share raised to the floor.
    pub fn spectral_logs(&mut self) -> Value {
        let shares = self.shares();
        self.named("spectral_logs", |b| {
            let floor = b.graph.scalar_f64(FLOOR / (b.frame.window_samples / 2) as f64);
            let raised = b.graph.max(&shares, &floor);
            b.graph.log(&raised)
        })
    }

    /// The share of power in a third of the band.
    pub fn band_power(&mut self, third: Third) -> Value {
        self.power_within(third.range(self.frame.window_samples))
    }

    /// The share of power in a sixteenth of the band.
    pub fn sixteenth_power(&mut self, sixteenth: Sixteenth) -> Value {
        self.power_within(sixteenth.range(self.frame.window_samples))
    }

    fn power_within(&mut self, bins: std::ops::Range<usize>) -> Value {
        let shares = self.shares();
        let part = self.range(&shares, bins.start, bins.end);
        self.sum(&part)
    }
}
