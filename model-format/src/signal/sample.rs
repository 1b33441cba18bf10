//! What goes into a stream and what comes out: samples and windows.

/// One row of a stream as it arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The time in the payload, in nanoseconds since 1970 UTC, if it has one.
    pub event_ns: Option<i64>,
    /// The time at which the payload arrived, in nanoseconds since 1970 UTC.
    pub arrival_ns: i64,
    /// A value for each channel, in the pipeline's order; NaN or infinite where there is none.
    pub values: &'a [f32],
}

/// One window as it leaves the stream, borrowed from the stream's buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowRef<'a> {
    /// `length_samples · channels` values, time-major: channel `c` of sample `t` is
    /// `values[t * channels + c]`. All are finite.
    pub values: &'a [f32],
    /// Time of the first sample of the segment that the window lies in.
    pub segment_start_ns: i64,
    /// Which window of its segment this is, from 0.
    pub index: u64,
    /// Time of the window's first sample.
    pub start_ns: i64,
    /// Time of the window's last sample.
    pub end_ns: i64,
}
