//! What should be known about an imported recording before anybody trains on it.

mod advice;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Timing;
use crate::recording::{LabelSpan, Role};
use crate::store::NewEntry;

pub(super) use advice::advise;

/// So many rows in a row at the smallest or largest value are clipped.
const CLIPPED_RUN: u64 = 3;

/// What an import found in one recording.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordingReport {
    /// Its name.
    pub recording: String,
    /// Its digest: the same content comes in once.
    pub content: String,
    /// Rows.
    pub rows: u64,
    /// Sampling rate in hertz, where there is one.
    pub rate_hz: Option<f64>,
    /// Time of the first row, in nanoseconds; since 1970 UTC where `absolute_time` says so.
    pub start_ns: Option<i64>,
    /// Time of the last row.
    pub end_ns: Option<i64>,
    /// True where times count from 1970.
    pub absolute_time: bool,
    /// The channels' names.
    pub channels: Vec<String>,
    /// What is in them.
    pub channel_reports: Vec<ChannelReport>,
    /// The classes, sorted.
    pub classes: Vec<String>,
    /// How much of it each class has.
    pub class_reports: Vec<ClassReport>,
    /// Rows without a label.
    pub unlabelled_rows: u64,
    /// Tags.
    pub tags: std::collections::BTreeMap<String, String>,
    /// Missing values (empty, NaN, null) in its channels.
    pub missing_values: u64,
    /// What its times look like; none where it has no times of its own.
    pub timing: Option<Timing>,
    /// What of the file is not in it, and why.
    pub left_out: Vec<String>,
    /// What else a user should know, in sentences.
    pub notes: Vec<String>,
    /// What to change before training, in sentences.
    pub advice: Vec<String>,
}

/// What is in a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelReport {
    /// Its name.
    pub name: String,
    /// Its unit, if known.
    pub unit: Option<String>,
    /// What it is for.
    pub role: Role,
    /// Rows without a value.
    pub missing: u64,
    /// The smallest value; none where there is no value at all.
    pub least: Option<f32>,
    /// The largest value.
    pub greatest: Option<f32>,
    /// True where all values are the same.
    pub is_constant: bool,
    /// Rows in runs of three or more at the smallest or the largest value, where most rows lie between
    /// them: the sensor may have met its limit.
    pub clipped: u64,
    /// True where each value is the one before and 1.
    pub counts_rows: bool,
}

/// How much of a recording a class has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassReport {
    /// The class.
    pub class: String,
    /// Stretches of rows.
    pub spans: u64,
    /// Rows.
    pub rows: u64,
}

/// What a reader knows beside the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) timing: Option<Timing>,
    pub(super) start_ns: Option<i64>,
    pub(super) end_ns: Option<i64>,
    pub(super) channels: Vec<ChannelCount>,
    pub(super) left_out: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl RecordingReport {
    pub(super) fn new(entry: &NewEntry, findings: Findings) -> Self {
        let NewEntry { info, annotation, .. } = entry;
        let channels = info.channels.iter().zip(&findings.channels);
        let channel_reports: Vec<ChannelReport> =
            channels.map(|(channel, count)| count.report(channel)).collect();
        let class_reports = class_reports(&annotation.labels);
        let labelled: u64 = class_reports.iter().map(|class| class.rows).sum();
        let mut report = RecordingReport {
            recording: info.name.clone(),
            content: info.content.to_string(),
            rows: info.rows,
            rate_hz: info.rate_hz,
            start_ns: findings.start_ns,
            end_ns: findings.end_ns,
            absolute_time: info.absolute_time,
            channels: info.channels.iter().map(|channel| channel.name.clone()).collect(),
            missing_values: channel_reports.iter().map(|channel| channel.missing).sum(),
            channel_reports,
            classes: class_reports.iter().map(|class| class.class.clone()).collect(),
            class_reports,
            unlabelled_rows: info.rows - labelled.min(info.rows),
            tags: annotation.tags.clone(),
            timing: findings.timing,
            left_out: findings.left_out,
            notes: findings.notes,
            advice: Vec::new(),
        };
        report.advice = advise(&report);
        report
    }
}

fn class_reports(labels: &[LabelSpan]) -> Vec<ClassReport> {
    let mut classes = std::collections::BTreeMap::<&str, (u64, u64)>::new();
    for span in labels {
        let (spans, rows) = classes.entry(&span.class).or_default();
        (*spans, *rows) = (*spans + 1, *rows + span.to_row - span.from_row);
    }
    let report = |(class, (spans, rows)): (&str, (u64, u64))| ClassReport {
        class: class.to_owned(),
        spans,
        rows,
    };
    classes.into_iter().map(report).collect()
}

/// Counts the values of a channel as they come.
#[derive(Clone, Debug, Default)]
pub(super) struct ChannelCount {
    missing: u64,
    present: u64,
    least: Extreme,
    greatest: Extreme,
    last: Option<f32>,
    /// Steps from one value to the next that are not 1.
    other_steps: u64,
}

/// The smallest or the largest value, and how the channel stays there.
#[derive(Clone, Copy, Debug, Default)]
struct Extreme {
    value: Option<f32>,
    rows: u64,
    run: u64,
    clipped: u64,
}

impl Extreme {
    fn add(&mut self, value: f32, is_beyond: impl FnOnce(f32) -> bool) {
        match self.value {
            Some(known) if known == value => {
                (self.rows, self.run) = (self.rows + 1, self.run + 1);
                self.clipped += match self.run {
                    CLIPPED_RUN => CLIPPED_RUN,
                    run => u64::from(run > CLIPPED_RUN),
                };
            }
            Some(known) if !is_beyond(known) => self.run = 0,
            _ => *self = Extreme { value: Some(value), rows: 1, run: 1, clipped: 0 },
        }
    }
}

impl ChannelCount {
    pub(super) fn add(&mut self, values: &[f32]) {
        for &value in values {
            if value.is_nan() {
                (self.missing, self.least.run, self.greatest.run) = (self.missing + 1, 0, 0);
                continue;
            }
            self.present += 1;
            self.least.add(value, |known| value < known);
            self.greatest.add(value, |known| value > known);
            let counts = self.last.is_none_or(|last| value == last + 1.0);
            self.other_steps += u64::from(!counts);
            self.last = Some(value);
        }
    }

    fn report(&self, channel: &crate::store::ChannelInfo) -> ChannelReport {
        let is_constant = self.present > 0 && self.least.value == self.greatest.value;
        let between = self.present.saturating_sub(self.least.rows + self.greatest.rows);
        let is_between = !is_constant && 2 * between >= self.present;
        ChannelReport {
            name: channel.name.clone(),
            unit: channel.unit.clone(),
            role: channel.role,
            missing: self.missing,
            least: self.least.value,
            greatest: self.greatest.value,
            is_constant,
            clipped: if is_between { self.least.clipped + self.greatest.clipped } else { 0 },
            counts_rows: self.present >= 3 && self.other_steps == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(values: &[f32]) -> ChannelReport {
        let mut count = ChannelCount::default();
        for part in values.chunks(2) {
            count.add(part);
        }
        count.report(&crate::store::ChannelInfo {
            name: "x".to_owned(),
            unit: None,
            role: Role::Input,
        })
    }

    #[test]
    fn values_that_stay_at_the_limit_are_clipped() {
        let found = report(&[0.0, 1.0, 2.0, 9.0, 9.0, 9.0, 9.0, 3.0, 4.0, 5.0, 9.0, 6.0]);
        assert_eq!((found.clipped, found.least, found.greatest), (4, Some(0.0), Some(9.0)));
        // A new largest value means that the one before was no limit.
        assert_eq!(report(&[0.0, 5.0, 5.0, 5.0, 6.0, 1.0, 2.0, 3.0, 4.0]).clipped, 0);
        // A switch is at its ends all the time.
        assert_eq!(report(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]).clipped, 0);
    }

    #[test]
    fn constants_counters_and_missing_values_are_told_apart() {
        let constant = report(&[2.0, f32::NAN, 2.0]);
        assert!(constant.is_constant && !constant.counts_rows);
        assert_eq!(constant.missing, 1);
        assert!(report(&[5.0, 6.0, 7.0]).counts_rows);
        assert!(!report(&[5.0, 6.0, 8.0]).counts_rows);
        let empty = report(&[f32::NAN, f32::NAN]);
        assert_eq!((empty.is_constant, empty.least, empty.missing), (false, None, 2));
    }
}
