//! What the recordings of a dataset version come to: rows, seconds, and the same by class.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Entry;

/// What the recordings of a version come to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VersionTotals {
    /// What was recorded of each class, by name.
    pub classes: Vec<ClassTotal>,
    /// Rows of all recordings.
    pub rows: u64,
    /// Rows that have a label.
    pub labelled_rows: u64,
    /// How long the recordings are together; none where one of them has no rate.
    pub seconds: Option<f64>,
}

/// What was recorded of a class.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClassTotal {
    /// The class.
    pub class: String,
    /// Recordings in which it occurs.
    pub recordings: u64,
    /// Rows that have it as their label.
    pub rows: u64,
    /// How long these are together; none where one of the recordings has no rate.
    pub seconds: Option<f64>,
}

impl VersionTotals {
    /// Adds up.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut totals =
            VersionTotals { classes: Vec::new(), rows: 0, labelled_rows: 0, seconds: Some(0.0) };
        let mut classes: BTreeMap<&str, ClassTotal> = BTreeMap::new();
        for entry in entries {
            let rate_hz = entry.info.rate_hz;
            totals.rows += entry.info.rows;
            totals.seconds = longer(totals.seconds, entry.info.rows, rate_hz);
            let mut here: BTreeMap<&str, u64> = BTreeMap::new();
            for span in &entry.annotation.labels {
                *here.entry(&span.class).or_default() += span.to_row - span.from_row;
            }
            for (class, rows) in here {
                let total = classes.entry(class).or_insert_with(|| ClassTotal {
                    class: class.to_owned(),
                    recordings: 0,
                    rows: 0,
                    seconds: Some(0.0),
                });
                total.recordings += 1;
                total.rows += rows;
                total.seconds = longer(total.seconds, rows, rate_hz);
                totals.labelled_rows += rows;
            }
        }
        totals.classes = classes.into_values().collect();
        totals
    }
}

/// The time with so many rows more; none where they have no rate.
fn longer(seconds: Option<f64>, rows: u64, rate_hz: Option<f64>) -> Option<f64> {
    Some(seconds? + rows as f64 / rate_hz?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{LabelSpan, RecordedChannel, Recording, Role};
    use crate::store::{OwnerId, Store};

    fn recording(name: &str, rate_hz: Option<f64>, labels: &[(u64, u64, &str)]) -> Recording {
        let span = |&(from_row, to_row, class): &(u64, u64, &str)| LabelSpan {
            from_row,
            to_row,
            class: class.to_owned(),
        };
        Recording {
            name: name.to_owned(),
            channels: vec![RecordedChannel {
                name: "a".to_owned(),
                unit: None,
                role: Role::Input,
                values: vec![0.0; 10],
            }],
            time_ns: (0..10).collect(),
            absolute_time: false,
            rate_hz,
            labels: labels.iter().map(span).collect(),
            label_sets: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    fn total(class: &str, recordings: u64, rows: u64, seconds: Option<f64>) -> ClassTotal {
        ClassTotal { class: class.to_owned(), recordings, rows, seconds }
    }

    #[test]
    fn rows_and_seconds_are_those_of_the_spans_and_unknown_where_one_has_no_rate() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).unwrap();
        let entries = [
            recording("1", Some(2.0), &[(0, 4, "idle"), (4, 6, "worn"), (8, 10, "idle")]).entry(),
            recording("2", None, &[(0, 3, "worn")]).entry(),
            recording("3", Some(5.0), &[]).entry(),
        ];
        let version = store.add_to_dataset(OwnerId::LOCAL, "d", &entries[..1]).unwrap();
        assert_eq!((version.totals.rows, version.totals.seconds), (10, Some(5.0)));
        let version = store.add_to_dataset(OwnerId::LOCAL, "d", &entries).unwrap();
        let expected = [total("idle", 1, 6, Some(3.0)), total("worn", 2, 5, None)];
        assert_eq!(version.totals.classes, expected);
        assert_eq!((version.totals.rows, version.totals.labelled_rows), (30, 11));
        assert_eq!(version.totals.seconds, None);
    }
}
