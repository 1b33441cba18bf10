//! The step `cut`: a part of a recording.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::move_labels;
use super::{Each, Notes, StepError, refused};
use crate::recording::Recording;

/// Keeps a part of a recording: by rows, or by seconds since its first row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairCut)]
pub(crate) struct Cut {
    /// The first row that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_row: Option<u64>,
    /// The first row after those that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_row: Option<u64>,
    /// Rows from here on are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_s: Option<f64>,
    /// Rows before this are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_s: Option<f64>,
}

impl Each for Cut {
    fn apply(&self, mut recording: Recording, _: &mut Notes) -> Result<Recording, StepError> {
        let rows = recording.rows();
        let (from, to) = self.rows(&recording)?;
        if from >= to || to > rows {
            let reason =
                format!("the rows {from}..{to} of {} are none: it has 0..{rows}", recording.name);
            let by_rows = self.from_row.is_some() || self.to_row.is_some();
            return refused(if by_rows { "from_row" } else { "from_s" }, reason);
        }
        recording.time_ns = recording.time_ns[from..to].to_vec();
        if !recording.absolute_time {
            // Such times count from the recording's start.
            let start_ns = recording.time_ns[0];
            recording.time_ns.iter_mut().for_each(|time| *time = time.saturating_sub(start_ns));
        }
        for channel in &mut recording.channels {
            channel.values = channel.values[from..to].to_vec();
        }
        move_labels(&mut recording, |row| row.clamp(from as u64, to as u64) - from as u64);
        Ok(recording)
    }
}

impl Cut {
    /// The rows that are kept.
    fn rows(&self, recording: &Recording) -> Result<(usize, usize), StepError> {
        let by_rows = self.from_row.is_some() || self.to_row.is_some();
        let by_time = self.from_s.is_some() || self.to_s.is_some();
        let rows = recording.rows();
        match (by_rows, by_time) {
            (true, true) => refused("from_s", "rows and seconds are both named: name one of them"),
            (false, false) => refused("from_row", "nothing is cut: name rows or seconds"),
            (true, false) => {
                let row = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
                Ok((self.from_row.map_or(0, row), self.to_row.map_or(rows, row)))
            }
            (false, true) => {
                if !recording.time_ns.is_sorted() {
                    let reason =
                        format!("the rows of {} go back in time: cut by rows", recording.name);
                    return refused("from_s", reason);
                }
                let start_ns = recording.time_ns.first().copied().unwrap_or(0);
                let row = |seconds: f64| {
                    let time_ns = (seconds * 1e9).round();
                    recording
                        .time_ns
                        .partition_point(|&time| (time.saturating_sub(start_ns) as f64) < time_ns)
                };
                Ok((self.from_s.map_or(0, row), self.to_s.map_or(rows, row)))
            }
        }
    }
}
