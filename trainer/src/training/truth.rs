//! What is true of a window: its class by the recording's labels, its value by the target.

use std::ops::Range;

use super::TrainError;
use super::settings::{LabelRule, Selection, TargetName, TargetRule};
use crate::nearest::{hint, nearest};
use crate::recording::{LabelSpan, Recording};

/// Answers what is true of a recording's windows.
pub(crate) struct Truth<'a> {
    labels: &'a [LabelSpan],
    label_rule: LabelRule,
    unlabelled: Option<&'a str>,
    target: TargetValues<'a>,
    target_rule: TargetRule,
}

enum TargetValues<'a> {
    None,
    Constant(f32),
    Rows(&'a [f32]),
}

/// The class of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowClass<'a> {
    /// The class by the rule.
    pub(crate) class: &'a str,
    /// True where every row has it.
    pub(crate) whole: bool,
}

impl<'a> Truth<'a> {
    pub(crate) fn new(
        recording: &'a Recording,
        selection: &'a Selection,
    ) -> Result<Self, TrainError> {
        let target = match &selection.target {
            None => TargetValues::None,
            Some(TargetName::Channel(name)) => {
                let found = recording.channels.iter().find(|channel| &channel.name == name);
                let known = recording.channels.iter().map(|channel| channel.name.as_str());
                let missing = || TrainError::NoChannel {
                    recording: recording.name.clone(),
                    channel: name.clone(),
                    hint: hint(&nearest(name, known)),
                };
                TargetValues::Rows(&found.ok_or_else(missing)?.values)
            }
            Some(TargetName::Tag(tag)) => {
                let value = recording.tags.get(tag).and_then(|text| text.parse::<f32>().ok());
                let missing = || TrainError::NoTargetTag {
                    recording: recording.name.clone(),
                    tag: tag.clone(),
                    found: recording.tags.get(tag).cloned(),
                };
                TargetValues::Constant(value.filter(|v| v.is_finite()).ok_or_else(missing)?)
            }
        };
        Ok(Truth {
            labels: &recording.labels,
            label_rule: selection.label_rule.unwrap_or_default(),
            unlabelled: selection.unlabelled.as_deref(),
            target,
            target_rule: selection.target_rule,
        })
    }

    /// The class of the window that covers these rows, where it has one.
    pub(crate) fn class(&self, rows: &Range<usize>) -> Option<WindowClass<'a>> {
        let (from, to) = (rows.start as u64, rows.end as u64);
        let last = to.checked_sub(1).filter(|last| *last >= from)?;
        let shares = self.shares(from, to);
        let total = to - from;
        let class = match self.label_rule {
            LabelRule::Majority => shares.iter().find(|(_, share)| 2 * share > total)?.0,
            LabelRule::All => shares.iter().find(|(_, share)| *share == total)?.0,
            LabelRule::First => self.class_at(from)?,
            LabelRule::Last => self.class_at(last)?,
            LabelRule::Threshold(threshold) => {
                let &(class, most) = shares.iter().max_by_key(|(_, share)| *share)?;
                let alone = shares.iter().filter(|(_, share)| *share == most).count() == 1;
                // The quotient is rounded like the text of a share is, so 7 of 10 rows are 0.7.
                let enough = most as f64 / total as f64 >= threshold;
                if alone && enough { class } else { return None }
            }
        };
        let whole = shares.iter().any(|&(known, share)| known == class && share == total);
        Some(WindowClass { class, whole })
    }

    /// How many of these rows each class has.
    fn shares(&self, from: u64, to: u64) -> Vec<(&'a str, u64)> {
        let mut shares: Vec<(&str, u64)> = Vec::new();
        let mut add = |class: &'a str, rows: u64| match shares
            .iter_mut()
            .find(|(known, _)| *known == class)
        {
            Some((_, share)) => *share += rows,
            None => shares.push((class, rows)),
        };
        let mut unlabelled = to - from;
        let first = self.labels.partition_point(|span| span.to_row <= from);
        for span in self.labels[first..].iter().take_while(|span| span.from_row < to) {
            let covered = span.to_row.min(to) - span.from_row.max(from);
            unlabelled -= covered;
            add(&span.class, covered);
        }
        if let (Some(class), 1..) = (self.unlabelled, unlabelled) {
            add(class, unlabelled);
        }
        shares
    }

    fn class_at(&self, row: u64) -> Option<&'a str> {
        let span = self.labels.get(self.labels.partition_point(|span| span.to_row <= row));
        let span = span.filter(|span| span.from_row <= row);
        span.map(|span| span.class.as_str()).or(self.unlabelled)
    }

    /// The value of the window that covers these rows; NaN where it has none.
    pub(crate) fn value(&self, rows: &Range<usize>) -> f32 {
        match self.target {
            TargetValues::None => f32::NAN,
            TargetValues::Constant(value) => value,
            TargetValues::Rows(values) => {
                let values = &values[rows.clone()];
                match self.target_rule {
                    TargetRule::Last => values.last().copied().unwrap_or(f32::NAN),
                    TargetRule::Mean => {
                        let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
                        (sum / values.len() as f64) as f32
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn recording() -> Recording {
        let span =
            |from_row, to_row, class: &str| LabelSpan { from_row, to_row, class: class.into() };
        Recording {
            name: "r".to_owned(),
            channels: Vec::new(),
            time_ns: (0..20).collect(),
            absolute_time: false,
            rate_hz: None,
            labels: vec![span(2, 6, "idle"), span(6, 10, "run"), span(12, 14, "idle")],
            label_sets: BTreeMap::new(),
            tags: BTreeMap::from([("wear".to_owned(), "0.25".to_owned())]),
        }
    }

    fn class(rule: LabelRule, rows: Range<usize>) -> Option<(String, bool)> {
        class_with(rule, None, rows)
    }

    fn class_with(
        rule: LabelRule,
        unlabelled: Option<&str>,
        rows: Range<usize>,
    ) -> Option<(String, bool)> {
        let recording = recording();
        let unlabelled = unlabelled.map(str::to_owned);
        let selection = Selection { label_rule: Some(rule), unlabelled, ..Selection::default() };
        let truth = Truth::new(&recording, &selection).unwrap();
        truth.class(&rows).map(|found| (found.class.to_owned(), found.whole))
    }

    #[test]
    fn each_label_rule_reads_the_rows_of_the_window() {
        use LabelRule::{All, First, Last, Majority, Threshold};
        let some = |class: &str, whole| Some((class.to_owned(), whole));
        assert_eq!(class(Majority, 2..6), some("idle", true));
        assert_eq!(class(Majority, 2..9), some("idle", false));
        assert_eq!(class(Majority, 2..10), None);
        assert_eq!(class(Majority, 0..4), None);
        assert_eq!(class(All, 2..7), None);
        assert_eq!(class(All, 3..6), some("idle", true));
        assert_eq!(class(Last, 2..7), some("run", false));
        assert_eq!(class(Last, 2..12), None);
        assert_eq!(class(Last, 5..13), some("idle", false));
        assert_eq!(class(First, 5..13), some("idle", false));
        assert_eq!(class(First, 6..14), some("run", false));
        assert_eq!(class(First, 0..6), None);
        assert_eq!(class(Threshold(0.2), 0..10), None, "two classes have as many rows");
        assert_eq!(class(Threshold(0.7), 3..13), None);
        assert_eq!(class(Threshold(0.4), 3..13), None, "four rows of each");
        assert_eq!(class(Threshold(0.3), 0..5), some("idle", false));
        assert_eq!(class(Threshold(0.7), 2..7), some("idle", false));
        assert_eq!(class(Threshold(0.81), 2..7), None);
        assert_eq!(class(Threshold(0.8), 2..7), some("idle", false));
        assert_eq!(class(Threshold(1.0), 6..10), some("run", true));
    }

    #[test]
    fn rows_without_a_label_are_a_class_only_where_one_is_named() {
        use LabelRule::{All, First, Last, Majority, Threshold};
        let some = |class: &str, whole| Some((class.to_owned(), whole));
        for rule in [Majority, All, First, Last, Threshold(0.5)] {
            assert_eq!(class(rule, 14..20), None);
            assert_eq!(class_with(rule, Some("free"), 14..20), some("free", true));
            assert_eq!(class_with(rule, Some("free"), 2..6), some("idle", true));
        }
        assert_eq!(class_with(Majority, Some("free"), 9..13), None);
        assert_eq!(class_with(Last, Some("free"), 9..12), some("free", false));
        assert_eq!(class_with(First, Some("free"), 0..6), some("free", false));
        // A class that has rows of its own gets the others beside them.
        assert_eq!(class_with(All, Some("idle"), 10..14), some("idle", true));
    }

    #[test]
    fn a_target_tag_that_is_no_number_is_refused_by_name() {
        let mut recording = recording();
        let selection =
            Selection { target: Some(TargetName::Tag("wear".into())), ..Selection::default() };
        assert_eq!(Truth::new(&recording, &selection).unwrap().value(&(0..3)), 0.25);
        recording.tags.insert("wear".to_owned(), "high".to_owned());
        let refused = Truth::new(&recording, &selection).err().unwrap().to_string();
        assert!(refused.contains("wear") && refused.contains("high"), "{refused}");
    }
}
