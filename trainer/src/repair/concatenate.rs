//! The step `concatenate`: recordings one after the other become one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rows::check_size;
use super::{Notes, StepError, Together, refused};
use crate::recording::{LabelSpan, Recording};

/// Puts the rows of recordings one after the other: by their times where these are times of day, else
/// in the given order. The channels and the rate of all must be the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RepairConcatenate)]
pub(crate) struct Concatenate {
    /// From the last row of one to the first row of the next, where times count from the starts. Longer
    /// than an interval, so that no window takes the end of one and the start of the next for one
    /// signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause_s: Option<f64>,
}

impl Together for Concatenate {
    fn apply(
        &self,
        mut recordings: Vec<Recording>,
        notes: &mut Notes,
    ) -> Result<Recording, StepError> {
        if recordings.len() < 2 {
            return refused("step", "there is one recording alone: name two or more");
        }
        check_alike(&recordings)?;
        let rows: u64 = recordings.iter().map(|recording| recording.rows() as u64).sum();
        check_size("step", rows, recordings[0].channels.len() as u64)?;
        if recordings[0].absolute_time {
            if self.pause_s.is_some() {
                return refused("pause_s", "the recordings have times of day: these say the pause");
            }
            recordings.sort_by_key(|recording| recording.time_ns.first().copied());
        }
        let mut parts = recordings.into_iter();
        let Some(mut whole) = parts.next() else {
            return refused("step", "there is no recording to put together");
        };
        for part in parts {
            let shift_ns = self.shift_ns(&whole, &part)?;
            notes.push(format!("{} begins at row {}", part.name, whole.rows()));
            append(&mut whole, part, shift_ns);
        }
        Ok(whole)
    }
}

impl Concatenate {
    /// What is added to the times of the next recording.
    fn shift_ns(&self, whole: &Recording, next: &Recording) -> Result<i64, StepError> {
        let (Some(&end_ns), Some(&start_ns)) = (whole.time_ns.last(), next.time_ns.first()) else {
            return Ok(0);
        };
        if whole.absolute_time {
            if start_ns <= end_ns {
                let reason = format!("{} begins before the one before it ends: cut it", next.name);
                return refused("step", reason);
            }
            return Ok(0);
        }
        let Some(pause_s) = self.pause_s else {
            return refused(
                "pause_s",
                "the times count from the starts: say the pause between them",
            );
        };
        if !(pause_s > 0.0 && pause_s <= 1e9) {
            return refused("pause_s", format!("{pause_s} s are no pause"));
        }
        if whole.rate_hz.is_some_and(|hz| pause_s * hz < 2.0) {
            let reason = "the pause is shorter than two intervals: windows would reach over it";
            return refused("pause_s", reason);
        }
        Ok(end_ns.saturating_sub(start_ns).saturating_add((pause_s * 1e9).round() as i64))
    }
}

fn append(whole: &mut Recording, part: Recording, shift_ns: i64) {
    let rows = whole.rows() as u64;
    whole.time_ns.extend(part.time_ns.iter().map(|time| time.saturating_add(shift_ns)));
    for (channel, more) in whole.channels.iter_mut().zip(part.channels) {
        channel.values.extend(more.values);
    }
    let shifted = |spans: Vec<LabelSpan>| {
        spans.into_iter().map(move |span| LabelSpan {
            from_row: span.from_row + rows,
            to_row: span.to_row + rows,
            class: span.class,
        })
    };
    whole.labels.extend(shifted(part.labels));
    for (set, spans) in part.label_sets {
        whole.label_sets.entry(set).or_default().extend(shifted(spans));
    }
    // Of two values of a tag none is true of the whole.
    let tags: BTreeMap<String, String> = std::mem::take(&mut whole.tags);
    whole.tags =
        tags.into_iter().filter(|(tag, value)| part.tags.get(tag) == Some(value)).collect();
}

/// Refuses recordings that are not of one kind.
fn check_alike(recordings: &[Recording]) -> Result<(), StepError> {
    let first = &recordings[0];
    let described = |recording: &Recording| {
        let channels = recording.channels.iter();
        channels.map(|c| (c.name.clone(), c.unit.clone(), c.role)).collect::<Vec<_>>()
    };
    for other in &recordings[1..] {
        let differs = if described(other) != described(first) {
            "channels, their order or units"
        } else if other.rate_hz != first.rate_hz {
            "rate"
        } else if other.absolute_time != first.absolute_time {
            "kind of times"
        } else {
            continue;
        };
        let reason = format!(
            "{} and {} do not have the same {differs}: select, convert or resample first",
            first.name, other.name
        );
        return refused("step", reason);
    }
    Ok(())
}
