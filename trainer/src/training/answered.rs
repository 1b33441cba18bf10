//! Every window of a run answered by its model, and which of the answers are kept.

use learn::estimator::Fitted;
use learn::prediction::Prediction;
use rayon::prelude::*;

use super::TrainError;
use super::extract::Extracted;
use super::spans::Part;
use crate::progress::Progress;

/// The most windows whose answers are kept.
const WINDOWS_MAX: usize = 1_000_000;

/// The most numbers that are kept of all answers together: classes make many of them.
const NUMBERS_MAX: usize = 1 << 25;

/// Windows that one thread answers at once, between two looks at whether somebody ended the run.
const CHUNK_WINDOWS: usize = 1 << 14;

/// In which order parts are kept, where not all windows are.
const FIRST_KEPT: [Part; 4] = [Part::Test, Part::Calibration, Part::Train, Part::Unused];

/// The answers of all windows, by evaluating the emitted graph on the current thread pool.
pub(super) fn answers(
    fitted: &dyn Fitted,
    extracted: &Extracted,
    columns: usize,
    progress: &Progress,
) -> Result<Prediction, TrainError> {
    let chunks = extracted.values.par_chunks(CHUNK_WINDOWS * columns.max(1));
    progress.stage("answers", chunks.len() as u64);
    let parts = chunks
        .map(|values| {
            progress.check()?;
            let answered = learn::predict_rows(fitted, columns, values)?;
            progress.step();
            Ok(answered)
        })
        .collect::<Result<Vec<Prediction>, TrainError>>()?;
    let Some(kind) = parts.first() else {
        return Err(TrainError::EmptyPart { part: "answered" });
    };
    let numbers: Vec<f32> = parts.iter().flat_map(Prediction::numbers).copied().collect();
    Ok(kind.with_numbers(numbers))
}

/// The windows whose answers are kept, ascending. Where these are not all, a note says so.
pub(super) fn kept(parts: &[Part], width: usize, notes: &mut Vec<String>) -> Vec<usize> {
    let max = WINDOWS_MAX.min(NUMBERS_MAX / width.max(1));
    let kept = first(parts, max);
    if kept.len() < parts.len() {
        notes.push(format!(
            "windows: the answers of {} of {} are kept, those that were tested on first",
            kept.len(),
            parts.len()
        ));
    }
    kept
}

fn first(parts: &[Part], max: usize) -> Vec<usize> {
    let mut kept = Vec::with_capacity(max.min(parts.len()));
    for wanted in FIRST_KEPT {
        let members = parts.iter().enumerate().filter(|(_, part)| **part == wanted);
        let left = max - kept.len();
        kept.extend(members.map(|(window, _)| window).take(left));
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tested_on_is_kept_before_anything_else() {
        use Part::{Calibration, Test, Train, Unused};
        let parts = [Train, Train, Unused, Test, Calibration, Train, Test];
        assert_eq!(first(&parts, 7), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(first(&parts, 4), [0, 3, 4, 6]);
        assert_eq!(first(&parts, 1), [3]);
        let mut notes = Vec::new();
        assert_eq!(kept(&parts, NUMBERS_MAX / 3, &mut notes), [3, 4, 6]);
        assert!(notes[0].contains("3 of 7"), "{notes:?}");
        notes.clear();
        assert_eq!(kept(&parts, 2, &mut notes).len(), 7);
        assert!(notes.is_empty());
    }
}
