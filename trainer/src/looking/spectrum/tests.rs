//! Spectra against SciPy's: `tests/reference/spectra.py` writes what is compared.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::ingest::parquet;
use crate::recording::{RecordedChannel, Role};
use crate::store::OwnerId;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../../tests/reference/spectra.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// A recording of the reference's signal, changed.
fn kept(change: &dyn Fn(&mut Recording)) -> (tempfile::TempDir, DataFolder, Entry) {
    let reference = reference();
    let values: Vec<f32> = numbers(&reference["values"]).into_iter().map(|v| v as f32).collect();
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let channel = |name: &str| RecordedChannel {
        name: name.to_owned(),
        unit: Some("g".to_owned()),
        role: Role::Input,
        values: values.clone(),
    };
    let mut recording = Recording {
        name: "r".to_owned(),
        channels: vec![channel("x"), channel("y")],
        time_ns: (0..values.len() as i64).map(|row| row * 2_500_000).collect(),
        absolute_time: false,
        rate_hz: reference["rate_hz"].as_f64(),
        labels: Vec::new(),
        label_sets: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    change(&mut recording);
    parquet::write(&folder, &recording).unwrap();
    let version = folder.store().add_to_dataset(OwnerId::LOCAL, "d", &[recording.entry()]).unwrap();
    (place, folder, version.entries[0].clone())
}

fn close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().copied().fold(0.0, f64::max);
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(
            off <= 1e-9 * expected.abs() + 1e-14 * largest,
            "{what} {place}: {found} {expected}"
        );
    }
}

fn of_case(case: &Value) -> Asked {
    Asked {
        segment_rows: case["segment_rows"].as_u64(),
        overlap: case["overlap"].as_f64(),
        channels: Some(vec!["y".to_owned()]),
        ..Asked::default()
    }
}

#[test]
fn spectra_are_those_of_scipy() {
    let (_place, folder, entry) = kept(&|_| {});
    for case in reference()["cases"].as_array().unwrap() {
        let found = spectrum(&folder, &entry, &of_case(case)).unwrap();
        close(&found.segments.frequencies_hz, &numbers(&case["frequencies_hz"]), "frequencies");
        close(&found.channels[0].density, &numbers(&case["welch"]), "welch");
        assert_eq!((found.channels.len(), found.channels[0].unit.as_deref()), (1, Some("g")));
    }
}

#[test]
fn spectrograms_are_those_of_scipy_and_columns_are_means() {
    let (_place, folder, entry) = kept(&|_| {});
    for case in reference()["cases"].as_array().unwrap() {
        let expected: Vec<Vec<f64>> =
            case["spectrogram"].as_array().unwrap().iter().map(numbers).collect();
        let found = spectrogram(&folder, &entry, &of_case(case), None).unwrap();
        close(&found.time_s, &numbers(&case["time_s"]), "times");
        assert_eq!(found.columns.len(), expected.len());
        for (found, expected) in found.columns.iter().zip(&expected) {
            close(found, expected, "column");
        }
        let few = spectrogram(&folder, &entry, &of_case(case), Some(2)).unwrap();
        let first: Vec<&Vec<f64>> =
            expected.iter().take(few.segments_per_column as usize).collect();
        let mean =
            |bin: usize| first.iter().map(|column| column[bin]).sum::<f64>() / first.len() as f64;
        let means: Vec<f64> = (0..expected[0].len()).map(mean).collect();
        close(&few.columns[0], &means, "mean");
        assert!(few.columns.len() <= 2);
    }
}

#[test]
fn a_span_that_has_no_spectrum_is_refused_by_its_parameter() {
    let field = |asked: Asked, change: &dyn Fn(&mut Recording)| {
        let (_place, folder, entry) = kept(change);
        match spectrum(&folder, &entry, &asked).unwrap_err() {
            LookError::Asked { field, change } => (field, change),
            other => panic!("{other}"),
        }
    };
    let asked = Asked::default;
    let with = |asked: Asked| field(asked, &|_| {}).0;
    assert_eq!(with(Asked { from_row: Some(9), to_row: Some(9), ..asked() }), "from_row");
    assert_eq!(with(Asked { to_row: Some(1001), ..asked() }), "from_row");
    assert_eq!(with(Asked { to_row: Some(7), ..asked() }), "segment_rows");
    assert_eq!(with(Asked { segment_rows: Some(2000), ..asked() }), "segment_rows");
    assert_eq!(with(Asked { overlap: Some(1.0), ..asked() }), "overlap");
    assert_eq!(with(Asked { channels: Some(vec!["z".to_owned()]), ..asked() }), "channels");
    assert_eq!(field(asked(), &|recording| recording.rate_hz = None).0, "recording");
    let missing = field(asked(), &|recording| recording.channels[1].values[77] = f32::NAN);
    assert!(missing.0 == "from_row" && missing.1.contains("row 77"), "{missing:?}");
    let gap = |recording: &mut Recording| {
        recording.time_ns.iter_mut().skip(500).for_each(|time| *time += 1_000_000_000);
    };
    let gap = field(asked(), &gap);
    assert!(gap.1.contains("499 and 500"), "{gap:?}");
    let (_place, folder, entry) = kept(&|_| {});
    assert!(spectrogram(&folder, &entry, &asked(), None).is_err());
    let one = Asked { channels: Some(vec!["x".to_owned()]), ..asked() };
    assert!(spectrogram(&folder, &entry, &one, Some(0)).is_err());
}
