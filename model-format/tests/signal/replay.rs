//! Runs samples through a stream and keeps what comes out.

use model_format::pipeline::Pipeline;
use model_format::signal::stream::{Counts, Sample, Stream, WindowRef};
use serde_json::{Value, json};

pub(crate) const MS: i64 = 1_000_000;
pub(crate) const NAN: f32 = f32::NAN;

/// A window that outlives its stream's buffer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) values: Vec<f32>,
    pub(crate) segment_start_ns: i64,
    pub(crate) index: u64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
}

impl From<WindowRef<'_>> for Kept {
    fn from(window: WindowRef<'_>) -> Kept {
        let WindowRef { values, segment_start_ns, index, start_ns, end_ns } = window;
        Kept { values: values.to_vec(), segment_start_ns, index, start_ns, end_ns }
    }
}

/// One row: its event time and its values.
pub(crate) type Row = (i64, Vec<f32>);

/// A pipeline of one channel `x` at 100 Hz with windows of four samples, changed by `changes`.
pub(crate) fn pipeline(changes: Value) -> Pipeline {
    let mut base = json!({
        "channels": [{"name": "x"}],
        "rate": {"fixed": {"hz": 100.0}},
        "window": {"length_samples": 4, "stride_samples": 4},
        "features": ["x.mean"],
    });
    for (key, value) in changes.as_object().unwrap() {
        base[key] = value.clone();
    }
    serde_json::from_value(base).unwrap()
}

pub(crate) fn stream(pipeline: &Pipeline) -> Stream {
    Stream::new(pipeline).unwrap()
}

pub(crate) fn push(stream: &mut Stream, row: &Row, windows: &mut Vec<Kept>) {
    let (time_ns, values) = row;
    let sample = Sample { event_ns: Some(*time_ns), arrival_ns: 0, values };
    stream.push(sample, &mut |window| windows.push(window.into()));
}

pub(crate) fn finish(stream: &mut Stream, windows: &mut Vec<Kept>) {
    stream.finish(&mut |window| windows.push(window.into()));
}

/// All windows of these rows, and what became of the rows.
pub(crate) fn replay(pipeline: &Pipeline, rows: &[Row]) -> (Vec<Kept>, Counts) {
    let mut stream = stream(pipeline);
    let mut windows = Vec::new();
    for row in rows {
        push(&mut stream, row, &mut windows);
    }
    finish(&mut stream, &mut windows);
    (windows, stream.counts().clone())
}

/// Rows of one channel whose value is the sample's number, at the times that are given in
/// milliseconds.
pub(crate) fn numbered(times_ms: impl IntoIterator<Item = i64>) -> Vec<Row> {
    times_ms.into_iter().enumerate().map(|(n, t)| (t * MS, vec![n as f32])).collect()
}

/// The values of each window of a single channel.
pub(crate) fn values(windows: &[Kept]) -> Vec<Vec<f32>> {
    windows.iter().map(|window| window.values.clone()).collect()
}
