//! Segments: fills short gaps, ends a segment at longer ones, and resamples where that is due.

use super::resample::Resampler;
use super::sample::WindowRef;
use super::window::Cutter;
use crate::pipeline::{Fill, Pipeline};

/// Rows without gaps on their way to windows.
#[derive(Debug)]
pub(super) struct Segment {
    fill: Fill,
    cutter: Cutter,
    resampler: Option<Resampler>,
    open: bool,
    last_ns: i64,
    /// The last row, kept for filling.
    last: Vec<f32>,
    filled: Vec<f32>,
}

impl Segment {
    pub(super) fn new(pipeline: &Pipeline) -> Self {
        let channels = pipeline.channels.len();
        Segment {
            fill: pipeline.gap.fill,
            cutter: Cutter::new(channels, pipeline.window),
            resampler: None,
            open: false,
            last_ns: 0,
            last: Vec::with_capacity(channels),
            filled: vec![0.0; channels],
        }
    }

    /// Ends the segment: the next row starts another.
    pub(super) fn end(&mut self) {
        self.open = false;
        self.cutter.end_segment();
        if let Some(resampler) = &mut self.resampler {
            resampler.end_segment();
        }
    }

    /// Sends the rows of the next segments through this resampler, or directly.
    pub(super) fn resample(&mut self, resampler: Option<Resampler>) {
        self.end();
        self.resampler = resampler;
    }

    /// How long after the segment's last row this time is; 0 before the first one.
    pub(super) fn interval_ns(&self, time_ns: i64) -> i64 {
        if self.open { time_ns.saturating_sub(self.last_ns) } else { 0 }
    }

    pub(super) fn resampler(&self) -> Option<&Resampler> {
        self.resampler.as_ref()
    }

    /// Takes the next row, before which `missing` rows are missing, of which `missing_max` may be
    /// filled. Answers how many were.
    pub(super) fn row(
        &mut self,
        time_ns: i64,
        values: &[f32],
        missing: u64,
        missing_max: u64,
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) -> u64 {
        let mut filled = 0;
        if self.open && missing > 0 {
            if missing <= missing_max && self.fill != Fill::None {
                self.fill_gap(time_ns, values, missing, emit);
                filled = missing;
            } else {
                self.end();
            }
        }
        self.pass_on(time_ns, values, emit);
        if self.fill != Fill::None {
            self.last.clear();
            self.last.extend_from_slice(values);
        }
        (self.open, self.last_ns) = (true, time_ns);
        filled
    }

    /// Rows evenly spaced in time between the last one and this one.
    fn fill_gap(
        &mut self,
        time_ns: i64,
        values: &[f32],
        missing: u64,
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) {
        let mut filled = std::mem::take(&mut self.filled);
        let span_ns = i128::from(time_ns) - i128::from(self.last_ns);
        let steps = missing + 1;
        for step in 1..steps {
            let share = step as f64 / steps as f64;
            for ((value, before), after) in filled.iter_mut().zip(&self.last).zip(values) {
                let rise = match self.fill {
                    Fill::Linear => (f64::from(*after) - f64::from(*before)) * share,
                    Fill::Hold | Fill::None => 0.0,
                };
                *value = (f64::from(*before) + rise) as f32;
            }
            let passed_ns = span_ns * i128::from(step) / i128::from(steps);
            let filled_ns = (i128::from(self.last_ns) + passed_ns) as i64;
            self.pass_on(filled_ns, &filled, emit);
        }
        self.filled = filled;
    }

    fn pass_on(&mut self, time_ns: i64, values: &[f32], emit: &mut dyn FnMut(WindowRef<'_>)) {
        let cutter = &mut self.cutter;
        match &mut self.resampler {
            None => cutter.row(time_ns, values, emit),
            Some(resampler) => {
                resampler.row(time_ns, values, &mut |at_ns, row| cutter.row(at_ns, row, emit));
            }
        }
    }
}
