//! Folds for cross-validation: what one tests on, the others learn from.

use super::{Index, Part, Place, Split, SplitError, collect, group_of, time, units};
use crate::random::Random;

/// The most folds.
pub const FOLDS_MAX: u32 = 20;

/// What is never on both sides of a fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoldsBy {
    /// A recording.
    Recording,
    /// All recordings with the same value of this tag.
    Group {
        /// The tag.
        tag: String,
    },
    /// A stretch of time: the rows of each recording are cut into as many blocks as there are folds.
    Time {
        /// Rows between the parts that neither uses; at least the longest window.
        purge_rows: u64,
    },
}

/// Divides the windows `among` (positions in `index.windows`) into `count` folds, each a split of all
/// of them. A window is tested on in one fold; by time, one that reaches from one block into the next
/// in none. Recordings and groups are dealt out class by class in an order that the seed decides, so
/// that folds differ by one unit at most and have each class alike.
///
/// # Errors
/// Where there are fewer recordings or groups than folds, or a class would be missing from what a fold
/// learns from.
pub fn folds(
    index: &Index,
    among: &[usize],
    count: u32,
    by: &FoldsBy,
    seed: u64,
) -> Result<Vec<Split>, SplitError> {
    if among.is_empty() {
        return Err(SplitError::Empty);
    }
    let count = count.clamp(2, FOLDS_MAX) as usize;
    let splits: Vec<Split> = match by {
        FoldsBy::Recording => {
            let unit = |place: &Place| Ok(place.recording);
            dealt(index, among, count, seed, ("recording", index.recordings.len()), unit)?
        }
        FoldsBy::Group { tag } => {
            let unit = |place: &Place| group_of(index, place, tag);
            dealt(index, among, count, seed, ("group", index.groups.len()), unit)?
        }
        FoldsBy::Time { purge_rows } => blocks(index, among, count, *purge_rows)?,
    };
    for (number, split) in splits.iter().enumerate() {
        check(index, among, split, number + 1)?;
    }
    Ok(splits)
}

fn dealt(
    index: &Index,
    among: &[usize],
    count: usize,
    seed: u64,
    (word, units): (&'static str, usize),
    unit: impl Fn(&Place) -> Result<u32, SplitError>,
) -> Result<Vec<Split>, SplitError> {
    let units::Own { own, present } = units::of_windows(index, among, unit)?;
    if present.len() < count {
        return Err(SplitError::FewUnits { unit: word, found: present.len(), folds: count });
    }
    let mut fold_of = vec![0; units];
    let mut next = 0;
    for (stratum, mut units) in units::strata(index, among, &own, &present).into_iter().enumerate()
    {
        Random::new(seed, stratum as u64).shuffle(&mut units);
        for unit in units {
            fold_of[unit as usize] = next;
            next = (next + 1) % count;
        }
    }
    let part = |fold: usize, unit: u32| match fold_of[unit as usize] == fold {
        true => Part::Test,
        false => Part::Train,
    };
    let parts = |fold| own.iter().map(|&unit| part(fold, unit)).collect::<Vec<Part>>();
    Ok((0..count).map(|fold| collect(among, &parts(fold))).collect())
}

fn blocks(
    index: &Index,
    among: &[usize],
    count: usize,
    purge_rows: u64,
) -> Result<Vec<Split>, SplitError> {
    let covered = time::covered(index, among, purge_rows)?;
    let part = |fold: usize, window: usize| {
        let place = &index.windows[window];
        let (from, to) = covered[place.recording as usize];
        let edge = |number: usize| from + (to - from) * number as u64 / count as u64;
        let (begin, end) = (edge(fold), edge(fold + 1));
        if place.start_row >= begin && place.end_row <= end {
            Part::Test
        } else if place.end_row.saturating_add(purge_rows) <= begin
            || place.start_row >= end.saturating_add(purge_rows)
        {
            Part::Train
        } else {
            Part::Unused
        }
    };
    let parts = |fold| among.iter().map(|&window| part(fold, window)).collect::<Vec<Part>>();
    Ok((0..count).map(|fold| collect(among, &parts(fold))).collect())
}

fn check(index: &Index, among: &[usize], split: &Split, fold: usize) -> Result<(), SplitError> {
    for (part, windows) in [("training", &split.train), ("test", &split.test)] {
        if windows.is_empty() {
            return Err(SplitError::EmptyFold { fold, part });
        }
    }
    for (class, name) in index.classes.iter().enumerate() {
        let has = |&window: &usize| index.windows[window].class == Some(class as u32);
        if among.iter().any(has) && !split.train.iter().any(has) {
            return Err(SplitError::FoldClassMissing { class: name.clone(), fold });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Recordings with so many windows of 10 rows, a stride of 5, and one class each.
    fn index(recordings: &[(usize, u32)]) -> Index {
        let classes = recordings.iter().map(|(_, class)| class + 1).max().unwrap_or(0);
        let windows = recordings.iter().enumerate().flat_map(|(recording, &(count, class))| {
            (0..count as u64).map(move |number| Place {
                recording: recording as u32,
                start_row: 5 * number,
                end_row: 5 * number + 10,
                group: Some(recording as u32 / 2),
                class: Some(class),
            })
        });
        Index {
            recordings: (0..recordings.len()).map(|number| format!("r{number}")).collect(),
            groups: (0..recordings.len().div_ceil(2)).map(|number| format!("g{number}")).collect(),
            classes: (0..classes).map(|class| format!("c{class}")).collect(),
            windows: windows.collect(),
        }
    }

    fn all(index: &Index) -> Vec<usize> {
        (0..index.windows.len()).collect()
    }

    #[test]
    fn every_class_is_dealt_out_alike() {
        let index = index(&[(4, 0), (4, 0), (4, 0), (4, 0), (4, 1), (4, 1), (4, 1), (4, 1)]);
        let splits = folds(&index, &all(&index), 4, &FoldsBy::Recording, 3).unwrap();
        for split in &splits {
            let of = |class| {
                let has = |&&window: &&usize| index.windows[window].class == Some(class);
                split.test.iter().filter(has).count()
            };
            assert_eq!((of(0), of(1)), (4, 4));
        }
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        let few = index(&[(4, 0), (4, 0), (4, 0)]);
        let refusal = folds(&few, &all(&few), 5, &FoldsBy::Recording, 0).unwrap_err().to_string();
        assert!(refusal.contains("5 recordings") && refusal.contains("there are 3"), "{refusal}");
        let alone = index(&[(4, 0), (4, 0), (4, 1)]);
        let refusal = folds(&alone, &all(&alone), 3, &FoldsBy::Recording, 0).unwrap_err();
        assert!(matches!(refusal, SplitError::FoldClassMissing { .. }), "{refusal}");
        let short = index(&[(3, 0)]);
        let refusal = folds(&short, &all(&short), 10, &FoldsBy::Time { purge_rows: 10 }, 0);
        assert!(matches!(refusal, Err(SplitError::EmptyFold { .. })), "{refusal:?}");
        let refusal = folds(&short, &all(&short), 2, &FoldsBy::Time { purge_rows: 9 }, 0);
        assert!(matches!(refusal, Err(SplitError::Purge { .. })), "{refusal:?}");
        assert_eq!(folds(&short, &[], 2, &FoldsBy::Recording, 0), Err(SplitError::Empty));
    }

    proptest! {
        #[test]
        fn every_window_is_tested_on_once_and_never_by_its_own_recording(
            recordings in prop::collection::vec((1_usize..9, 0_u32..1), 6..20),
            count in 2_u32..4,
            grouped in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let index = index(&recordings);
            let by = match grouped {
                true => FoldsBy::Group { tag: "machine".to_owned() },
                false => FoldsBy::Recording,
            };
            let splits = folds(&index, &all(&index), count, &by, seed).unwrap();
            let mut tested: Vec<usize> = splits.iter().flat_map(|split| split.test.clone()).collect();
            tested.sort_unstable();
            prop_assert_eq!(tested, all(&index));
            for split in &splits {
                prop_assert!(split.unused.is_empty());
                let unit = |window: usize| match grouped {
                    true => index.windows[window].group.unwrap(),
                    false => index.windows[window].recording,
                };
                let test: Vec<u32> = split.test.iter().map(|&window| unit(window)).collect();
                prop_assert!(split.train.iter().all(|&window| !test.contains(&unit(window))));
            }
            prop_assert_eq!(folds(&index, &all(&index), count, &by, seed).unwrap(), splits);
        }

        #[test]
        fn by_time_no_row_is_on_both_sides_nor_nearer_than_the_gap(
            windows in 40_usize..90,
            count in 2_u32..5,
            purge_rows in 10_u64..25,
        ) {
            let index = index(&[(windows, 0), (windows, 0)]);
            let by = FoldsBy::Time { purge_rows };
            let splits = folds(&index, &all(&index), count, &by, 0).unwrap();
            let mut tested = vec![0; index.windows.len()];
            for split in &splits {
                for &test in &split.test {
                    tested[test] += 1;
                    let test = index.windows[test];
                    for &train in &split.train {
                        let train = index.windows[train];
                        let far = train.end_row + purge_rows <= test.start_row
                            || test.end_row + purge_rows <= train.start_row;
                        prop_assert!(train.recording != test.recording || far);
                    }
                }
            }
            prop_assert!(tested.iter().all(|&times| times <= 1));
            prop_assert!(tested.iter().sum::<i32>() as f64 > 0.7 * tested.len() as f64);
        }
    }
}
