//! What a dataset version holds: classes and durations, what is on which side of a split, which
//! recordings are in it twice, and what would leak from training into testing.

use std::collections::{BTreeMap, BTreeSet};

use model_format::id::Digest;
use serde::Serialize;
use utoipa::ToSchema;

use super::LookError;
use super::likeness::{Alike, Marks, alike};
use crate::data_folder::DataFolder;
use crate::ingest::parquet::{ParquetError, read_part};
use crate::progress::Progress;
use crate::store::{DatasetVersion, Entry};
use crate::training::selected;
use crate::training::settings::Selector;

/// Most values that are looked through for samples that are there twice.
const VALUES_MAX: u64 = 400_000_000;

/// Values that are read at once.
const VALUES_AT_ONCE: u64 = 1 << 20;

/// Most pairs of recordings that are listed.
const PAIRS_MAX: usize = 200;

/// The partition by which sources mark what is set aside for testing.
const TESTING: &str = "testing";

/// What a dataset version holds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// Name of the dataset.
    pub(crate) dataset: String,
    /// Number of the version.
    pub(crate) version: u32,
    /// How much there is of each class, by name.
    pub(crate) classes: Vec<ClassAmount>,
    /// Rows without a label.
    pub(crate) unlabelled_rows: u64,
    /// The recordings, by name.
    pub(crate) recordings: Vec<RecordingAmount>,
    /// The sides of the split; none where nothing says which recordings test.
    pub(crate) split: Option<SplitBalance>,
    /// Recordings that hold the same samples, wholly or in part, most alike first; at most 200.
    pub(crate) duplicates: Vec<Duplicate>,
    /// What would leak from training into testing; some 200 at most.
    pub(crate) leaks: Vec<Leak>,
    /// What else a user should know, in sentences.
    pub(crate) notes: Vec<String>,
}

/// How much there is of a class.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ClassAmount {
    /// The class.
    pub(crate) class: String,
    /// Recordings that have it.
    pub(crate) recordings: u64,
    /// Stretches of rows.
    pub(crate) spans: u64,
    /// Rows.
    pub(crate) rows: u64,
    /// Seconds, of recordings with a rate.
    pub(crate) seconds: f64,
}

/// How much a recording holds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RecordingAmount {
    /// Its name.
    pub(crate) recording: String,
    /// Rows.
    pub(crate) rows: u64,
    /// Rows per second, where there is a rate.
    pub(crate) rate_hz: Option<f64>,
    /// Seconds, where there is a rate.
    pub(crate) seconds: Option<f64>,
    /// Its classes.
    pub(crate) classes: Vec<String>,
    /// Rows without a label.
    pub(crate) unlabelled_rows: u64,
    /// True where it is tested on; none without a split.
    pub(crate) is_tested: Option<bool>,
}

/// The sides of a split.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SplitBalance {
    /// What says which recordings are tested on.
    pub(crate) test: String,
    /// Recordings to learn from.
    pub(crate) train_recordings: u64,
    /// Recordings to test on.
    pub(crate) test_recordings: u64,
    /// The classes, by name.
    pub(crate) classes: Vec<ClassBalance>,
}

/// How a class is divided.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ClassBalance {
    /// The class.
    pub(crate) class: String,
    /// Rows to learn from.
    pub(crate) train_rows: u64,
    /// Rows to test on.
    pub(crate) test_rows: u64,
}

/// Two recordings with the same samples.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Duplicate {
    /// One of them.
    pub(crate) one: String,
    /// The other.
    pub(crate) other: String,
    /// How much of the shorter one is in the other, 0 to 1.
    pub(crate) share: f64,
    /// True where they are the same in every value, time and channel.
    pub(crate) is_identical: bool,
}

/// Two recordings on both sides of a split, one of which tells of the other.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Leak {
    /// The one that is tested on.
    pub(crate) tested: String,
    /// The one that is learned from.
    pub(crate) learned: String,
    /// What both do, so that `tested` and `learned` before it make a sentence.
    pub(crate) reason: String,
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Leak { tested, learned, reason } = self;
        write!(f, "{tested:?} (tested on) and {learned:?} (learned from) {reason}")
    }
}

/// Looks through a version. `test` says which recordings are tested on; those that their source has
/// set aside otherwise.
///
/// # Errors
/// Where a selector names nothing, or a recording cannot be read.
pub(crate) fn overview(
    folder: &DataFolder,
    version: &DatasetVersion,
    test: &[Selector],
    progress: &Progress,
) -> Result<Overview, LookError> {
    let entries = &version.entries;
    let tested = tested(entries, test)?;
    let mut overview = Overview {
        dataset: version.dataset.clone(),
        version: version.number,
        classes: classes(entries),
        unlabelled_rows: entries.iter().map(unlabelled).sum(),
        recordings: amounts(entries, tested.as_deref()),
        split: tested.as_ref().map(|tested| balance(entries, tested, test)),
        duplicates: Vec::new(),
        leaks: Vec::new(),
        notes: Vec::new(),
    };
    let alike = find_alike(folder, entries, progress, &mut overview.notes)?;
    let duplicates = alike.iter().take(PAIRS_MAX).map(|pair| {
        let (one, other) = (&entries[pair.one], &entries[pair.other]);
        Duplicate {
            one: one.info.name.clone(),
            other: other.info.name.clone(),
            share: pair.share,
            is_identical: one.info.content == other.info.content,
        }
    });
    overview.duplicates = duplicates.collect();
    if let Some(tested) = &tested {
        overview.leaks = leaks(folder, entries, tested, &alike)?;
    }
    if let Some(split) = &overview.split {
        overview.notes.extend(warnings(split));
    }
    Ok(overview)
}

/// For each recording whether it is tested on; none where nothing says that.
fn tested(entries: &[Entry], test: &[Selector]) -> Result<Option<Vec<bool>>, LookError> {
    let is_aside = |entry: &Entry| entry.partition.as_deref() == Some(TESTING);
    if test.is_empty() {
        let aside: Vec<bool> = entries.iter().map(is_aside).collect();
        let count = aside.iter().filter(|aside| **aside).count();
        return Ok((1..entries.len()).contains(&count).then_some(aside));
    }
    let tested: Vec<bool> = entries.iter().map(|entry| selected(entry, test)).collect();
    match tested.iter().filter(|tested| **tested).count() {
        0 => Err(LookError::asked("test", "no recording is named by it: see the recordings' tags")),
        count if count == entries.len() => Err(LookError::asked(
            "test",
            "every recording is named by it: nothing is left to learn from",
        )),
        _ => Ok(Some(tested)),
    }
}

fn labelled(entry: &Entry) -> u64 {
    entry.annotation.labels.iter().map(|span| span.to_row - span.from_row).sum()
}

fn unlabelled(entry: &Entry) -> u64 {
    entry.info.rows.saturating_sub(labelled(entry))
}

fn classes(entries: &[Entry]) -> Vec<ClassAmount> {
    let mut classes: BTreeMap<&str, ClassAmount> = BTreeMap::new();
    for entry in entries {
        let mut met = BTreeSet::new();
        for span in &entry.annotation.labels {
            let class = classes.entry(&span.class).or_insert_with(|| ClassAmount {
                class: span.class.clone(),
                recordings: 0,
                spans: 0,
                rows: 0,
                seconds: 0.0,
            });
            let rows = span.to_row - span.from_row;
            class.recordings += u64::from(met.insert(&span.class));
            class.spans += 1;
            class.rows += rows;
            class.seconds += entry.info.rate_hz.map_or(0.0, |hz| rows as f64 / hz);
        }
    }
    classes.into_values().collect()
}

fn amounts(entries: &[Entry], tested: Option<&[bool]>) -> Vec<RecordingAmount> {
    let amounts = entries.iter().enumerate().map(|(position, entry)| {
        let classes: BTreeSet<&String> =
            entry.annotation.labels.iter().map(|span| &span.class).collect();
        RecordingAmount {
            recording: entry.info.name.clone(),
            rows: entry.info.rows,
            rate_hz: entry.info.rate_hz,
            seconds: entry.info.rate_hz.map(|hz| entry.info.rows as f64 / hz),
            classes: classes.into_iter().cloned().collect(),
            unlabelled_rows: unlabelled(entry),
            is_tested: tested.map(|tested| tested[position]),
        }
    });
    amounts.collect()
}

fn balance(entries: &[Entry], tested: &[bool], test: &[Selector]) -> SplitBalance {
    let mut classes: BTreeMap<&str, ClassBalance> = BTreeMap::new();
    for (entry, tested) in entries.iter().zip(tested) {
        for span in &entry.annotation.labels {
            let class = classes.entry(&span.class).or_insert_with(|| ClassBalance {
                class: span.class.clone(),
                train_rows: 0,
                test_rows: 0,
            });
            let side = if *tested { &mut class.test_rows } else { &mut class.train_rows };
            *side += span.to_row - span.from_row;
        }
    }
    let test_recordings = tested.iter().filter(|tested| **tested).count() as u64;
    let said: Vec<String> = test.iter().map(Selector::to_string).collect();
    SplitBalance {
        test: if said.is_empty() { format!("tag:partition={TESTING}") } else { said.join(",") },
        train_recordings: entries.len() as u64 - test_recordings,
        test_recordings,
        classes: classes.into_values().collect(),
    }
}

/// What is wrong with a split, in sentences.
fn warnings(split: &SplitBalance) -> Vec<String> {
    let one_sided = split.classes.iter().filter_map(|class| {
        let name = &class.class;
        match (class.train_rows, class.test_rows) {
            (0, _) => Some(format!("the class {name:?} is only tested on: it cannot be learned")),
            (_, 0) => Some(format!("the class {name:?} is only learned: nothing tests it")),
            _ => None,
        }
    });
    one_sided.collect()
}

/// The pairs of recordings that hold the same samples.
fn find_alike(
    folder: &DataFolder,
    entries: &[Entry],
    progress: &Progress,
    notes: &mut Vec<String>,
) -> Result<Vec<Alike>, LookError> {
    let mut pairs = Vec::new();
    let values: u64 = entries.iter().map(|e| e.info.rows * e.info.channels.len() as u64).sum();
    if values > VALUES_MAX {
        notes.push(format!(
            "the dataset has {values} values, more than {VALUES_MAX}: only whole copies were looked for"
        ));
    } else {
        progress.stage("look through", entries.len() as u64);
        let mut marks = Vec::with_capacity(entries.len());
        for entry in entries {
            progress.check()?;
            marks.push(of_entry(folder, entry)?);
            progress.step();
        }
        pairs = alike(&marks);
    }
    let mut first: BTreeMap<Digest, usize> = BTreeMap::new();
    for (other, entry) in entries.iter().enumerate() {
        let one = *first.entry(entry.info.content).or_insert(other);
        let is_known = |pair: &Alike| (pair.one, pair.other) == (one, other);
        if one != other && !pairs.iter().any(is_known) {
            pairs.insert(0, Alike { one, other, share: 1.0 });
        }
    }
    Ok(pairs)
}

/// The marks of a recording, with its channels in the order of their names.
fn of_entry(folder: &DataFolder, entry: &Entry) -> Result<Vec<u64>, ParquetError> {
    let mut order: Vec<usize> = (0..entry.info.channels.len()).collect();
    order.sort_by_key(|&position| &entry.info.channels[position].name);
    let at_once = (VALUES_AT_ONCE / order.len().max(1) as u64).max(1);
    let mut marks = Marks::default();
    let mut from = 0;
    while from < entry.info.rows {
        let to = (from + at_once).min(entry.info.rows);
        let part = read_part(folder, entry, from..to, &order)?;
        let values: Vec<&[f32]> = part.channels.iter().map(|c| c.values.as_slice()).collect();
        marks.add(&values);
        from = to;
    }
    Ok(marks.finish())
}

/// What is on both sides.
fn leaks(
    folder: &DataFolder,
    entries: &[Entry],
    tested: &[bool],
    alike: &[Alike],
) -> Result<Vec<Leak>, LookError> {
    let leak = |one: usize, other: usize, reason: String| {
        let (learned, tested) = if tested[one] { (other, one) } else { (one, other) };
        let name = |position: usize| entries[position].info.name.clone();
        Leak { tested: name(tested), learned: name(learned), reason }
    };
    let mut leaks = Vec::new();
    let parted = alike.iter().filter(|pair| tested[pair.one] != tested[pair.other]);
    for pair in parted.take(PAIRS_MAX) {
        let reason =
            format!("hold the same samples: {:.0} % of the shorter one", 100.0 * pair.share);
        leaks.push(leak(pair.one, pair.other, reason));
    }
    let mut spans = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        if let (true, Some(span)) = (entry.info.absolute_time, span(folder, entry)?) {
            spans.push((span, position));
        }
    }
    spans.sort_unstable();
    for (place, ((_, end_ns), one)) in spans.iter().enumerate() {
        let later = spans[place + 1..].iter().take_while(|((start_ns, _), _)| start_ns <= end_ns);
        for (_, other) in later.filter(|(_, other)| tested[*one] != tested[*other]) {
            leaks.push(leak(*one, *other, "were recorded at the same time".to_owned()));
            if leaks.len() >= PAIRS_MAX {
                return Ok(leaks);
            }
        }
    }
    Ok(leaks)
}

/// Times of the first and the last row; none without rows.
fn span(folder: &DataFolder, entry: &Entry) -> Result<Option<(i64, i64)>, ParquetError> {
    let rows = entry.info.rows;
    if rows == 0 {
        return Ok(None);
    }
    let first = read_part(folder, entry, 0..1, &[])?;
    let last = read_part(folder, entry, rows - 1..rows, &[])?;
    Ok(first.time_ns.first().copied().zip(last.time_ns.first().copied()))
}

#[cfg(test)]
mod tests;
