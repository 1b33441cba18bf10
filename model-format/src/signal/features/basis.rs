//! What features share: levels, deviations, changes, sorted values, spectrum; each computed at
//! most once per channel and window, and only where a selected feature asks for it.

mod bins;
mod cepstrum;
mod envelope;
mod graph;
mod machine;
mod machine_graph;
mod order;
mod pair;
mod spectral;

use std::sync::Arc;

pub use cepstrum::QUEFRENCY_MIN_SAMPLES;
pub use graph::BasisGraph;
pub(super) use graph::Frame;
pub use machine::{MachineParts, SpeedChannel, defect_order};
pub use spectral::{ROLLOFF, Sixteenth, TIE, Third};

use cepstrum::Cepstrum;
use envelope::Envelope;
use order::Sorted;
use pair::Partners;
use spectral::Spectral;

use crate::signal::wide::as_wide_as_the_processor;

/// How far above the mean a sample lies before it counts as above it, as a share of the span.
/// Samples that equal the mean (a sine's zero crossings, the level of a step) would otherwise
/// be counted as rounding has it.
pub const MARGIN: f64 = 1e-9;

/// The lazily computed parts of one channel of one window.
#[derive(Clone)]
pub struct Basis {
    samples: Vec<f64>,
    deviations: Vec<f64>,
    levels: Option<Levels>,
    moments: Option<Moments>,
    changes: Option<Changes>,
    second_changes: Option<Changes>,
    steps: usize,
    sorted: Sorted,
    spectral: Option<Spectral>,
    cepstrum: Option<Cepstrum>,
    machine: Arc<MachineParts>,
    envelope: Option<Envelope>,
    /// The speed of the shaft in this window, where a channel measures it.
    speed_bins: Option<f64>,
    partners: Partners,
}

/// What a plan's features ask for besides the samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The rate, where there is a spectrum.
    pub rate_hz: Option<f64>,
    /// Whether there is a cepstrum.
    pub cepstrum: bool,
    /// What is known of the machine.
    pub machine: Arc<MachineParts>,
    /// Channels that others are compared with.
    pub partners: Vec<usize>,
}

/// Extremes and sums of the samples.
#[derive(Clone, Copy)]
pub struct Levels {
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// Σ x.
    pub sum: f64,
    /// Σ x².
    pub sum_squares: f64,
    /// Σ |x|.
    pub sum_magnitudes: f64,
    /// Σ (x - x[0]).
    pub sum_from_first: f64,
}

/// Sums over the deviations c from the mean.
#[derive(Clone, Copy)]
pub struct Moments {
    /// Σ |c|.
    pub sum_magnitudes: f64,
    /// Σ c².
    pub sum_squares: f64,
    /// Σ c³.
    pub sum_cubes: f64,
    /// Σ c⁴.
    pub sum_fourths: f64,
}

/// What is known of a sequence of differences.
#[derive(Clone, Copy)]
pub struct Changes {
    /// Σ |Δ|.
    pub sum_magnitudes: f64,
    /// Population variance of Δ; exactly 0 where all are equal.
    pub variance: f64,
}

impl Basis {
    /// Buffers for windows of `window_samples` samples, and for what is asked for.
    pub(super) fn new(window_samples: usize, asked: Asked) -> Self {
        let Asked { rate_hz, cepstrum, machine, partners } = asked;
        Basis {
            samples: vec![0.0; window_samples],
            deviations: vec![0.0; window_samples],
            levels: None,
            moments: None,
            changes: None,
            second_changes: None,
            steps: 0,
            sorted: Sorted::new(window_samples),
            spectral: rate_hz.map(|hz| Spectral::new(window_samples, hz)),
            cepstrum: cepstrum.then(|| Cepstrum::new(window_samples)),
            envelope: Envelope::new(window_samples, &machine),
            machine,
            speed_bins: None,
            partners: Partners::new(window_samples, partners),
        }
    }

    /// Takes one channel of a window (time order, channels together); what was known is forgotten.
    pub(super) fn load(&mut self, window: &[f32], channels: usize, channel: usize) {
        for (sample, row) in self.samples.iter_mut().zip(window.chunks_exact(channels)) {
            *sample = f64::from(row[channel]);
        }
        self.levels = None;
        self.moments = None;
        self.changes = None;
        self.second_changes = None;
        self.sorted.forget();
        if let Some(spectral) = &mut self.spectral {
            spectral.forget();
        }
        if let Some(cepstrum) = &mut self.cepstrum {
            cepstrum.forget();
        }
        if let Some(envelope) = &mut self.envelope {
            envelope.forget();
        }
    }

    /// Takes what several channels of a window need to know of others, before any of them is loaded:
    /// the speed of the shaft, and the deviations of partners.
    pub(super) fn meet(&mut self, window: &[f32], channels: usize) {
        if let Some(SpeedChannel { channel, unit_bins }) = self.machine.speed_channel() {
            self.load(window, channels, channel);
            let mean = self.levels().sum / self.length();
            self.speed_bins = Some(mean.abs() * unit_bins);
        }
        self.meet_partners(window, channels);
    }

    /// Sets how many samples the next feature looks back.
    pub(super) fn look_back(&mut self, steps: usize) {
        self.steps = steps;
    }

    /// How many samples the feature looks back, fewer than the window has.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The samples x.
    pub fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// The number of samples n.
    pub fn length(&self) -> f64 {
        self.samples.len() as f64
    }

    /// Samples per second.
    pub fn rate_hz(&self) -> f64 {
        self.spectral.as_ref().map_or(0.0, Spectral::rate_hz)
    }

    /// Extremes and sums of the samples.
    pub fn levels(&mut self) -> Levels {
        if let Some(levels) = self.levels {
            return levels;
        }
        let levels = levels_of(&self.samples);
        self.levels = Some(levels);
        levels
    }

    /// max - min; exactly 0 where the window has no variance.
    pub fn span(&mut self) -> f64 {
        let levels = self.levels();
        levels.max - levels.min
    }

    /// The largest |x|.
    pub fn magnitude(&mut self) -> f64 {
        let levels = self.levels();
        larger(levels.max, -levels.min)
    }

    /// Sums over the deviations from the mean.
    pub fn moments(&mut self) -> Moments {
        if let Some(moments) = self.moments {
            return moments;
        }
        let mean_from_first = self.levels().sum_from_first / self.length();
        let moments = moments_of(&self.samples, mean_from_first, &mut self.deviations);
        self.moments = Some(moments);
        moments
    }

    /// The deviations c from the mean.
    pub fn deviations(&mut self) -> &[f64] {
        self.moments();
        &self.deviations
    }

    /// Population variance; exactly 0 where the window has none.
    pub fn variance(&mut self) -> f64 {
        self.moments().sum_squares / self.length()
    }

    /// The line that a deviation must exceed to count as above the mean.
    pub fn margin(&mut self) -> f64 {
        self.span() * MARGIN
    }

    /// The differences of neighbours.
    pub fn changes(&mut self) -> Changes {
        if let Some(changes) = self.changes {
            return changes;
        }
        let changes = changes_of(&self.samples);
        self.changes = Some(changes);
        changes
    }

    /// The differences of neighbouring differences.
    pub fn second_changes(&mut self) -> Changes {
        if let Some(changes) = self.second_changes {
            return changes;
        }
        let changes = second_changes_of(&self.samples);
        self.second_changes = Some(changes);
        changes
    }

    /// Σ c[t] c[t + lag] / Σ c²; 0 where the window has no variance.
    pub fn autocorrelation(&mut self, lag: usize) -> f64 {
        let energy = self.moments().sum_squares;
        if energy == 0.0 {
            return 0.0;
        }
        let later = self.deviations.get(lag..).unwrap_or_default();
        product_sum(&self.deviations[..later.len()], later) / energy
    }
}

as_wide_as_the_processor! {
    fn levels_of(samples: &[f64]) -> Levels {
        let first = samples[0];
        let mut low = [first; 4];
        let mut high = [first; 4];
        let chunks = samples.chunks_exact(4);
        let rest = chunks.remainder();
        for chunk in chunks {
            for lane in 0..4 {
                low[lane] = smaller(chunk[lane], low[lane]);
                high[lane] = larger(chunk[lane], high[lane]);
            }
        }
        let [sum, sum_squares, sum_magnitudes, sum_from_first] =
            sums(samples, |x| [x, x * x, x.abs(), x - first]);
        Levels {
            min: low.iter().chain(rest).fold(first, |least, &x| smaller(x, least)),
            max: high.iter().chain(rest).fold(first, |most, &x| larger(x, most)),
            sum,
            sum_squares,
            sum_magnitudes,
            sum_from_first,
        }
    }

    /// Fills `deviations` with `x - x[0] - mean_from_first`, and sums over them.
    fn moments_of(samples: &[f64], mean_from_first: f64, deviations: &mut [f64]) -> Moments {
        let first = samples[0];
        for (deviation, x) in deviations.iter_mut().zip(samples) {
            *deviation = (x - first) - mean_from_first;
        }
        let [sum_magnitudes, sum_squares, sum_cubes, sum_fourths] =
            sums(deviations, |c| [c.abs(), c * c, c * c * c, (c * c) * (c * c)]);
        Moments { sum_magnitudes, sum_squares, sum_cubes, sum_fourths }
    }

    fn changes_of(samples: &[f64]) -> Changes {
        Changes::of::<1>(samples, |x| x[1] - x[0])
    }

    fn second_changes_of(samples: &[f64]) -> Changes {
        Changes::of::<2>(samples, |x| (x[2] - x[1]) - (x[1] - x[0]))
    }
}

impl Changes {
    /// Of the differences that `difference` takes of `ORDER + 1` neighbours. The variance comes
    /// from sums of Δ - Δ[0], which are all exactly 0 where the differences are equal.
    #[inline(always)]
    fn of<const ORDER: usize>(samples: &[f64], difference: impl Fn(&[f64]) -> f64) -> Self {
        let count = samples.len().saturating_sub(ORDER);
        if count == 0 {
            return Changes { sum_magnitudes: 0.0, variance: 0.0 };
        }
        let first = difference(samples);
        let mut totals = [[0.0; 4]; 3];
        let mut add = |lane: usize, change: f64| {
            let shifted = change - first;
            totals[0][lane] += change.abs();
            totals[1][lane] += shifted;
            totals[2][lane] += shifted * shifted;
        };
        let whole = count / 4 * 4;
        for start in (0..whole).step_by(4) {
            let near = &samples[start..start + 4 + ORDER];
            for lane in 0..4 {
                add(lane, difference(&near[lane..lane + ORDER + 1]));
            }
        }
        for start in whole..count {
            add(start - whole, difference(&samples[start..]));
        }
        let [sum_magnitudes, sum, sum_squares] = totals.map(add_up);
        let mean = sum / count as f64;
        Changes { sum_magnitudes, variance: sum_squares / count as f64 - mean * mean }
    }
}

/// Sums of `terms(x)` over all values, in four lanes that compilers turn into vector code.
#[inline(always)]
pub fn sums<const K: usize>(values: &[f64], terms: impl Fn(f64) -> [f64; K]) -> [f64; K] {
    let mut totals = [[0.0; 4]; K];
    let chunks = values.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..4 {
            let terms = terms(chunk[lane]);
            for (total, term) in totals.iter_mut().zip(terms) {
                total[lane] += term;
            }
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        for (total, term) in totals.iter_mut().zip(terms(value)) {
            total[lane] += term;
        }
    }
    totals.map(add_up)
}

/// Σ a b.
#[inline(always)]
pub fn product_sum(a: &[f64], b: &[f64]) -> f64 {
    let mut totals = [0.0; 4];
    let (a_chunks, b_chunks) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    for (lane, (a, b)) in rest.enumerate() {
        totals[lane] += a * b;
    }
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..4 {
            totals[lane] += a[lane] * b[lane];
        }
    }
    add_up(totals)
}

#[inline(always)]
fn add_up(lanes: [f64; 4]) -> f64 {
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// The place of the first `x`, looked for in steps that compilers turn into vector code.
pub fn first_place(values: &[f64], x: f64) -> Option<usize> {
    let step = values.chunks(STEP).position(|step| holds(step, x))?;
    let start = step * STEP;
    values[start..].iter().position(|&value| value == x).map(|place| start + place)
}

/// The place of the last `x`.
pub fn last_place(values: &[f64], x: f64) -> Option<usize> {
    let step = values.rchunks(STEP).position(|step| holds(step, x))?;
    let end = values.len() - step * STEP;
    values[..end].iter().rposition(|&value| value == x)
}

/// Values that are compared before it is asked whether one was equal.
const STEP: usize = 16;

fn holds(values: &[f64], x: f64) -> bool {
    values.iter().fold(false, |any, &value| any | (value == x))
}

/// The smaller of two numbers, as one instruction: `f64::min` also sorts out NaN.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger of two numbers, as one instruction.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// a / b, and 0 where b is 0.
pub fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
