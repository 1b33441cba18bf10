//! Changes of labels: assign, clear, split, merge, rename, copy, restore; as pure steps on spans.

use std::collections::{BTreeMap, BTreeSet};

use model_format::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::recording::{LabelSpan, check_labels};

/// Longest name of a class, in bytes.
const CLASS_BYTES_MAX: usize = 200;

/// Most spans of one recording in one label set.
pub(crate) const SPANS_MAX: usize = 100_000;

/// Most label sets of a recording.
const SETS_MAX: usize = 20;

/// One change of the labels of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "edit", rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelEdit {
    /// Gives rows of a recording this class, whatever they had.
    Assign {
        /// Name of the recording.
        recording: String,
        /// The first row; 0 where absent.
        #[serde(default)]
        from_row: u64,
        /// The first row after the last one; the recording's end where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        to_row: Option<u64>,
        /// The class.
        class: String,
    },
    /// Takes rows their labels.
    Clear {
        /// Name of the recording; all where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        recording: Option<String>,
        /// The first row; 0 where absent.
        #[serde(default)]
        from_row: u64,
        /// The first row after the last one; the recording's end where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        to_row: Option<u64>,
    },
    /// Makes two spans of one, of the same class; the second begins at this row.
    Split {
        /// Name of the recording.
        recording: String,
        /// The first row of the second span.
        at_row: u64,
    },
    /// Makes one span of those that these rows touch. They must be of one class; rows between them get
    /// it too.
    Merge {
        /// Name of the recording.
        recording: String,
        /// The first row.
        from_row: u64,
        /// The first row after the last one.
        to_row: u64,
    },
    /// Gives a class another name. One that is there already becomes one with it.
    Rename {
        /// Name of the recording; all where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        recording: Option<String>,
        /// The class.
        class: String,
        /// Its new name.
        to: String,
    },
    /// Takes over the labels of another label set, in place of those of this one.
    Copy {
        /// Name of the recording; all where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        recording: Option<String>,
        /// Name of the other set; the recordings' own labels where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        from_set: Option<String>,
    },
    /// Makes the labels what they were in an older version of the dataset.
    Restore {
        /// Name of the recording; all where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        recording: Option<String>,
        /// Number of the version.
        version: u32,
    },
    /// Puts these spans in place of all that a recording has.
    Replace {
        /// Name of the recording.
        recording: String,
        /// The spans, sorted, not overlapping.
        labels: Vec<LabelSpan>,
    },
}

/// A change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("edit {number} ({kind}): {reason}")]
pub struct EditError {
    /// Which edit, counted from 0.
    pub(crate) number: usize,
    kind: &'static str,
    /// Which of its fields.
    pub(crate) field: &'static str,
    /// What was found, and what to change.
    pub(crate) reason: String,
}

/// The labels of one recording, while they are changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordingLabels {
    /// Digest of the samples that they belong to.
    pub(crate) content: Digest,
    pub(crate) rows: u64,
    /// Its own labels.
    pub(crate) own: Vec<LabelSpan>,
    /// The sets beside them.
    pub(crate) sets: BTreeMap<String, Vec<LabelSpan>>,
}

/// The labels of recordings by their names.
pub(crate) type LabelsByRecording = BTreeMap<String, RecordingLabels>;

impl RecordingLabels {
    fn set(&self, set: Option<&str>) -> &[LabelSpan] {
        match set {
            None => &self.own,
            Some(name) => self.sets.get(name).map_or(&[], Vec::as_slice),
        }
    }

    fn replace(&mut self, set: Option<&str>, spans: Vec<LabelSpan>) {
        match set {
            None => self.own = spans,
            Some(name) if spans.is_empty() => drop(self.sets.remove(name)),
            Some(name) => drop(self.sets.insert(name.to_owned(), spans)),
        }
    }
}

impl LabelEdit {
    /// The word in JSON and on the command line.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            LabelEdit::Assign { .. } => "assign",
            LabelEdit::Clear { .. } => "clear",
            LabelEdit::Split { .. } => "split",
            LabelEdit::Merge { .. } => "merge",
            LabelEdit::Rename { .. } => "rename",
            LabelEdit::Copy { .. } => "copy",
            LabelEdit::Restore { .. } => "restore",
            LabelEdit::Replace { .. } => "replace",
        }
    }

    /// The version whose labels it needs.
    pub(crate) fn version(&self) -> Option<u32> {
        match self {
            LabelEdit::Restore { version, .. } => Some(*version),
            _ => None,
        }
    }

    fn recording(&self) -> Option<&str> {
        match self {
            LabelEdit::Assign { recording, .. }
            | LabelEdit::Split { recording, .. }
            | LabelEdit::Merge { recording, .. }
            | LabelEdit::Replace { recording, .. } => Some(recording),
            LabelEdit::Clear { recording, .. }
            | LabelEdit::Rename { recording, .. }
            | LabelEdit::Copy { recording, .. }
            | LabelEdit::Restore { recording, .. } => recording.as_deref(),
        }
    }

    /// For people: the edit in one line.
    pub(crate) fn describe(&self) -> String {
        let rows = |from: &u64, to: &Option<u64>| {
            to.map_or_else(|| format!("{from}.."), |to| format!("{from}..{to}"))
        };
        let who = self.recording().unwrap_or("all recordings");
        match self {
            LabelEdit::Assign { from_row, to_row, class, .. } => {
                format!("assign {class:?} to rows {} of {who}", rows(from_row, to_row))
            }
            LabelEdit::Clear { from_row, to_row, .. } => {
                format!("clear rows {} of {who}", rows(from_row, to_row))
            }
            LabelEdit::Split { at_row, .. } => format!("split {who} at row {at_row}"),
            LabelEdit::Merge { from_row, to_row, .. } => {
                format!("merge rows {from_row}..{to_row} of {who}")
            }
            LabelEdit::Rename { class, to, .. } => format!("rename {class:?} to {to:?} in {who}"),
            LabelEdit::Copy { from_set, .. } => {
                let from = from_set
                    .as_deref()
                    .map_or("the own labels".to_owned(), |set| format!("the set {set:?}"));
                format!("copy {from} of {who}")
            }
            LabelEdit::Restore { version, .. } => {
                format!("restore the labels of version {version} of {who}")
            }
            LabelEdit::Replace { labels, .. } => format!("{} spans for {who}", labels.len()),
        }
    }
}

/// Carries out edits on the labels of a dataset, one after the other; `older` has the labels of
/// versions that are to be restored.
///
/// # Errors
/// Names the first edit that cannot be made, and its field; the labels are of no use then.
pub(crate) fn apply(
    edits: &[LabelEdit],
    set: Option<&str>,
    labels: &mut LabelsByRecording,
    older: &BTreeMap<u32, LabelsByRecording>,
) -> Result<(), EditError> {
    for (number, edit) in edits.iter().enumerate() {
        let refuse = |(field, reason)| EditError { number, kind: edit.kind(), field, reason };
        check_source(edit, set, labels).map_err(refuse)?;
        let mut found = false;
        for (name, recording) in labels.iter_mut() {
            if edit.recording().is_some_and(|wanted| wanted != name) {
                continue;
            }
            found = true;
            let spans = edited(edit, set, name, recording, older).map_err(refuse)?;
            let rows = recording.rows;
            check_labels(&spans, rows).map_err(|error| refuse(("labels", error.to_string())))?;
            if spans.len() > SPANS_MAX {
                let reason = format!("{name} would have more than {SPANS_MAX} spans");
                return Err(refuse(("labels", reason)));
            }
            recording.replace(set, spans);
            if recording.sets.len() > SETS_MAX {
                let reason = format!("{name} would have more than {SETS_MAX} label sets");
                return Err(refuse(("label_set", reason)));
            }
        }
        if !found {
            let wanted = edit.recording().unwrap_or_default();
            let known = labels.keys().map(String::as_str);
            let hint = crate::nearest::hint(&crate::nearest::nearest(wanted, known));
            return Err(refuse(("recording", format!("there is no recording {wanted:?}{hint}"))));
        }
    }
    Ok(())
}

type Refusal = (&'static str, String);

/// Refuses a class or a label set that none of the edit's recordings has: a slip of the pen would
/// change nothing, or take all labels away.
fn check_source(
    edit: &LabelEdit,
    set: Option<&str>,
    labels: &LabelsByRecording,
) -> Result<(), Refusal> {
    let is_meant = |name: &String| edit.recording().is_none_or(|wanted| wanted == name);
    let meant = || labels.iter().filter(|(name, _)| is_meant(name)).map(|(_, recording)| recording);
    let (field, what, wanted, known): (_, _, _, BTreeSet<&str>) = match edit {
        LabelEdit::Rename { class, .. } => {
            let spans = meant().flat_map(|recording| recording.set(set));
            ("class", "class", class, spans.map(|span| span.class.as_str()).collect())
        }
        LabelEdit::Copy { from_set: Some(from), .. } => {
            let sets = meant().flat_map(|recording| recording.sets.keys());
            ("from_set", "label set", from, sets.map(String::as_str).collect())
        }
        _ => return Ok(()),
    };
    if meant().next().is_none() || known.contains(wanted.as_str()) {
        return Ok(());
    }
    let hint = crate::nearest::hint(&crate::nearest::nearest(wanted, known));
    Err((field, format!("there is no {what} {wanted:?} in what is to be changed{hint}")))
}

/// The spans of one recording after one edit.
fn edited(
    edit: &LabelEdit,
    set: Option<&str>,
    name: &str,
    recording: &RecordingLabels,
    older: &BTreeMap<u32, LabelsByRecording>,
) -> Result<Vec<LabelSpan>, Refusal> {
    let spans = recording.set(set);
    let rows = recording.rows;
    match edit {
        LabelEdit::Assign { from_row, to_row, class, .. } => {
            let (from_row, to_row) = checked_rows(*from_row, to_row.unwrap_or(rows), rows)?;
            check_class("class", class)?;
            let mut spans = without(spans, from_row, to_row);
            let place = spans.partition_point(|span| span.from_row < from_row);
            spans.insert(place, LabelSpan { from_row, to_row, class: class.clone() });
            Ok(spans)
        }
        // Without a recording the rows may be more than some recordings have.
        LabelEdit::Clear { recording: None, from_row, to_row } => {
            Ok(without(spans, *from_row, to_row.unwrap_or(rows)))
        }
        LabelEdit::Clear { from_row, to_row, .. } => {
            let (from_row, to_row) = checked_rows(*from_row, to_row.unwrap_or(rows), rows)?;
            Ok(without(spans, from_row, to_row))
        }
        LabelEdit::Split { at_row, .. } => split(spans, *at_row),
        LabelEdit::Merge { from_row, to_row, .. } => {
            let (from_row, to_row) = checked_rows(*from_row, *to_row, rows)?;
            merge(spans, from_row, to_row)
        }
        LabelEdit::Rename { class, to, .. } => {
            check_class("to", to)?;
            let renamed = |span: &LabelSpan| LabelSpan {
                class: if span.class == *class { to.clone() } else { span.class.clone() },
                ..*span
            };
            Ok(spans.iter().map(renamed).collect())
        }
        LabelEdit::Copy { from_set, .. } => Ok(recording.set(from_set.as_deref()).to_vec()),
        LabelEdit::Restore { version, .. } => {
            let then = older.get(version).and_then(|labels| labels.get(name));
            match then {
                Some(then) if then.content != recording.content => {
                    let reason = format!("{name:?} had other samples in version {version}");
                    Err(("version", reason))
                }
                Some(then) => Ok(then.set(set).to_vec()),
                None => Err(("version", format!("version {version} does not list {name:?}"))),
            }
        }
        LabelEdit::Replace { labels, .. } => Ok(labels.clone()),
    }
}

fn checked_rows(from: u64, to: u64, rows: u64) -> Result<(u64, u64), Refusal> {
    match from < to && to <= rows {
        true => Ok((from, to)),
        false => Err((
            if to > rows { "to_row" } else { "from_row" },
            format!("the rows {from}..{to} are asked for, the recording has 0..{rows}"),
        )),
    }
}

fn check_class(field: &'static str, class: &str) -> Result<(), Refusal> {
    match (1..=CLASS_BYTES_MAX).contains(&class.len()) {
        true => Ok(()),
        false => Err((field, format!("a class has 1 to {CLASS_BYTES_MAX} bytes"))),
    }
}

/// The spans without these rows: one that reaches over both ends becomes two.
fn without(spans: &[LabelSpan], from: u64, to: u64) -> Vec<LabelSpan> {
    if from >= to {
        return spans.to_vec();
    }
    let mut left = Vec::with_capacity(spans.len() + 2);
    for span in spans {
        let before = LabelSpan { to_row: span.to_row.min(from), ..span.clone() };
        let after = LabelSpan { from_row: span.from_row.max(to), ..span.clone() };
        left.extend([before, after].into_iter().filter(|part| part.from_row < part.to_row));
    }
    left
}

fn split(spans: &[LabelSpan], at: u64) -> Result<Vec<LabelSpan>, Refusal> {
    let place = spans.iter().position(|span| span.from_row < at && at < span.to_row);
    let Some(place) = place else {
        let reason = format!("no span has row {at} inside it: there is nothing to split");
        return Err(("at_row", reason));
    };
    let mut split = spans.to_vec();
    split.insert(place + 1, LabelSpan { from_row: at, ..spans[place].clone() });
    split[place].to_row = at;
    Ok(split)
}

fn merge(spans: &[LabelSpan], from: u64, to: u64) -> Result<Vec<LabelSpan>, Refusal> {
    let first = spans.partition_point(|span| span.to_row <= from);
    let last = spans.partition_point(|span| span.from_row < to);
    let touched = &spans[first..last.max(first)];
    let [one, .., other] = touched else {
        let reason = format!("the rows {from}..{to} touch {} spans, not several", touched.len());
        return Err(("from_row", reason));
    };
    if let Some(odd) = touched.iter().find(|span| span.class != one.class) {
        let reason = format!(
            "the rows {from}..{to} touch spans of {:?} and of {:?}: assign one class to the rows",
            one.class, odd.class
        );
        return Err(("from_row", reason));
    }
    let whole = LabelSpan { to_row: other.to_row, ..one.clone() };
    Ok([&spans[..first], &[whole], &spans[last..]].concat())
}

#[cfg(test)]
mod tests;
