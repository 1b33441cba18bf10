//! Splitting by time: the end of each recording is for testing, behind a gap.

use super::{Index, Part, SplitError, check_share};

/// The rows that the windows of a recording cover are cut in two at the test share. Windows that
/// end at least `purge_rows` before the cut are for training, windows that start at the cut or
/// later for testing.
pub(super) fn split(
    index: &Index,
    among: &[usize],
    test_share: f64,
    purge_rows: u64,
) -> Result<Vec<Part>, SplitError> {
    check_share(test_share)?;
    let covered = covered(index, among, purge_rows)?;
    let cut = |recording: u32| {
        let (from, to) = covered[recording as usize];
        from + ((to - from) as f64 * (1.0 - test_share)).round() as u64
    };
    let part = |&window: &usize| {
        let place = &index.windows[window];
        let cut = cut(place.recording);
        if place.start_row >= cut {
            Part::Test
        } else if place.end_row.saturating_add(purge_rows) <= cut {
            Part::Train
        } else {
            Part::Unused
        }
    };
    Ok(among.iter().map(part).collect())
}

/// The rows of each recording that its windows cover, from and to; none of a recording without windows.
pub(super) fn covered(
    index: &Index,
    among: &[usize],
    purge_rows: u64,
) -> Result<Vec<(u64, u64)>, SplitError> {
    let mut covered = vec![None::<(u64, u64)>; index.recordings.len()];
    for &window in among {
        let place = &index.windows[window];
        let needed = place.end_row.saturating_sub(place.start_row);
        if purge_rows < needed {
            return Err(SplitError::Purge { found: purge_rows, needed });
        }
        let own = &mut covered[place.recording as usize];
        let (from, to) = own.unwrap_or((place.start_row, place.end_row));
        *own = Some((from.min(place.start_row), to.max(place.end_row)));
    }
    Ok(covered.into_iter().map(Option::unwrap_or_default).collect())
}
