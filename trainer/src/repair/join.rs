//! The step `join`: recordings of different rates become one, on the clock of the first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::{check_size, move_labels, with_values};
use super::{Notes, StepError, Together, refused};
use crate::recording::Recording;

/// Puts the channels of all recordings into one, at the times of the first. Each of its rows gets the
/// nearest row of every other recording; a row for which one has none within the tolerance is left
/// out. The labels and tags are those of the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairJoin)]
pub(crate) struct Join {
    /// The longest time between rows that belong together.
    tolerance_ms: f64,
    /// Whether fewer than half of the rows may be kept.
    #[serde(default)]
    accept_few_rows: bool,
    /// Whether channels get the recording's name and a dot before theirs.
    #[serde(default)]
    name_by_recording: bool,
    /// Whether recordings whose times count from their starts have begun at the same moment.
    #[serde(default)]
    same_start: bool,
}

impl Together for Join {
    fn apply(
        &self,
        mut recordings: Vec<Recording>,
        notes: &mut Notes,
    ) -> Result<Recording, StepError> {
        if !(self.tolerance_ms >= 0.0 && self.tolerance_ms.is_finite()) {
            return refused("tolerance_ms", format!("{} ms are no tolerance", self.tolerance_ms));
        }
        if recordings.len() < 2 {
            return refused("step", "there is one recording alone: name two or more to join");
        }
        self.check(&recordings)?;
        if self.name_by_recording {
            for recording in &mut recordings {
                for channel in &mut recording.channels {
                    channel.name = format!("{}.{}", recording.name, channel.name);
                }
            }
        }
        check_names(&recordings)?;
        let mut others = recordings.split_off(1);
        let Some(mut clock) = recordings.pop() else {
            return refused("step", "there is no recording to join");
        };
        let partners: Vec<Vec<Option<usize>>> =
            others.iter().map(|other| self.partners(&clock.time_ns, &other.time_ns)).collect();
        for (other, partners) in others.iter().zip(&partners) {
            let without = partners.iter().filter(|partner| partner.is_none()).count();
            notes.push(format!(
                "{without} of {} rows of {} have no row of {} within {} ms",
                clock.rows(),
                clock.name,
                other.name,
                self.tolerance_ms
            ));
            if !other.labels.is_empty() || !other.label_sets.is_empty() {
                notes.push(format!("the labels of {} are left out", other.name));
            }
        }
        let rows = clock.rows();
        let whole = |row: &usize| partners.iter().all(|partners| partners[*row].is_some());
        let kept: Vec<usize> = (0..rows).filter(whole).collect();
        notes.push(format!("{} of {rows} rows of {} are kept", kept.len(), clock.name));
        if kept.is_empty() || (2 * kept.len() < rows && !self.accept_few_rows) {
            let reason = format!(
                "{} of {rows} rows of {} would be kept, fewer than half: a larger tolerance may be \
                 right; `accept_few_rows` accepts it",
                kept.len(),
                clock.name
            );
            return refused("tolerance_ms", reason);
        }
        let channels =
            clock.channels.len() + others.iter().map(|o| o.channels.len()).sum::<usize>();
        check_size("step", kept.len() as u64, channels as u64)?;
        for channel in &mut clock.channels {
            channel.values = kept.iter().map(|&row| channel.values[row]).collect();
        }
        for (other, partners) in others.iter_mut().zip(&partners) {
            let from: Vec<usize> = kept.iter().filter_map(|&row| partners[row]).collect();
            for channel in std::mem::take(&mut other.channels) {
                let values = from.iter().map(|&row| channel.values[row]).collect();
                clock.channels.push(with_values(&channel, values));
            }
        }
        clock.time_ns = kept.iter().map(|&row| clock.time_ns[row]).collect();
        move_labels(&mut clock, |row| kept.partition_point(|&kept| (kept as u64) < row) as u64);
        if !clock.absolute_time {
            let start_ns = clock.time_ns[0];
            clock.time_ns.iter_mut().for_each(|time| *time = time.saturating_sub(start_ns));
        }
        Ok(clock)
    }
}

impl Join {
    /// Refuses recordings whose times say nothing about each other, or do not rise.
    fn check(&self, recordings: &[Recording]) -> Result<(), StepError> {
        for recording in recordings {
            if recording.absolute_time != recordings[0].absolute_time {
                let reason = format!(
                    "the times of one of {} and {} are times of day, those of the other count from \
                     its start: these cannot be joined",
                    recordings[0].name, recording.name
                );
                return refused("step", reason);
            }
            if !recording.absolute_time && !self.same_start {
                let reason = format!(
                    "the times of {} count from its start: `same_start` says that all began at the \
                     same moment",
                    recording.name
                );
                return refused("same_start", reason);
            }
            if !recording.time_ns.is_sorted() {
                let reason =
                    format!("the rows of {} go back in time: cut it there", recording.name);
                return refused("step", reason);
            }
        }
        Ok(())
    }

    /// For each time the nearest row of another recording, the earlier one of two.
    fn partners(&self, times: &[i64], others: &[i64]) -> Vec<Option<usize>> {
        let tolerance_ns = self.tolerance_ms * 1e6;
        let mut next = 0;
        let partner = |&time: &i64| {
            while next < others.len() && others[next] <= time {
                next += 1;
            }
            let distance = |row: usize| others[row].abs_diff(time);
            let before = next.checked_sub(1);
            let after = (next < others.len()).then_some(next);
            let nearest = match (before, after) {
                (Some(before), Some(after)) if distance(after) < distance(before) => after,
                (Some(before), _) => before,
                (None, after) => after?,
            };
            (distance(nearest) as f64 <= tolerance_ns).then_some(nearest)
        };
        times.iter().map(partner).collect()
    }
}

fn check_names(recordings: &[Recording]) -> Result<(), StepError> {
    let mut seen = std::collections::BTreeMap::new();
    for recording in recordings {
        for channel in &recording.channels {
            if let Some(other) = seen.insert(channel.name.as_str(), recording.name.as_str()) {
                let reason = format!(
                    "{other} and {} both have a channel {:?}: rename one, or use \
                     `name_by_recording`",
                    recording.name, channel.name
                );
                return refused("name_by_recording", reason);
            }
        }
    }
    Ok(())
}
