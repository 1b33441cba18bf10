//! Replay: a recording goes through the same stream as live samples, and its windows come out.

use std::ops::Range;

use model_format::pipeline::Pipeline;
use model_format::signal::stream::{Drops, Sample, Stream, WindowRef};

use super::TrainError;
use crate::nearest::{hint, nearest};
use crate::recording::Recording;

/// Feeds a recording into a stream and hands out each window with the rows that it covers.
pub(crate) fn replay(
    recording: &Recording,
    pipeline: &Pipeline,
    each: &mut dyn FnMut(WindowRef<'_>, Range<usize>),
) -> Result<Drops, TrainError> {
    let mut columns = Vec::with_capacity(pipeline.channels.len());
    for channel in &pipeline.channels {
        let found = recording.channels.iter().find(|known| known.name == channel.name);
        columns.push(&found.ok_or_else(|| missing(recording, &channel.name))?.values);
    }
    let rows = RowIndex::new(&recording.time_ns);
    let mut emit = |window: WindowRef<'_>| {
        let range = rows.between(window.start_ns, window.end_ns);
        each(window, range);
    };
    let mut stream = Stream::new(pipeline).map_err(TrainError::Pipeline)?;
    let mut values = vec![0.0; columns.len()];
    for (row, &time_ns) in recording.time_ns.iter().enumerate() {
        for (value, column) in values.iter_mut().zip(&columns) {
            *value = column[row];
        }
        let sample = Sample { event_ns: Some(time_ns), arrival_ns: time_ns, values: &values };
        stream.push(sample, &mut emit);
    }
    stream.finish(&mut emit);
    Ok(stream.drops().clone())
}

fn missing(recording: &Recording, channel: &str) -> TrainError {
    let known = nearest(channel, recording.channels.iter().map(|known| known.name.as_str()));
    TrainError::NoChannel {
        recording: recording.name.clone(),
        channel: channel.to_owned(),
        hint: hint(&known),
    }
}

/// Finds rows by time, also where some rows are out of order: these count to their neighbours.
struct RowIndex<'a> {
    time_ns: std::borrow::Cow<'a, [i64]>,
}

impl<'a> RowIndex<'a> {
    fn new(time_ns: &'a [i64]) -> Self {
        if time_ns.is_sorted() {
            return RowIndex { time_ns: time_ns.into() };
        }
        let mut newest = i64::MIN;
        let rising = time_ns.iter().map(|&time| {
            newest = newest.max(time);
            newest
        });
        RowIndex { time_ns: rising.collect::<Vec<_>>().into() }
    }

    fn between(&self, start_ns: i64, end_ns: i64) -> Range<usize> {
        let start = self.time_ns.partition_point(|&time| time < start_ns);
        let end = self.time_ns.partition_point(|&time| time <= end_ns);
        start..end.max(start)
    }
}
