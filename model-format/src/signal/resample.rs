//! A streaming, causal resampler: a windowed sinc at the times that the rows really have.
//!
//! An output at time τ is the sum of the rows within 24 periods of the slower of both rates around
//! τ, each weighted with the kernel at its distance and with the time that it stands for, divided
//! by the sum of the weights. The kernel is a sinc under a Kaiser window of 80 dB: up to 0.79 of
//! the lower Nyquist frequency the amplitude stays within 0.01 dB, from the lower Nyquist
//! frequency on it is down by 80 dB. Nothing before a segment's start is invented: the first
//! output lies 24 periods after the first row, and an output leaves when the row 24 periods after
//! it has come. That is the delay.

use std::sync::OnceLock;

/// Half the kernel's width, in periods of the slower rate.
const HALF_PERIODS: usize = 24;
/// Points of the kernel's table per period; between them it is linear, off by less than 1e-5.
const TABLE_POINTS: usize = 512;
/// The kernel's cutoff, in cycles per period of the slower rate: half the transition band (0.104
/// wide with 80 dB over 48 periods) below the Nyquist frequency.
const CUTOFF: f64 = 0.448;
/// Shape of the Kaiser window that leaves 80 dB.
const KAISER_BETA: f64 = 7.857;

/// Turns the rows of a segment into rows on an even grid.
#[derive(Debug)]
pub struct Resampler {
    channels: usize,
    out_ns: f64,
    /// Period of the slower rate.
    period_ns: f64,
    start_ns: i64,
    /// Which output comes next.
    next: u64,
    /// The rows that outputs still need, after `front` rows that they do not.
    times: Vec<i64>,
    values: Vec<f32>,
    front: usize,
    sums: Vec<f64>,
    row: Vec<f32>,
}

impl Resampler {
    /// A resampler of rows of so many channels, with the periods of the rows that come and go.
    pub fn new(channels: usize, in_ns: f64, out_ns: f64) -> Self {
        Resampler {
            channels,
            out_ns,
            period_ns: in_ns.max(out_ns),
            start_ns: 0,
            next: 0,
            times: Vec::new(),
            values: Vec::new(),
            front: 0,
            sums: vec![0.0; channels],
            row: vec![0.0; channels],
        }
    }

    /// How long after its time an output leaves.
    pub fn delay_ns(&self) -> f64 {
        HALF_PERIODS as f64 * self.period_ns
    }

    /// Ends the segment: the next row starts another.
    pub fn end_segment(&mut self) {
        self.times.clear();
        self.values.clear();
        (self.front, self.next) = (0, 0);
    }

    /// Takes the next row of the segment and passes on the outputs that it completes.
    pub fn row(&mut self, time_ns: i64, values: &[f32], next: &mut impl FnMut(i64, &[f32])) {
        if self.times.is_empty() {
            self.start_ns = time_ns;
        }
        if self.times.len() == self.times.capacity() {
            self.times.drain(..self.front);
            self.values.drain(..self.front * self.channels);
            self.front = 0;
        }
        self.times.push(time_ns);
        self.values.extend_from_slice(values);
        let newest = time_ns.saturating_sub(self.start_ns) as f64;
        let delay_ns = self.delay_ns();
        loop {
            let at = delay_ns + self.next as f64 * self.out_ns;
            if newest < at + delay_ns {
                return;
            }
            self.output(at, delay_ns);
            next(self.start_ns.saturating_add(at.round() as i64), &self.row);
            self.next += 1;
        }
    }

    /// Computes the row at `at` nanoseconds after the segment's start.
    fn output(&mut self, at: f64, half_ns: f64) {
        let table = kernel_table();
        let start_ns = self.start_ns;
        let offset = |times: &[i64], row: usize| (times[row] - start_ns) as f64 - at;
        while offset(&self.times, self.front) < -half_ns {
            self.front += 1;
        }
        self.sums.fill(0.0);
        let mut weights = 0.0;
        let points_per_ns = TABLE_POINTS as f64 / self.period_ns;
        let last = self.times.len() - 1;
        for row in self.front..=last {
            let distance = offset(&self.times, row);
            if distance > half_ns {
                break;
            }
            let (before, after) = (row.saturating_sub(1).max(self.front), (row + 1).min(last));
            let stands_for =
                (self.times[after] - self.times[before]) as f64 / (after - before).max(1) as f64;
            let weight = kernel(table, distance.abs() * points_per_ns) * stands_for;
            weights += weight;
            let values = &self.values[row * self.channels..][..self.channels];
            for (sum, value) in self.sums.iter_mut().zip(values) {
                *sum += weight * f64::from(*value);
            }
        }
        for (value, sum) in self.row.iter_mut().zip(&self.sums) {
            // The filter overshoots: values at the edge of the range must not leave it.
            *value = (sum / weights).clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        }
    }
}

fn kernel(table: &[f64], position: f64) -> f64 {
    let point = position as usize;
    match table.get(point..point + 2) {
        Some(ends) => ends[0] + (ends[1] - ends[0]) * (position - point as f64),
        None => 0.0,
    }
}

/// The right half of the kernel.
fn kernel_table() -> &'static [f64] {
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let value = |point: usize| {
            let x = point as f64 / TABLE_POINTS as f64;
            let angle = 2.0 * std::f64::consts::PI * CUTOFF * x;
            let sinc = if point == 0 { 1.0 } else { libm::sin(angle) / angle };
            let share = x / HALF_PERIODS as f64;
            sinc * bessel_i0(KAISER_BETA * (1.0 - share * share).sqrt()) / bessel_i0(KAISER_BETA)
        };
        (0..=HALF_PERIODS * TABLE_POINTS).map(value).collect()
    })
}

/// The modified Bessel function of order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..64 {
        term *= quarter / (f64::from(k) * f64::from(k));
        sum += term;
    }
    sum
}
