//! Overviews: tables that add up, copies that are found, leaks that are told.

use super::*;
use crate::ingest::parquet;
use crate::recording::{LabelSpan, RecordedChannel, Recording, Role};
use crate::store::OwnerId;

/// A second of noise at 100 Hz, labelled by halves.
fn recording(name: &str, seed: u32, start_ns: i64, partition: &str) -> Recording {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32
    };
    let channel = RecordedChannel {
        name: "x".to_owned(),
        unit: None,
        role: Role::Input,
        values: (0..1000).map(|_| next()).collect(),
    };
    let label =
        |from_row, to_row, class: &str| LabelSpan { from_row, to_row, class: class.to_owned() };
    Recording {
        name: name.to_owned(),
        channels: vec![channel],
        time_ns: (0..1000).map(|row| start_ns + row * 10_000_000).collect(),
        absolute_time: true,
        rate_hz: Some(100.0),
        labels: vec![label(0, 400, "idle"), label(400, 900, "on")],
        label_sets: BTreeMap::new(),
        tags: BTreeMap::from([("partition".to_owned(), partition.to_owned())]),
    }
}

const HOUR_NS: i64 = 3_600_000_000_000;

fn looked(recordings: &[Recording], test: &[&str]) -> Result<Overview, LookError> {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let entries: Vec<_> = recordings.iter().map(Recording::entry).collect();
    recordings.iter().for_each(|recording| parquet::write(&folder, recording).unwrap());
    let version = folder.store().add_to_dataset(OwnerId::LOCAL, "d", &entries).unwrap();
    let test: Vec<Selector> = test.iter().map(|text| text.parse().unwrap()).collect();
    overview(&folder, &version, &test, &Progress::default())
}

#[test]
fn tables_add_up_and_a_clean_split_has_no_leaks() {
    let mut other = recording("b", 2, HOUR_NS, "testing");
    other.labels.truncate(1);
    let found = looked(&[recording("a", 1, 0, "training"), other], &[]).unwrap();
    let idle = &found.classes[0];
    assert_eq!(
        (idle.class.as_str(), idle.recordings, idle.rows, idle.seconds),
        ("idle", 2, 800, 8.0)
    );
    assert_eq!((found.classes[1].rows, found.unlabelled_rows), (500, 700));
    let split = found.split.unwrap();
    assert_eq!((split.train_recordings, split.test_recordings), (1, 1));
    let on = ClassBalance { class: "on".to_owned(), train_rows: 500, test_rows: 0 };
    assert_eq!(split.classes[1], on);
    assert!(found.notes[0].contains("only learned"), "{:?}", found.notes);
    assert!(found.leaks.is_empty() && found.duplicates.is_empty());
    assert_eq!(found.recordings[1].is_tested, Some(true));
}

#[test]
fn a_copy_under_another_name_and_time_is_found_and_leaks() {
    let copy = Recording { name: "c".to_owned(), ..recording("a", 1, 5 * HOUR_NS, "testing") };
    let all = [recording("a", 1, 0, "training"), recording("b", 2, HOUR_NS, "training"), copy];
    let found = looked(&all, &[]).unwrap();
    let copy = &found.duplicates[0];
    assert_eq!((copy.one.as_str(), copy.other.as_str(), copy.share), ("a", "c", 1.0));
    assert!(!copy.is_identical && found.leaks.len() == 1, "{:?}", found.leaks);
    // Both on one side: still twice, and no leak.
    let found = looked(&all, &["recording:b"]).unwrap();
    assert_eq!((found.duplicates.len(), found.leaks.len()), (1, 0));
    let same = Recording { name: "d".to_owned(), ..recording("a", 1, 0, "training") };
    let found = looked(&[recording("a", 1, 0, "training"), same], &[]).unwrap();
    assert!(found.duplicates[0].is_identical);
}

#[test]
fn recordings_of_the_same_time_on_both_sides_are_told() {
    let all = [
        recording("a", 1, 0, "training"),
        recording("b", 2, 9_000_000_000, "testing"),
        recording("c", 3, 10_000_000_000, "testing"),
    ];
    let found = looked(&all, &[]).unwrap();
    // The last row of the first lies at 9.99 s.
    assert_eq!(found.leaks.len(), 1, "{:?}", found.leaks);
    let leak = &found.leaks[0];
    assert_eq!((leak.tested.as_str(), leak.learned.as_str()), ("b", "a"));
    assert!(leak.reason.contains("same time"), "{leak}");
    let relative = all.map(|recording| Recording { absolute_time: false, ..recording });
    assert!(looked(&relative, &[]).unwrap().leaks.is_empty());
}

#[test]
fn a_split_of_nothing_is_refused_and_without_one_there_is_none() {
    let all = [recording("a", 1, 0, "training"), recording("b", 2, HOUR_NS, "training")];
    assert!(looked(&all, &[]).unwrap().split.is_none());
    for test in ["recording:z", "recording:*"] {
        let refused = looked(&all, &[test]).unwrap_err();
        assert!(matches!(refused, LookError::Asked { field: "test", .. }), "{refused}");
    }
}
