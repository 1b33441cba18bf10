//! Journals become recordings: whole ones, cut ones, and at another rate.

use model_format::protocol::SourceSettings;

use super::*;
use crate::data_folder::DataFolder;
use crate::ingest::parquet;
use crate::progress::Progress;
use crate::recorder::RecordSettings;
use crate::recorder::journal::Journal;
use crate::recording::Recording;

/// A second of a 5 Hz sine at 200 Hz, five seconds long, half of it labelled.
fn journal(path: &Path, rate_hz: Option<f64>) {
    let topic = "a/{machine}".to_owned();
    let source = SourceSettings { topic, ..SourceSettings::default() };
    let settings = RecordSettings { sources: vec![source], rate_hz, ..Default::default() };
    let (owner, dataset) = (OwnerId::LOCAL, "d".to_owned());
    let head = Head { owner, dataset, settings, began_ms: 1_800_000_000_123 };
    let mut journal = Journal::begin(path, &head).unwrap();
    for number in 0..1000_i64 {
        if number == 500 {
            journal.add(Entry::Label(Some("on"))).unwrap();
        }
        let value = (std::f64::consts::TAU * 5.0 * number as f64 / 200.0).sin();
        let payload = format!("{{\"t_ms\":{},\"x\":{value}}}", 1_800_000_000_000 + number * 5);
        let (topic, payload) = ("a/pump", payload.as_bytes());
        journal.add(Entry::Message { arrival_ns: number, topic, payload }).unwrap();
    }
    journal.sync().unwrap();
}

fn kept(folder: &DataFolder, path: &Path) -> (Kept, Vec<Recording>) {
    let progress = Progress::default();
    let work = Work { folder, owner: OwnerId::LOCAL, threads: 1, progress: &progress };
    let kept = keep(work, path).unwrap();
    let version = folder.store().dataset_version(OwnerId::LOCAL, "d", None).unwrap();
    let read = |entry| parquet::read(folder, entry).unwrap();
    (kept, version.entries.iter().map(read).collect())
}

#[test]
fn a_journal_becomes_a_recording_and_goes() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let path = folder.recorders_path().join("j");
    journal(&path, None);
    let copy = std::fs::read(&path).unwrap();
    let (one, recordings) = kept(&folder, &path);
    assert_eq!((one.version, recordings.len(), path.exists()), (Some(1), 1, false));
    let recording = &recordings[0];
    assert_eq!(recording.name, "2027-01-15T08-00-00.123Z/pump");
    assert_eq!((recording.rows(), recording.rate_hz), (1000, Some(200.0)));
    let span = LabelSpan { from_row: 500, to_row: 1000, class: "on".to_owned() };
    assert_eq!(recording.labels, [span]);
    // A crash before the journal was removed: nothing changes.
    std::fs::write(&path, copy).unwrap();
    assert_eq!(kept(&folder, &path).0.version, Some(1));
}

#[test]
fn a_journal_that_was_cut_has_all_before() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let path = folder.recorders_path().join("j");
    journal(&path, None);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    assert_eq!(kept(&folder, &path).1[0].rows(), 999);
}

#[test]
fn another_rate_is_that_of_a_device() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let path = folder.recorders_path().join("j");
    journal(&path, Some(50.0));
    let (one, recordings) = kept(&folder, &path);
    let recording = &recordings[0];
    assert_eq!(recording.rate_hz, Some(50.0));
    assert!((200..=251).contains(&recording.rows()), "{}", recording.rows());
    assert!(
        one.recordings[0].notes[0].contains("resampled to 50 Hz from 200"),
        "{:?}",
        one.recordings[0].notes
    );
    // The sine has its amplitude and its phase; the filter's delay is none of the times.
    for (time_ns, value) in recording.time_ns.iter().zip(&recording.channels[0].values).skip(20) {
        let seconds = (time_ns - 1_800_000_000_000_000_000) as f64 / 1e9;
        let expected = (std::f64::consts::TAU * 5.0 * seconds).sin();
        assert!((f64::from(*value) - expected).abs() < 0.02, "{seconds} {value} {expected}");
    }
    let labelled = recording.labels[0].from_row as usize;
    assert_eq!(recording.time_ns[labelled], 1_800_000_002_500_000_000);
}
