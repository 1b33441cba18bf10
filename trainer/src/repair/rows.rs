//! What steps need to know of rows: their order, stretches without a gap, labels that follow them.

use std::ops::Range;

use super::{BYTES_MAX, StepError, refused};
use crate::nearest::{hint, nearest};
use crate::recording::{LabelSpan, RecordedChannel, Recording};

/// Moves the labels of a recording to other rows: `place` says for a boundary between rows where it
/// lies now. Spans of no rows go.
pub(super) fn move_labels(recording: &mut Recording, place: impl Fn(u64) -> u64) {
    let moved = |spans: &[LabelSpan]| -> Vec<LabelSpan> {
        let spans = spans.iter().map(|span| LabelSpan {
            from_row: place(span.from_row),
            to_row: place(span.to_row),
            class: span.class.clone(),
        });
        spans.filter(|span| span.from_row < span.to_row).collect()
    };
    recording.labels = moved(&recording.labels);
    recording.label_sets.values_mut().for_each(|spans| *spans = moved(spans));
    recording.label_sets.retain(|_, spans| !spans.is_empty());
}

/// Gives a recording other times, and its labels the rows that lie where theirs lay.
pub(super) fn retime(recording: &mut Recording, time_ns: Vec<i64>) {
    let old = std::mem::take(&mut recording.time_ns);
    move_labels(recording, |row| match old.get(row as usize) {
        Some(&time) => time_ns.partition_point(|&new| new < time) as u64,
        None => time_ns.len() as u64,
    });
    recording.time_ns = time_ns;
}

/// Refuses rows that do not follow one another in time.
pub(super) fn check_rising(recording: &Recording) -> Result<(), StepError> {
    let at = recording.time_ns.windows(2).position(|pair| pair[1] <= pair[0]);
    match at {
        None => Ok(()),
        Some(row) => refused(
            "step",
            format!(
                "row {} of {} is not later than the row before it: cut the recording there",
                row + 1,
                recording.name
            ),
        ),
    }
}

/// Rows without a longer interval between them than this.
pub(super) fn stretches(time_ns: &[i64], longest_ns: f64) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut from = 0;
    for row in 1..=time_ns.len() {
        let ends = row == time_ns.len()
            || time_ns[row].saturating_sub(time_ns[row - 1]) as f64 > longest_ns;
        if ends {
            stretches.push(from..row);
            from = row;
        }
    }
    stretches
}

/// Runs of rows of a channel that have a value.
pub(super) fn present(values: &[f32], rows: Range<usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for row in rows {
        if values[row].is_nan() {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == row => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

/// Nanoseconds from row to row: by the rate, or the median interval.
pub(super) fn interval_ns(recording: &Recording) -> Option<f64> {
    if let Some(hz) = recording.rate_hz {
        return Some(1e9 / hz);
    }
    let mut intervals: Vec<i64> =
        recording.time_ns.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = intervals.len() / 2;
    (!intervals.is_empty()).then(|| *intervals.select_nth_unstable(middle).1 as f64)
}

/// Position of a channel.
pub(super) fn channel(
    recording: &Recording,
    field: &'static str,
    name: &str,
) -> Result<usize, StepError> {
    let position = recording.channels.iter().position(|channel| channel.name == name);
    position.map_or_else(
        || {
            let known = recording.channels.iter().map(|channel| channel.name.as_str());
            let hint = hint(&nearest(name, known));
            refused(field, format!("{} has no channel {name:?}{hint}", recording.name))
        },
        Ok,
    )
}

/// Refuses more samples than a repair holds at once.
pub(super) fn check_size(field: &'static str, rows: u64, channels: u64) -> Result<(), StepError> {
    let bytes = rows.saturating_mul(8 + 4 * channels);
    if bytes <= BYTES_MAX {
        return Ok(());
    }
    let reason = format!(
        "{rows} rows of {channels} channels would be made, {} MiB: a repair holds at most {} MiB",
        bytes >> 20,
        BYTES_MAX >> 20
    );
    refused(field, reason)
}

/// A channel like this one with other values.
pub(super) fn with_values(channel: &RecordedChannel, values: Vec<f32>) -> RecordedChannel {
    RecordedChannel {
        name: channel.name.clone(),
        unit: channel.unit.clone(),
        role: channel.role,
        values,
    }
}
