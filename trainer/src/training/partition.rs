//! Which windows are learned from, which set the alarm line, which test: by whole recordings,
//! groups or stretches of time, never by single windows.

use learn::split::{Index, Place, Plan, Span, Split, split};
use model_format::manifest::Task;

use super::TrainError;
use super::entries::Entries;
use super::extract::Extracted;
use super::settings::{Selection, Selector, SplitBy, TestChoice};
use crate::store::Entry;

/// Share of the windows to test on where nothing else is said.
const TEST_SHARE: f64 = 0.25;

/// The partition by which sources mark what is set aside for testing.
const TESTING: &str = "testing";

/// Positions of windows, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Partition {
    /// To learn from.
    pub(crate) train: Vec<usize>,
    /// To set the alarm line by; empty but for anomaly detectors.
    pub(crate) calibration: Vec<usize>,
    /// To test on.
    pub(crate) test: Vec<usize>,
    /// Between the parts, so that none shares samples with another, or named by no part.
    pub(crate) unused: usize,
    /// Without a class or a value, and so of no use.
    pub(crate) unlabelled: usize,
}

/// Writes out what to test on and how to split where the user has not said it.
pub(crate) fn resolve(selection: &mut Selection, entries: &[Entry], notes: &mut Vec<String>) {
    if selection.train_rows.is_some() {
        return;
    }
    let testing = entries.iter().filter(|e| e.partition.as_deref() == Some(TESTING)).count();
    if selection.test.is_none() {
        if testing > 0 && testing < entries.len() && selection.split.is_none() {
            notes.push(format!(
                "test: the {testing} recordings that the dataset sets aside for testing (--test to \
                 change)"
            ));
            let own = Selector::Tag("partition".to_owned(), TESTING.to_owned());
            selection.test = Some(TestChoice::Recordings(vec![own]));
        } else {
            notes.push(format!("test: a share of {TEST_SHARE} (--test to change)"));
            selection.test = Some(TestChoice::Share(TEST_SHARE));
        }
    }
    if matches!(selection.test, Some(TestChoice::Share(_))) && selection.split.is_none() {
        let (split, reason) = match entries.len() {
            1 => (SplitBy::Time, "there is one recording"),
            _ => (SplitBy::Recording, "so that no recording is on both sides"),
        };
        notes.push(format!("split by {split}: {reason} (--split to change)"));
        selection.split = Some(split);
    }
}

/// Assigns the windows. Another dataset is tested on as a whole.
pub(crate) fn partition(
    task: Task,
    extracted: &Extracted,
    entries: &Entries,
    selection: &Selection,
    seed: u64,
) -> Result<Partition, TrainError> {
    let mut result = divide(task, extracted, entries, selection, seed)?;
    if task == Task::Anomaly {
        let plan = Plan::Time {
            test_share: selection.calibration_share,
            purge_rows: window_rows(extracted),
        };
        let index = index(task, extracted, &entries.list, selection);
        let held_back = split(&index, Some(&result.train), &plan, seed)?;
        result.unused += held_back.unused.len();
        (result.train, result.calibration) = (held_back.train, held_back.test);
    }
    check(&result)?;
    Ok(result)
}

/// Assigns the windows for a model that is fitted already. All are tested on where nothing else is
/// said; of an anomaly detector, the normal ones beside the test set the alarm line.
pub(crate) fn of_fitted(
    task: Task,
    extracted: &Extracted,
    entries: &Entries,
    selection: &Selection,
    seed: u64,
) -> Result<Partition, TrainError> {
    let says_nothing = selection.test.is_none() && selection.train_rows.is_none();
    if task != Task::Anomaly && says_nothing {
        let test = usable(task, extracted);
        let unlabelled = extracted.windows.len() - test.len();
        let result = Partition { test, unlabelled, ..Partition::default() };
        return if result.test.is_empty() {
            Err(TrainError::EmptyPart { part: "test" })
        } else {
            Ok(result)
        };
    }
    let mut result = divide(task, extracted, entries, selection, seed)?;
    check(&result)?;
    let beside = std::mem::take(&mut result.train);
    match task {
        Task::Anomaly => result.calibration = beside,
        Task::Classification | Task::Regression => result.unused += beside.len(),
    }
    Ok(result)
}

/// The windows of which is known what the task needs.
fn usable(task: Task, extracted: &Extracted) -> Vec<usize> {
    let known = |position: &usize| {
        let window = &extracted.windows[*position];
        match task {
            Task::Regression => window.value.is_finite(),
            Task::Classification => window.class.is_some(),
            Task::Anomaly => true,
        }
    };
    (0..extracted.windows.len()).filter(known).collect()
}

/// What is tested on, and what is beside it.
fn divide(
    task: Task,
    extracted: &Extracted,
    entries: &Entries,
    selection: &Selection,
    seed: u64,
) -> Result<Partition, TrainError> {
    let usable = usable(task, extracted);
    let mut result =
        Partition { unlabelled: extracted.windows.len() - usable.len(), ..Partition::default() };
    let index = index(task, extracted, &entries.list, selection);
    let normal = normal_windows(task, extracted, selection, &usable)?;
    let plan = plan(extracted, entries, selection)?;
    let lists = matches!(plan, Plan::Lists { .. });
    // A share is drawn from what can be learned from; lists say for every window where it belongs.
    let among = if lists { &usable } else { &normal };
    let Split { mut train, mut test, unused } = split(&index, Some(among), &plan, seed)?;
    result.unused = unused.len();
    if task == Task::Anomaly {
        if lists {
            train.retain(|position| normal.binary_search(position).is_ok());
        } else {
            let abnormal = usable.iter().filter(|position| normal.binary_search(position).is_err());
            test.extend(abnormal);
            test.sort_unstable();
        }
        // Without a class nothing can be said about an answer; without labels nothing is said.
        if selection.normal.is_some() {
            let before = test.len();
            test.retain(|&position| extracted.windows[position].class.is_some());
            result.unlabelled += before - test.len();
        }
    }
    (result.train, result.test) = (train, test);
    Ok(result)
}

pub(super) fn index(
    task: Task,
    extracted: &Extracted,
    entries: &[Entry],
    selection: &Selection,
) -> Index {
    let tag = match &selection.split {
        Some(SplitBy::Tag(tag)) => Some(tag),
        _ => None,
    };
    let mut groups: Vec<String> = Vec::new();
    let group_of: Vec<Option<u32>> = entries
        .iter()
        .map(|entry| {
            let value = entry.annotation.tags.get(tag?)?;
            let known = groups.iter().position(|group| group == value);
            Some(known.unwrap_or_else(|| {
                groups.push(value.clone());
                groups.len() - 1
            }) as u32)
        })
        .collect();
    let classes = task == Task::Classification;
    let windows = extracted.windows.iter().map(|window| Place {
        recording: window.recording,
        start_row: window.start_row,
        end_row: window.end_row,
        group: group_of[window.recording as usize],
        class: window.class.filter(|_| classes),
    });
    Index {
        recordings: extracted.recordings.clone(),
        windows: windows.collect(),
        groups,
        classes: if classes { extracted.classes.clone() } else { Vec::new() },
    }
}

/// What an anomaly detector may learn from; for other tasks, every usable window.
fn normal_windows(
    task: Task,
    extracted: &Extracted,
    selection: &Selection,
    usable: &[usize],
) -> Result<Vec<usize>, TrainError> {
    if task != Task::Anomaly || selection.train_rows.is_some() {
        return Ok(usable.to_vec());
    }
    let Some(normal) = &selection.normal else {
        return Err(TrainError::NoNormal { classes: extracted.classes.clone() });
    };
    let Some(class) = extracted.classes.iter().position(|name| name == normal) else {
        let (normal, classes) = (normal.clone(), extracted.classes.clone());
        return Err(TrainError::UnknownNormal { normal, classes });
    };
    let is_normal = |position: &&usize| {
        let window = &extracted.windows[**position];
        window.class == Some(class as u32) && window.whole
    };
    Ok(usable.iter().filter(is_normal).copied().collect())
}

fn plan(
    extracted: &Extracted,
    entries: &Entries,
    selection: &Selection,
) -> Result<Plan, TrainError> {
    let span = |entry: &Entry, from_row, to_row| Span {
        recording: entry.info.name.clone(),
        from_row,
        to_row,
    };
    let whole = |entry: &Entry| span(entry, None, None);
    let (own, others) = entries.list.split_at(entries.own);
    let test_share = match &selection.test {
        Some(TestChoice::Share(share)) => *share,
        _ => TEST_SHARE,
    };
    let tested = |entry: &&Entry| match &selection.test {
        Some(TestChoice::Recordings(selectors)) => selected(entry, selectors),
        _ => false,
    };
    let (to_test, to_learn): (Vec<&Entry>, Vec<&Entry>) = own.iter().partition(tested);
    if matches!(selection.test, Some(TestChoice::Recordings(_))) && to_test.is_empty() {
        return Err(TrainError::NoTestRecordings);
    }
    if let Some(rows) = selection.train_rows {
        let train = to_learn.iter().map(|entry| span(entry, Some(rows.from), Some(rows.to)));
        let mut test: Vec<Span> = to_test.into_iter().chain(others).map(whole).collect();
        if test.is_empty() {
            test = to_learn.iter().map(|entry| span(entry, Some(rows.to), None)).collect();
        }
        return Ok(Plan::Lists { train: train.collect(), test });
    }
    Ok(match (&selection.test, &selection.split) {
        (Some(TestChoice::Recordings(_) | TestChoice::Dataset(..)), _) => Plan::Lists {
            train: to_learn.into_iter().map(whole).collect(),
            test: to_test.into_iter().chain(others).map(whole).collect(),
        },
        (_, Some(SplitBy::Time)) => Plan::Time { test_share, purge_rows: window_rows(extracted) },
        (_, Some(SplitBy::Tag(tag))) => Plan::Group { tag: tag.clone(), test_share },
        _ => Plan::Recording { test_share },
    })
}

/// True where one of the selectors names the recording.
pub(crate) fn selected(entry: &Entry, selectors: &[Selector]) -> bool {
    selectors.iter().any(|selector| match selector {
        Selector::Tag(name, value) => entry.annotation.tags.get(name) == Some(value),
        Selector::Recording(pattern) => matches(&entry.info.name, pattern),
    })
}

/// True where the whole name is the pattern, in which `*` stands for any text.
fn matches(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The most rows that one window covers.
pub(super) fn window_rows(extracted: &Extracted) -> u64 {
    extracted.windows.iter().map(|window| window.end_row - window.start_row).max().unwrap_or(1)
}

fn check(partition: &Partition) -> Result<(), TrainError> {
    for (part, windows) in [("training", &partition.train), ("test", &partition.test)] {
        if windows.is_empty() {
            return Err(TrainError::EmptyPart { part });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        assert!(matches("hp3_inner_007.csv", "hp3_*"));
        assert!(matches("a/b/c", "a*b*c"));
        assert!(matches("abc", "abc"));
        assert!(matches("ab", "a*b"));
        assert!(!matches("hp3", "hp3_*"));
        assert!(!matches("abcd", "abc"));
        assert!(!matches("aXc", "a*b"));
    }
}
