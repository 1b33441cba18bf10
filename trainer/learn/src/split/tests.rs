//! Claims about splits.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Recordings with `windows` windows of 10 rows at stride 5; recording r has class r % classes.
fn index(recordings: u32, windows: u64, classes: u32) -> Index {
    let names = |word: &str, count: u32| (0..count).map(|i| format!("{word}{i}")).collect();
    let place = |recording: u32, window: u64| Place {
        recording,
        start_row: window * 5,
        end_row: window * 5 + 10,
        group: Some(recording / 2),
        class: (classes > 0).then(|| recording % classes),
    };
    Index {
        recordings: names("rec", recordings),
        groups: names("group", recordings.div_ceil(2)),
        classes: names("class", classes),
        windows: (0..recordings)
            .flat_map(|recording| (0..windows).map(move |window| place(recording, window)))
            .collect(),
    }
}

fn by_recording(test_share: f64) -> Plan {
    Plan::Recording { test_share }
}

#[test]
fn recordings_stay_whole_and_every_class_keeps_its_share() {
    let index = index(20, 7, 2);
    let split = split(&index, None, &by_recording(0.2), 5).unwrap();
    let recordings = |windows: &[usize]| {
        let mut own: Vec<u32> = windows.iter().map(|&w| index.windows[w].recording).collect();
        own.dedup();
        own
    };
    let (train, test) = (recordings(&split.train), recordings(&split.test));
    assert_eq!((train.len(), test.len()), (16, 4));
    assert!(test.iter().all(|recording| !train.contains(recording)));
    assert_eq!(test.iter().filter(|&&recording| recording % 2 == 0).count(), 2);
}

#[test]
fn the_seed_decides_and_repeats() {
    let index = index(40, 2, 2);
    let test = |seed| split(&index, None, &by_recording(0.3), seed).unwrap().test;
    assert_eq!(test(1), test(1));
    assert_ne!(test(1), test(2));
}

#[test]
fn a_class_with_one_recording_is_refused_with_its_name() {
    let mut index = index(6, 3, 2);
    index.classes.push("rare".to_owned());
    for place in &mut index.windows {
        if place.recording == 5 {
            place.class = Some(2);
        }
    }
    let error = split(&index, None, &by_recording(0.3), 0).unwrap_err().to_string();
    assert!(error.contains("\"rare\"") && error.contains("\"rec5\""), "{error}");
    assert!(error.contains("split by time"), "{error}");
}

#[test]
fn a_single_recording_is_refused_and_time_is_offered() {
    let error = split(&index(1, 9, 0), None, &by_recording(0.3), 0).unwrap_err();
    assert!(matches!(error, SplitError::OneUnit { unit: "recording", .. }), "{error}");
}

#[test]
fn a_group_is_never_divided() {
    let plan = Plan::Group { tag: "machine".to_owned(), test_share: 0.4 };
    let index = index(12, 3, 2);
    let split = split(&index, None, &plan, 3).unwrap();
    let groups = |windows: &[usize], group| {
        windows.iter().filter(|&&w| index.windows[w].group == Some(group)).count()
    };
    for group in 0..6 {
        let (train, test) = (groups(&split.train, group), groups(&split.test, group));
        assert!(train == 0 || test == 0, "group {group}: {train} and {test}");
    }
    assert!(!split.test.is_empty());
}

#[test]
fn a_recording_without_the_tag_is_named() {
    let mut index = index(4, 3, 0);
    index.windows[6].group = None;
    let plan = Plan::Group { tag: "load".to_owned(), test_share: 0.4 };
    let error = split(&index, None, &plan, 3).unwrap_err().to_string();
    assert!(error.contains("\"rec2\"") && error.contains("\"load\""), "{error}");
}

#[test]
fn time_leaves_a_gap_and_refuses_one_that_is_shorter_than_a_window() {
    let index = index(3, 50, 0);
    let plan = |purge_rows| Plan::Time { test_share: 0.25, purge_rows };
    let split_at = |purge_rows| split(&index, None, &plan(purge_rows), 0);
    assert_eq!(split_at(9), Err(SplitError::Purge { found: 9, needed: 10 }));
    let split = split_at(10).unwrap();
    let end = split.train.iter().map(|&w| index.windows[w].end_row).max().unwrap();
    let start = split.test.iter().map(|&w| index.windows[w].start_row).min().unwrap();
    assert!(end + 10 <= start, "{end} and {start}");
    assert_eq!(split.train.len() + split.test.len() + split.unused.len(), 150);
    assert!(split.unused.len() <= 3 * 4);
}

#[test]
fn a_class_that_only_occurs_early_is_refused_by_time() {
    let mut index = index(2, 40, 1);
    index.classes.push("late".to_owned());
    for place in &mut index.windows {
        place.class = Some(u32::from(place.start_row > 60));
    }
    let plan = Plan::Time { test_share: 0.3, purge_rows: 10 };
    let error = split(&index, None, &plan, 0).unwrap_err().to_string();
    assert!(error.contains("\"class0\" has no test window"), "{error}");
}

#[test]
fn lists_take_rows_and_refuse_shared_ones() {
    let index = index(2, 20, 0);
    let span = |from_row, to_row| Span { recording: "rec0".to_owned(), from_row, to_row };
    let lists = |train, test| Plan::Lists { train: vec![train], test: vec![test] };
    let parts = split(&index, None, &lists(span(None, Some(40)), span(Some(40), None)), 0).unwrap();
    assert_eq!(parts.train, (0..7).collect::<Vec<_>>());
    assert_eq!(parts.test, (8..20).collect::<Vec<_>>());
    assert_eq!(parts.unused.len(), 21);
    let shared = split(&index, None, &lists(span(None, Some(41)), span(Some(40), None)), 0);
    assert!(matches!(shared, Err(SplitError::Overlap { from_row: 40, to_row: 41, .. })));
    let unknown = Span { recording: "rec00".to_owned(), from_row: None, to_row: None };
    let error = split(&index, None, &lists(unknown, span(None, None)), 0).unwrap_err().to_string();
    assert!(error.contains("did you mean") && error.contains("\"rec0\""), "{error}");
}

#[test]
fn a_split_by_window_is_refused_with_the_reason() {
    let error = Plan::read(&json!({"by": "window", "test_share": 0.2})).unwrap_err().to_string();
    assert!(error.contains("neighbouring windows"), "{error}");
    let error = Plan::read(&json!({"by": "recording", "share": 0.2})).unwrap_err().to_string();
    assert!(error.contains("share"), "{error}");
}

#[test]
fn a_plan_is_its_json() {
    for plan in [
        by_recording(0.2),
        Plan::Time { test_share: 0.5, purge_rows: 3 },
        Plan::Lists {
            train: vec![Span { recording: "a".to_owned(), from_row: None, to_row: Some(4) }],
            test: vec![],
        },
    ] {
        assert_eq!(Plan::read(&serde_json::to_value(&plan).unwrap()), Ok(plan));
    }
}

proptest! {
    #[test]
    fn every_window_is_in_one_part_and_no_sample_is_in_both(
        recordings in 2_u32..9, windows in 1_u64..30, share in 0.01..0.99_f64,
        purge in 10_u64..25, seed in any::<u64>(), by_time in any::<bool>(),
    ) {
        let index = index(recordings, windows, 0);
        let plan = if by_time {
            Plan::Time { test_share: share, purge_rows: purge }
        } else {
            by_recording(share)
        };
        if let Ok(split) = split(&index, None, &plan, seed) {
            let mut all = [split.train.clone(), split.test.clone(), split.unused].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..index.windows.len()).collect::<Vec<_>>());
            for &a in &split.train {
                for &b in &split.test {
                    let (a, b) = (&index.windows[a], &index.windows[b]);
                    let apart = a.recording != b.recording || a.end_row <= b.start_row;
                    prop_assert!(apart);
                }
            }
        }
    }
}
