//! The split as stretches of rows: what each part of each recording was for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Extracted, WindowInfo};
use super::partition::Partition;
use crate::store::{Entry, RecordingId};

/// The most spans of all recordings together.
const SPANS_MAX: usize = 20_000;

/// What a window is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// To learn from.
    Train,
    /// To set the alarm line by.
    Calibration,
    /// To test on.
    Test,
    /// Nothing: between the parts, named by none, or without a class or a value.
    Unused,
}

impl Part {
    /// All parts.
    pub(crate) const ALL: [Part; 4] = [Part::Train, Part::Calibration, Part::Test, Part::Unused];

    /// The word in files and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Calibration => "calibration",
            Part::Test => "test",
            Part::Unused => "unused",
        }
    }
}

impl std::str::FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Part::ALL.into_iter().find(|part| part.name() == text);
        known.ok_or_else(|| format!("{text:?} is no part of a split"))
    }
}

/// What the parts of a recording were for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordingParts {
    /// Name of the recording; of one of another dataset, that dataset's name and `/` before it.
    pub recording: String,
    /// Its identifier.
    pub recording_id: RecordingId,
    /// How many rows it has.
    pub rows: u64,
    /// How long it is, where it has a rate.
    pub seconds: Option<f64>,
    /// How many windows it has.
    pub windows: u64,
    /// Windows of one part that follow one another, in the order of time.
    pub parts: Vec<PartSpan>,
}

/// Windows of one part that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartSpan {
    /// What they are for.
    pub part: Part,
    /// First row of the first window.
    pub from_row: u64,
    /// First row after the last window, or the next span's first row where that comes earlier: windows
    /// of different parts may overlap, as long as only `unused` ones do.
    pub to_row: u64,
    /// How many windows.
    pub windows: u64,
}

/// What each window is for, by its position.
pub(crate) fn parts_of_windows(partition: &Partition, windows: usize) -> Vec<Part> {
    let mut parts = vec![Part::Unused; windows];
    for (part, members) in [
        (Part::Train, &partition.train),
        (Part::Calibration, &partition.calibration),
        (Part::Test, &partition.test),
    ] {
        members.iter().for_each(|&window| parts[window] = part);
    }
    parts
}

/// The split of these recordings. Where it has more spans than are kept, later recordings have none,
/// and a note says so.
pub(crate) fn split_of(
    entries: &[Entry],
    extracted: &Extracted,
    parts: &[Part],
    notes: &mut Vec<String>,
) -> Vec<RecordingParts> {
    let mut split = Vec::with_capacity(entries.len());
    let mut spans_left = SPANS_MAX;
    let mut left_out = 0;
    let mut first = 0;
    for (number, (entry, name)) in entries.iter().zip(&extracted.recordings).enumerate() {
        let windows = &extracted.windows[first..];
        let count = windows.partition_point(|window| window.recording as usize <= number);
        let mut spans = spans(&windows[..count], &parts[first..first + count]);
        if spans.len() > spans_left {
            spans.clear();
            left_out += 1;
        }
        spans_left -= spans.len();
        split.push(RecordingParts {
            recording: name.clone(),
            recording_id: entry.recording_id,
            rows: entry.info.rows,
            seconds: entry.info.rate_hz.map(|hz| entry.info.rows as f64 / hz),
            windows: count as u64,
            parts: spans,
        });
        first += count;
    }
    if left_out > 0 {
        notes.push(format!(
            "split: the spans of {left_out} recordings are not listed, as there are more than \
             {SPANS_MAX} in all"
        ));
    }
    split
}

/// The spans of one recording.
fn spans(windows: &[WindowInfo], parts: &[Part]) -> Vec<PartSpan> {
    let mut spans: Vec<PartSpan> = Vec::new();
    for (window, &part) in windows.iter().zip(parts) {
        match spans.last_mut() {
            Some(last) if last.part == part => {
                last.to_row = last.to_row.max(window.end_row);
                last.windows += 1;
            }
            last => {
                if let Some(last) = last {
                    last.to_row = last.to_row.min(window.start_row);
                }
                let (from_row, to_row) = (window.start_row, window.end_row);
                spans.push(PartSpan { part, from_row, to_row, windows: 1 });
            }
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(places: &[(u64, u64)]) -> Vec<WindowInfo> {
        let window = |&(start_row, end_row): &(u64, u64)| WindowInfo {
            recording: 0,
            index: 0,
            segment_start_ns: 0,
            start_ns: 0,
            end_ns: 0,
            start_row,
            end_row,
            class: None,
            whole: true,
            value: f32::NAN,
        };
        places.iter().map(window).collect()
    }

    #[test]
    fn spans_reach_from_the_first_window_to_the_last_and_are_cut_where_the_next_begins() {
        use Part::{Test, Train, Unused};
        let places = [(0, 10), (5, 15), (10, 20), (15, 25), (40, 50)];
        let found = spans(&windows(&places), &[Train, Train, Unused, Test, Test]);
        let span = |part, from_row, to_row, windows| PartSpan { part, from_row, to_row, windows };
        assert_eq!(found, [span(Train, 0, 10, 2), span(Unused, 10, 15, 1), span(Test, 15, 50, 2)]);
        assert_eq!(spans(&[], &[]), []);
    }

    #[test]
    fn a_part_is_read_back_from_its_word() {
        for part in Part::ALL {
            assert_eq!(part.name().parse(), Ok(part));
        }
        assert!("training".parse::<Part>().is_err());
    }
}
