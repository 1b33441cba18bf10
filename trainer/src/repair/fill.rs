//! The step `fill`: short runs of missing values are filled from the values beside them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::channel;
use super::{Each, Notes, StepError, refused};
use crate::recording::Recording;

/// Fills runs of missing values. A run that is longer than the limit stays as it is, and so does one
/// without a value before it, or for `linear` after it. Rows that are not there at all are made by
/// `resample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairFill)]
pub(crate) struct Fill {
    /// Names of the channels; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    /// What they are filled with.
    method: FillMethod,
    /// The longest run that is filled, in rows.
    gap_max_rows: u64,
}

/// What missing values are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FillMethod {
    /// A straight line in time between the values before and after.
    Linear,
    /// The value before.
    Previous,
}

impl Each for Fill {
    fn apply(&self, mut recording: Recording, notes: &mut Notes) -> Result<Recording, StepError> {
        if self.gap_max_rows == 0 {
            return refused(
                "gap_max_rows",
                "runs of 0 rows are asked for: 1 or more can be filled",
            );
        }
        let named = self.channels.iter().map(|name| channel(&recording, "channels", name));
        let mut places = named.collect::<Result<Vec<usize>, _>>()?;
        if places.is_empty() {
            places = (0..recording.channels.len()).collect();
        }
        for place in places {
            let channel = &mut recording.channels[place];
            let (filled, left) = self.fill(&mut channel.values, &recording.time_ns);
            if filled + left > 0 {
                notes.push(format!(
                    "{}: {} missing values of {:?} filled, {left} left",
                    recording.name, filled, channel.name
                ));
            }
        }
        Ok(recording)
    }
}

impl Fill {
    /// Fills one channel; how many values were filled, and how many were left.
    fn fill(&self, values: &mut [f32], time_ns: &[i64]) -> (u64, u64) {
        let (mut filled, mut left) = (0, 0);
        let mut row = 0;
        while row < values.len() {
            if !values[row].is_nan() {
                row += 1;
                continue;
            }
            let from = row;
            while row < values.len() && values[row].is_nan() {
                row += 1;
            }
            let count = (row - from) as u64;
            let ends = (from.checked_sub(1), (row < values.len()).then_some(row));
            match (self.method, ends) {
                _ if count > self.gap_max_rows => left += count,
                (FillMethod::Previous, (Some(before), _)) => {
                    let value = values[before];
                    values[from..row].fill(value);
                    filled += count;
                }
                (FillMethod::Linear, (Some(before), Some(after))) => {
                    let line = Line::between((time_ns, values), before, after);
                    for row in from..row {
                        values[row] = line.at(time_ns[row]);
                    }
                    filled += count;
                }
                _ => left += count,
            }
        }
        (filled, left)
    }
}

/// A straight line between two rows.
pub(super) struct Line {
    time_ns: i64,
    value: f64,
    per_ns: f64,
}

impl Line {
    /// The line between two rows of a channel.
    pub(super) fn between(
        (time_ns, values): (&[i64], &[f32]),
        before: usize,
        after: usize,
    ) -> Self {
        let span = time_ns[after].saturating_sub(time_ns[before]) as f64;
        let (first, last) = (f64::from(values[before]), f64::from(values[after]));
        // Rows of one time have no line between them: the first value stands for both.
        let per_ns = if span > 0.0 { (last - first) / span } else { 0.0 };
        Line { time_ns: time_ns[before], value: first, per_ns }
    }

    pub(super) fn at(&self, time_ns: i64) -> f32 {
        (self.value + self.per_ns * time_ns.saturating_sub(self.time_ns) as f64) as f32
    }
}
