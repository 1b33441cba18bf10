//! The step `resample`: rows on an even grid, at another rate.

use std::ops::Range;

use model_format::signal::resample::Resampler;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fill::Line;
use super::rows::{check_rising, check_size, interval_ns, present, retime, stretches};
use super::{Each, Notes, StepError, refused};
use crate::recording::Recording;

/// Makes rows at this rate, beginning with the first row. Nothing is made up between rows that lie
/// further apart than the limit, nor beside a missing value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairResample)]
pub(crate) struct Resample {
    /// Rows per second.
    rate_hz: f64,
    /// How a value is made of those around it.
    method: ResampleMethod,
    /// The longest time between two rows that is no gap; one and a half intervals of the recorded rate
    /// where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap_max_ms: Option<f64>,
}

/// How a value is made of those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResampleMethod {
    /// On a straight line between the rows before and after. To a lower rate, a filter takes away what
    /// that cannot show (80 dB from its Nyquist frequency on), without a delay.
    Linear,
    /// The mean of the rows from here to the next one. To a lower rate alone.
    Mean,
    /// The value of the row before: for states and counters, which no filter may touch.
    Previous,
}

/// The rows that are made.
struct Grid {
    start_ns: i64,
    period_ns: f64,
    /// Number of each row on the grid, ascending.
    numbers: Vec<i64>,
}

impl Grid {
    fn time_ns(&self, number: i64) -> i64 {
        self.start_ns.saturating_add((number as f64 * self.period_ns).round() as i64)
    }

    /// The rows of the grid within these times.
    fn within(&self, from_ns: i64, to_ns: i64) -> Range<usize> {
        let place = |time_ns: i64| self.numbers.partition_point(|&n| self.time_ns(n) < time_ns);
        place(from_ns)..place(to_ns.saturating_add(1))
    }
}

impl Each for Resample {
    fn apply(&self, mut recording: Recording, notes: &mut Notes) -> Result<Recording, StepError> {
        if !(self.rate_hz > 0.0 && self.rate_hz <= 1e9) {
            let reason = format!("{} Hz is asked for: more than 0 and up to 1e9", self.rate_hz);
            return refused("rate_hz", reason);
        }
        check_rising(&recording)?;
        let gap_ns = self.gap_ns(&recording)?;
        let Some(interval_ns) = interval_ns(&recording) else {
            return refused("step", format!("{} has one row alone", recording.name));
        };
        let stretches = stretches(&recording.time_ns, gap_ns);
        let grid = self.grid(&recording, &stretches)?;
        let period_ns = grid.period_ns;
        let is_lower = period_ns > interval_ns * (1.0 + 1e-9);
        if self.method == ResampleMethod::Mean && !is_lower {
            let reason = format!(
                "{} has {} rows a second: there is no mean at {} Hz, use linear",
                recording.name,
                1e9 / interval_ns,
                self.rate_hz
            );
            return refused("method", reason);
        }
        let time_ns = &recording.time_ns;
        for channel in &mut recording.channels {
            let values = &channel.values;
            let mut made = vec![f32::NAN; grid.numbers.len()];
            match self.method {
                ResampleMethod::Mean => means(&grid, time_ns, values, &mut made),
                ResampleMethod::Previous => {
                    for rows in &stretches {
                        previous(&grid, time_ns, values, rows.clone(), &mut made);
                    }
                }
                ResampleMethod::Linear => {
                    let runs = stretches.iter().flat_map(|rows| present(values, rows.clone()));
                    for run in runs {
                        if is_lower {
                            filtered(&grid, interval_ns, time_ns, values, run, &mut made);
                        } else {
                            straight(&grid, time_ns, values, run, &mut made);
                        }
                    }
                }
            }
            channel.values = made;
        }
        let times: Vec<i64> = grid.numbers.iter().map(|&number| grid.time_ns(number)).collect();
        notes.push(format!(
            "{}: {} rows became {}, in {} stretches without a gap",
            recording.name,
            recording.rows(),
            times.len(),
            stretches.len()
        ));
        retime(&mut recording, times);
        recording.rate_hz = Some(self.rate_hz);
        Ok(recording)
    }
}

impl Resample {
    fn gap_ns(&self, recording: &Recording) -> Result<f64, StepError> {
        match (self.gap_max_ms, recording.rate_hz) {
            (Some(ms), _) if ms > 0.0 && ms.is_finite() => Ok(ms * 1e6),
            (Some(ms), _) => {
                refused("gap_max_ms", format!("{ms} ms are asked for: more than 0 are needed"))
            }
            (None, Some(hz)) => Ok(1.5e9 / hz),
            (None, None) => refused(
                "gap_max_ms",
                format!("{} has no rate: say which time between rows is no gap", recording.name),
            ),
        }
    }

    /// The grid's rows within the stretches; for means, those whose span begins in one as well.
    fn grid(&self, recording: &Recording, stretches: &[Range<usize>]) -> Result<Grid, StepError> {
        let start_ns = recording.time_ns.first().copied().unwrap_or(0);
        let mut grid = Grid { start_ns, period_ns: 1e9 / self.rate_hz, numbers: Vec::new() };
        let number = |time_ns: i64| time_ns.saturating_sub(start_ns) as f64 / grid.period_ns;
        let channels = recording.channels.len() as u64;
        let mut spans = Vec::new();
        let mut rows = 0_u64;
        for stretch in stretches {
            let (from_ns, to_ns) =
                (recording.time_ns[stretch.start], recording.time_ns[stretch.end - 1]);
            let mut first = number(from_ns).floor() as i64;
            if self.method != ResampleMethod::Mean && grid.time_ns(first) < from_ns {
                first += 1;
            }
            let mut last = number(to_ns).ceil() as i64;
            while last >= first && grid.time_ns(last) > to_ns {
                last -= 1;
            }
            rows = rows.saturating_add(last.saturating_sub(first).saturating_add(1).max(0) as u64);
            check_size("rate_hz", rows, channels)?;
            spans.push(first..last + 1);
        }
        for span in spans {
            let known = grid.numbers.last().map_or(i64::MIN, |last| last + 1);
            grid.numbers.extend(span.start.max(known)..span.end);
        }
        if grid.numbers.is_empty() {
            let reason = format!("{} would have no row at {} Hz", recording.name, self.rate_hz);
            return refused("rate_hz", reason);
        }
        Ok(grid)
    }
}

fn means(grid: &Grid, time_ns: &[i64], values: &[f32], made: &mut [f32]) {
    let mut row = 0;
    for (place, &number) in grid.numbers.iter().enumerate() {
        let (from_ns, to_ns) = (grid.time_ns(number), grid.time_ns(number + 1));
        let (mut sum, mut count) = (0.0, 0_u32);
        while row < time_ns.len() && time_ns[row] < to_ns {
            if time_ns[row] >= from_ns && !values[row].is_nan() {
                sum += f64::from(values[row]);
                count += 1;
            }
            row += 1;
        }
        if count > 0 {
            made[place] = (sum / f64::from(count)) as f32;
        }
    }
}

fn previous(grid: &Grid, time_ns: &[i64], values: &[f32], rows: Range<usize>, made: &mut [f32]) {
    let mut row = rows.start;
    for place in grid.within(time_ns[rows.start], time_ns[rows.end - 1]) {
        let at_ns = grid.time_ns(grid.numbers[place]);
        while row + 1 < rows.end && time_ns[row + 1] <= at_ns {
            row += 1;
        }
        made[place] = values[row];
    }
}

fn straight(grid: &Grid, time_ns: &[i64], values: &[f32], rows: Range<usize>, made: &mut [f32]) {
    let mut row = rows.start;
    for place in grid.within(time_ns[rows.start], time_ns[rows.end - 1]) {
        let at_ns = grid.time_ns(grid.numbers[place]);
        while row + 1 < rows.end && time_ns[row + 1] <= at_ns {
            row += 1;
        }
        made[place] = match time_ns[row] == at_ns || row + 1 == rows.end {
            true => values[row],
            false => Line::between((time_ns, values), row, row + 1).at(at_ns),
        };
    }
}

/// The rows of one run through the resampler of pipelines. It makes nothing before it has seen half its
/// kernel; so that all of the run comes out, the first and the last value go on that long.
fn filtered(
    grid: &Grid,
    interval_ns: f64,
    time_ns: &[i64],
    values: &[f32],
    rows: Range<usize>,
    made: &mut [f32],
) {
    let (first_ns, last_ns) = (time_ns[rows.start], time_ns[rows.end - 1]);
    let places = grid.within(first_ns, last_ns);
    let Some(&number) = grid.numbers.get(places.start).filter(|_| !places.is_empty()) else {
        return;
    };
    let mut resampler = Resampler::new(1, interval_ns, grid.period_ns);
    let half_ns = resampler.delay_ns();
    let begin_ns = grid.time_ns(number).saturating_sub(half_ns.round() as i64);
    let begins = number;
    let mut take = |count: &mut i64, value: f32| {
        let number = begins + *count;
        *count += 1;
        if let Ok(place) = grid.numbers[places.clone()].binary_search(&number) {
            made[places.start + place] = value;
        }
    };
    let mut count = 0;
    let mut push = |at_ns: i64, value: f32| {
        resampler.row(at_ns, &[value], &mut |_, values| take(&mut count, values[0]));
    };
    let beside = |step: u32| (f64::from(step) * interval_ns).round() as i64;
    let before = (half_ns / interval_ns).ceil() as u32 + 1;
    push(begin_ns, values[rows.start]);
    for step in (1..=before).rev() {
        let at_ns = first_ns.saturating_sub(beside(step));
        if at_ns > begin_ns {
            push(at_ns, values[rows.start]);
        }
    }
    for row in rows.clone() {
        push(time_ns[row], values[row]);
    }
    for step in 1..=before + 1 {
        push(last_ns.saturating_add(beside(step)), values[rows.end - 1]);
    }
}
