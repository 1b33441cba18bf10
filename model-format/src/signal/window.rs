//! Rows of a segment in, overlapping windows out, from one buffer that never moves a row twice
//! without need.

use super::sample::WindowRef;
use crate::pipeline::Window;

/// Rows that the buffer can take beyond one window before it is moved to the front again.
const SLACK_ROWS_MIN: usize = 256;

/// Cuts a segment into windows.
#[derive(Debug)]
pub(super) struct Cutter {
    channels: usize,
    length: usize,
    stride: u64,
    /// The rows from the next window's start on, after `front` rows that are no longer needed.
    values: Vec<f32>,
    times: Vec<i64>,
    front: usize,
    /// Rows to pass over until the next window starts: only where the stride exceeds the length.
    skip: u64,
    segment_start_ns: i64,
    /// Index of the next window; with `open` false there is no segment.
    index: u64,
    open: bool,
}

impl Cutter {
    pub(super) fn new(channels: usize, window: Window) -> Self {
        let length = window.length_samples as usize;
        let rows = length + length.max(SLACK_ROWS_MIN);
        Cutter {
            channels,
            length,
            stride: u64::from(window.stride_samples),
            values: Vec::with_capacity(rows * channels),
            times: Vec::with_capacity(rows),
            front: 0,
            skip: 0,
            segment_start_ns: 0,
            index: 0,
            open: false,
        }
    }

    /// Ends the segment: the next row starts another.
    pub(super) fn end_segment(&mut self) {
        self.open = false;
        self.values.clear();
        self.times.clear();
        self.front = 0;
    }

    /// Takes the next row of the segment and hands out the window that it completes, if any.
    pub(super) fn row(
        &mut self,
        time_ns: i64,
        values: &[f32],
        emit: &mut dyn FnMut(WindowRef<'_>),
    ) {
        if !self.open {
            (self.open, self.segment_start_ns, self.index, self.skip) = (true, time_ns, 0, 0);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if self.times.len() == self.times.capacity() {
            self.move_to_front();
        }
        self.times.push(time_ns);
        self.values.extend_from_slice(values);
        if self.times.len() - self.front < self.length {
            return;
        }
        let first = self.front;
        emit(WindowRef {
            values: &self.values[first * self.channels..],
            segment_start_ns: self.segment_start_ns,
            index: self.index,
            start_ns: self.times[first],
            end_ns: time_ns,
        });
        self.index += 1;
        let leaving = self.stride.min(self.length as u64);
        self.front += leaving as usize;
        self.skip = self.stride - leaving;
    }

    fn move_to_front(&mut self) {
        self.times.drain(..self.front);
        self.values.drain(..self.front * self.channels);
        self.front = 0;
    }
}
