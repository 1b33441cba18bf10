//! Splitting windows into training and test parts: by recording, group or time, never by window.
//!
//! Neighbouring windows share samples or at least the moment, so a random split of windows tests
//! a model on what it has seen. Parts are therefore made of whole recordings, of whole groups, or
//! of blocks of time with a purge gap between them.

use serde::{Deserialize, Serialize};

mod folds;
mod lists;
mod time;
mod units;

pub use folds::{FOLDS_MAX, FoldsBy, folds};

/// Where each window comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    /// Names of the recordings.
    pub recordings: Vec<String>,
    /// Names of the groups: the values of the tag that the plan names; empty for other plans.
    pub groups: Vec<String>,
    /// Names of the classes; empty where there are none.
    pub classes: Vec<String>,
    /// The windows.
    pub windows: Vec<Place>,
}

/// Where one window comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Position in [`Index::recordings`].
    pub recording: u32,
    /// First row of the window in its recording.
    pub start_row: u64,
    /// First row after the window.
    pub end_row: u64,
    /// Position in [`Index::groups`].
    pub group: Option<u32>,
    /// Position in [`Index::classes`].
    pub class: Option<u32>,
}

/// How to split. Its JSON is what the lineage keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Plan {
    /// Whole recordings, drawn by the seed, class by class where recordings have one class.
    Recording {
        /// Share of the recordings to test on, 0.01 to 0.99.
        test_share: f64,
    },
    /// All recordings with the same value of a tag together, drawn by the seed.
    Group {
        /// The tag.
        tag: String,
        /// Share of the groups to test on, 0.01 to 0.99.
        test_share: f64,
    },
    /// The last rows of each recording.
    Time {
        /// Share of each recording's rows to test on, 0.01 to 0.99.
        test_share: f64,
        /// Rows between the parts that neither uses; at least the longest window.
        purge_rows: u64,
    },
    /// Exactly these.
    Lists {
        /// What to train on.
        train: Vec<Span>,
        /// What to test on.
        test: Vec<Span>,
    },
}

/// A recording or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The recording's name.
    pub recording: String,
    /// First row; from the start where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_row: Option<u64>,
    /// First row after the span; to the end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_row: Option<u64>,
}

/// Positions in [`Index::windows`], ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To test on.
    pub test: Vec<usize>,
    /// In neither part: purged between the parts, or named by no list.
    pub unused: Vec<usize>,
}

/// Why a split was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// There is nothing to split.
    #[error("there are no windows to split: check that recordings are longer than one window")]
    Empty,
    /// A random split of windows was asked for.
    #[error(
        "a random split by {found} is refused: neighbouring windows overlap or resemble each \
         other, so the test would repeat the training; split by recording, group, time or lists"
    )]
    WindowLevel {
        /// What was asked for.
        found: String,
    },
    /// The plan is not understood.
    #[error("the split cannot be read ({reason}): give by = recording, group, time or lists")]
    Plan {
        /// What is wrong.
        reason: String,
    },
    /// A share out of bounds.
    #[error("test_share is {found}: it must lie between 0.01 and 0.99")]
    Share {
        /// The share.
        found: f64,
    },
    /// One recording or group cannot be divided.
    #[error(
        "there is only one {unit} ({name:?}), which cannot be both trained and tested on: add \
         another one or split by time"
    )]
    OneUnit {
        /// Recording or group.
        unit: &'static str,
        /// Its name.
        name: String,
    },
    /// A recording has no value of the tag.
    #[error("recording {recording:?} has no tag {tag:?}: tag it, or split by recording")]
    NoGroup {
        /// The recording.
        recording: String,
        /// The tag.
        tag: String,
    },
    /// The gap between the parts is too small.
    #[error(
        "purge_rows is {found}, but windows are {needed} rows long and would reach from one part \
         into the other: give at least {needed}"
    )]
    Purge {
        /// The gap.
        found: u64,
        /// The longest window.
        needed: u64,
    },
    /// A list names a recording that does not exist.
    #[error("the {part} list names recording {found:?}, which is not there{hint}")]
    UnknownRecording {
        /// Training or test.
        part: &'static str,
        /// The name.
        found: String,
        /// The nearest names, as the end of the sentence.
        hint: String,
    },
    /// A window would be in both lists, or share samples with the other list.
    #[error(
        "recording {recording:?}: training and test list share rows {from_row} to {to_row}; leave \
         at least one window between them"
    )]
    Overlap {
        /// The recording.
        recording: String,
        /// First row of the window that is in both.
        from_row: u64,
        /// First row after it.
        to_row: u64,
    },
    /// A class is missing from one part.
    #[error("class {class:?} has no {part} window: {advice}")]
    ClassMissing {
        /// The class.
        class: String,
        /// Training or test.
        part: &'static str,
        /// What to do.
        advice: String,
    },
    /// Fewer recordings or groups than folds.
    #[error(
        "{folds} folds need {folds} {unit}s to learn from, and there are {found}: ask for fewer \
         folds, or split by time"
    )]
    FewUnits {
        /// Recording or group.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many folds.
        folds: usize,
    },
    /// A class is in too few units, or at one time only.
    #[error(
        "class {class:?} would be missing from what fold {fold} learns from: add recordings of it, \
         ask for more folds, or leave cross-validation out"
    )]
    FoldClassMissing {
        /// The class.
        class: String,
        /// The fold, from 1.
        fold: usize,
    },
    /// A fold has no window.
    #[error("fold {fold} would have no {part} window: ask for fewer folds, or add recordings")]
    EmptyFold {
        /// The fold, from 1.
        fold: usize,
        /// Training or test.
        part: &'static str,
    },
    /// A part is empty.
    #[error("the {part} part would be empty: change the shares or lists, or add recordings")]
    EmptyPart {
        /// Training or test.
        part: &'static str,
    },
}

impl Plan {
    /// Reads a plan from its JSON.
    ///
    /// # Errors
    /// On what is no plan, and on `"by": "window"`, with the reason.
    pub fn read(json: &serde_json::Value) -> Result<Plan, SplitError> {
        let by = json.get("by").and_then(|by| by.as_str()).unwrap_or_default();
        if ["window", "windows", "random", "row", "rows"].contains(&by) {
            return Err(SplitError::WindowLevel { found: by.to_owned() });
        }
        let plan = Plan::deserialize(json);
        plan.map_err(|error| SplitError::Plan { reason: error.to_string() })
    }
}

/// Splits the windows `among` (positions in `index.windows`; all where None) as `plan` says.
/// The same index, plan and seed give the same split.
///
/// Used once for training and test, and for anomaly detectors once more on the training part:
/// the second part is then what calibrates the alarm line. Every class that occurs among the
/// windows must occur in both parts.
///
/// # Errors
/// Says what is missing and what to do instead.
pub fn split(
    index: &Index,
    among: Option<&[usize]>,
    plan: &Plan,
    seed: u64,
) -> Result<Split, SplitError> {
    let all: Vec<usize>;
    let among = match among {
        Some(among) => among,
        None => {
            all = (0..index.windows.len()).collect();
            &all
        }
    };
    if among.is_empty() {
        return Err(SplitError::Empty);
    }
    let parts = match plan {
        Plan::Recording { test_share } => {
            let unit = |place: &Place| Ok(place.recording);
            units::split(index, among, *test_share, seed, ("recording", &index.recordings), unit)?
        }
        Plan::Group { tag, test_share } => {
            let unit = |place: &Place| group_of(index, place, tag);
            units::split(index, among, *test_share, seed, ("group", &index.groups), unit)?
        }
        Plan::Time { test_share, purge_rows } => {
            time::split(index, among, *test_share, *purge_rows)?
        }
        Plan::Lists { train, test } => lists::split(index, among, train, test)?,
    };
    let split = collect(among, &parts);
    check_parts(index, among, &split, plan)?;
    Ok(split)
}

/// The group of a window, by the tag that makes groups.
fn group_of(index: &Index, place: &Place, tag: &str) -> Result<u32, SplitError> {
    place.group.ok_or_else(|| SplitError::NoGroup {
        recording: index.recordings[place.recording as usize].clone(),
        tag: tag.to_owned(),
    })
}

/// Where a window goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Test,
    Unused,
}

fn collect(among: &[usize], parts: &[Part]) -> Split {
    let of = |wanted: Part| {
        let mut windows: Vec<usize> =
            among.iter().zip(parts).filter(|(_, part)| **part == wanted).map(|(&w, _)| w).collect();
        windows.sort_unstable();
        windows
    };
    Split { train: of(Part::Train), test: of(Part::Test), unused: of(Part::Unused) }
}

fn check_share(test_share: f64) -> Result<(), SplitError> {
    if (0.01..=0.99).contains(&test_share) {
        return Ok(());
    }
    Err(SplitError::Share { found: test_share })
}

fn check_parts(
    index: &Index,
    among: &[usize],
    split: &Split,
    plan: &Plan,
) -> Result<(), SplitError> {
    for (part, windows) in [("training", &split.train), ("test", &split.test)] {
        if windows.is_empty() {
            return Err(SplitError::EmptyPart { part });
        }
        for class in 0..index.classes.len() as u32 {
            let has = |&window: &usize| index.windows[window].class == Some(class);
            if among.iter().any(has) && !windows.iter().any(has) {
                let class_name = index.classes[class as usize].clone();
                let advice = advice(index, among, class, plan);
                return Err(SplitError::ClassMissing { class: class_name, part, advice });
            }
        }
    }
    Ok(())
}

/// What to do about a class that is missing from a part.
fn advice(index: &Index, among: &[usize], class: u32, plan: &Plan) -> String {
    let places = among.iter().map(|&window| &index.windows[window]);
    let mut recordings: Vec<u32> =
        places.filter(|place| place.class == Some(class)).map(|place| place.recording).collect();
    recordings.sort_unstable();
    recordings.dedup();
    match (plan, recordings.as_slice()) {
        (Plan::Recording { .. } | Plan::Group { .. }, [only]) => format!(
            "it occurs in one recording only ({:?}); add another recording of it, or split by time",
            index.recordings[*only as usize]
        ),
        (Plan::Recording { .. }, _) => {
            "try another seed or test_share, or list the recordings".to_owned()
        }
        (Plan::Group { .. }, _) => {
            "its recordings are in one group; split by recording, or list the recordings".to_owned()
        }
        (Plan::Time { .. }, _) => "it occurs only early or only late in its recordings; split by \
                                   recording, or list rows"
            .to_owned(),
        (Plan::Lists { .. }, _) => "add a recording or rows of it to the list".to_owned(),
    }
}

#[cfg(test)]
mod tests;
