//! Changes of labels, each of which makes a dataset version, and their history.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use model_format::id::Digest;
use rusqlite::{Transaction, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::sharing::dataset_for;
use super::version::{Listed, listed_in, read_version, version_digest, write_version};
use super::{
    Access, DatasetId, DatasetVersion, OwnerId, Page, PageOf, Store, StoreError, check_name, json,
    list, parsed, plain, to_json,
};
use crate::labels::{EditError, LabelEdit, LabelsByRecording, RecordingLabels, apply};

/// What is to be changed of the labels of a dataset.
#[derive(Clone, Debug)]
pub struct Relabelling {
    /// Name of the label set; the recordings' own labels where absent.
    pub label_set: Option<String>,
    /// The changes, carried out in this order: all or none.
    pub edits: Vec<LabelEdit>,
    /// Why, in somebody's words.
    pub comment: Option<String>,
    /// The version that must be the newest one; whichever is where absent.
    pub expected_version: Option<u32>,
    /// Who changes them.
    pub changed_by: String,
}

/// A change of labels, as the history has it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LabelChange {
    /// Number of the dataset version that it made.
    pub version: u32,
    /// Digest of that version.
    pub digest: Digest,
    /// When, in milliseconds since 1970 UTC.
    pub changed_ms: i64,
    /// Who: the name of a user or of a key.
    pub changed_by: String,
    /// The label set; the recordings' own labels where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_set: Option<String>,
    /// What was asked for, edit by edit, in words; what came of it is in the version.
    pub edits: Vec<String>,
    /// Names of the recordings whose labels are others now.
    pub recordings: Vec<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Why labels were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RelabelError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An edit cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Somebody was faster.
    #[error(
        "the newest version of {dataset:?} is {newest}, not {expected}: look at it, then ask again"
    )]
    Moved {
        /// The dataset.
        dataset: String,
        /// Its newest version.
        newest: u32,
        /// The version that was expected.
        expected: u32,
    },
}

impl From<rusqlite::Error> for RelabelError {
    fn from(error: rusqlite::Error) -> Self {
        RelabelError::Store(error.into())
    }
}

impl Store {
    /// Changes the labels of a dataset, as a new version; the newest one where nothing is changed by
    /// it.
    ///
    /// # Errors
    /// Where an edit cannot be made: then none is.
    pub fn relabel(
        &self,
        viewer: OwnerId,
        dataset: &str,
        change: &Relabelling,
    ) -> Result<DatasetVersion, RelabelError> {
        if let Some(set) = &change.label_set {
            check_name("label set", set)?;
        }
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let seen = dataset_for(&transaction, viewer, dataset, Access::Label)?;
        let (id, dataset) = (seen.id, seen.name.as_str());
        let newest = read_version(&transaction, id, dataset, None)?;
        if let Some(expected) = change.expected_version.filter(|&version| version != newest.number)
        {
            let (dataset, newest) = (dataset.to_owned(), newest.number);
            return Err(RelabelError::Moved { dataset, newest, expected });
        }
        let mut listed = listed_in(&newest);
        let before = labels_in(&listed);
        let mut labels = before.clone();
        let older = older_labels(&transaction, id, dataset, &change.edits)?;
        apply(&change.edits, change.label_set.as_deref(), &mut labels, &older)?;
        let changed: Vec<&str> = labels
            .iter()
            .filter(|(name, labels)| before.get(*name) != Some(labels))
            .map(|(name, _)| name.as_str())
            .collect();
        if changed.is_empty() {
            return Ok(newest);
        }
        let changed = to_json(&changed);
        for (name, labels) in labels {
            if let Some(recording) = listed.get_mut(&name) {
                recording.annotation.labels = labels.own;
                recording.annotation.label_sets = labels.sets;
            }
        }
        let version = write_version(&transaction, id, version_digest(&listed), &listed)?;
        transaction.execute(
            "INSERT INTO label_changes
                 (version_id, label_set, edits, recordings, comment, changed_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                version.to_string(),
                change.label_set,
                to_json(&change.edits.iter().map(LabelEdit::describe).collect::<Vec<_>>()),
                changed,
                change.comment,
                change.changed_by
            ],
        )?;
        let version = read_version(&transaction, id, dataset, None)?;
        transaction.commit()?;
        Ok(version)
    }

    /// What was changed of the labels of a dataset, newest first.
    pub fn label_changes(
        &self,
        viewer: OwnerId,
        dataset: &str,
        page: &PageOf,
    ) -> Result<Page<LabelChange>, StoreError> {
        let connection = self.reader()?;
        let id = dataset_for(&connection, viewer, dataset, Access::Read)?.id;
        // A cursor that is no number is none that a page gave: it finds nothing.
        let before = page.cursor.as_ref().map(|cursor| cursor.parse::<u32>().unwrap_or(0));
        let changes = list(
            &connection,
            "SELECT v.number, v.digest, v.created_ms, c.changed_by, c.label_set, c.edits,
                    c.recordings, c.comment
             FROM label_changes c JOIN dataset_versions v ON v.id = c.version_id
             WHERE v.dataset_id = ?1 AND (?2 IS NULL OR v.number < ?2)
             ORDER BY v.number DESC LIMIT ?3",
            params![id.to_string(), before, page.fetched()],
            |row| {
                Ok(LabelChange {
                    version: plain(row, "number")?,
                    digest: parsed(row, "digest")?,
                    changed_ms: plain(row, "created_ms")?,
                    changed_by: plain(row, "changed_by")?,
                    label_set: plain(row, "label_set")?,
                    edits: json(row, "edits")?,
                    recordings: json(row, "recordings")?,
                    comment: plain(row, "comment")?,
                })
            },
        )?;
        Ok(page.page(changes, |change| change.version.to_string()))
    }
}

fn labels_in(listed: &Listed) -> LabelsByRecording {
    let labels = listed.iter().map(|(name, recording)| {
        let annotation = recording.annotation.clone();
        let (rows, own, sets) = (recording.rows, annotation.labels, annotation.label_sets);
        (name.clone(), RecordingLabels { content: recording.content, rows, own, sets })
    });
    labels.collect()
}

/// The labels of the versions that are to be restored.
fn older_labels(
    transaction: &Transaction<'_>,
    id: DatasetId,
    dataset: &str,
    edits: &[LabelEdit],
) -> Result<BTreeMap<u32, LabelsByRecording>, StoreError> {
    let mut older = BTreeMap::new();
    for number in edits.iter().filter_map(LabelEdit::version) {
        if let Entry::Vacant(place) = older.entry(number) {
            let version = read_version(transaction, id, dataset, Some(number))?;
            place.insert(labels_in(&listed_in(&version)));
        }
    }
    Ok(older)
}
