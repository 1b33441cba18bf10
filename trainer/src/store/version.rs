//! Versions of datasets: immutable lists of recordings with their labels and tags.

use std::collections::BTreeMap;

use model_format::id::Digest;
use rusqlite::{Connection, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::dataset::make_dataset;
use super::recording::{find_recording, keep_recording, read_entries};
use super::sharing::{dataset_for, find_dataset};
use super::{
    Access, Annotation, DatasetId, DatasetVersionId, Entry, NewEntry, OwnerId, Page, PageOf,
    RecordingId, Store, StoreError, VersionTotals, check_name, count, list, now_ms, parsed, plain,
    to_json,
};

/// An immutable list of recordings with their labels and tags.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DatasetVersion {
    /// Identifier.
    pub id: DatasetVersionId,
    /// Name of the dataset, as you call it.
    pub dataset: String,
    /// 1, 2, 3, …
    pub number: u32,
    /// Digest of names, contents, annotations and partitions.
    pub digest: Digest,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// What the recordings come to.
    #[serde(flatten)]
    pub totals: VersionTotals,
    /// The recordings, by name.
    #[serde(rename = "recordings")]
    pub entries: Vec<Entry>,
}

/// A version without what it lists.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VersionSummary {
    /// Identifier.
    pub id: DatasetVersionId,
    /// 1, 2, 3, …
    pub number: u32,
    /// Digest of names, contents, annotations and partitions.
    pub digest: Digest,
    /// How many recordings it lists.
    pub recordings: u64,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// What a version is to list, by name.
pub(super) type Listed = BTreeMap<String, ListedRecording>;

/// One recording that a version is to list.
pub(super) struct ListedRecording {
    id: RecordingId,
    pub(super) content: Digest,
    pub(super) rows: u64,
    pub(super) annotation: Annotation,
    lineage: Option<Digest>,
}

impl Store {
    /// The versions of a dataset, newest first.
    pub fn dataset_versions(
        &self,
        viewer: OwnerId,
        name: &str,
        page: &PageOf,
    ) -> Result<Page<VersionSummary>, StoreError> {
        let connection = self.reader()?;
        let dataset = dataset_for(&connection, viewer, name, Access::Read)?.id;
        // A cursor that is no number is none that a page gave: it finds nothing.
        let before = page.cursor.as_ref().map(|cursor| cursor.parse::<u32>().unwrap_or(0));
        let versions = list(
            &connection,
            "SELECT v.id, v.number, v.digest, v.created_ms, count(e.position) AS recordings
             FROM dataset_versions v LEFT JOIN dataset_version_entries e ON e.version_id = v.id
             WHERE v.dataset_id = ?1 AND (?2 IS NULL OR v.number < ?2)
             GROUP BY v.id ORDER BY v.number DESC LIMIT ?3",
            params![dataset.to_string(), before, page.fetched()],
            |row| {
                Ok(VersionSummary {
                    id: parsed(row, "id")?,
                    number: plain(row, "number")?,
                    digest: parsed(row, "digest")?,
                    recordings: count(row, "recordings")?,
                    created_ms: plain(row, "created_ms")?,
                })
            },
        )?;
        Ok(page.page(versions, |version| version.number.to_string()))
    }

    /// A version of the dataset of this name; the newest one where `number` is none.
    pub fn dataset_version(
        &self,
        viewer: OwnerId,
        name: &str,
        number: Option<u32>,
    ) -> Result<DatasetVersion, StoreError> {
        let connection = self.reader()?;
        let seen = dataset_for(&connection, viewer, name, Access::Read)?;
        read_version(&connection, seen.id, &seen.name, number)
    }

    /// Adds recordings to a dataset, as a new version; makes the dataset where there is none. A
    /// recording takes the place of one of the same name. Returns the newest version, which is
    /// the one there was where nothing changes.
    pub fn add_to_dataset(
        &self,
        owner: OwnerId,
        name: &str,
        entries: &[NewEntry],
    ) -> Result<DatasetVersion, StoreError> {
        check_name("dataset", name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let (dataset, newest) = match find_dataset(&transaction, owner, name)? {
            Some(seen) => (seen.id, Some(read_version(&transaction, seen.id, name, None)?)),
            None => (make_dataset(&transaction, owner, name)?, None),
        };
        let mut listed = newest.as_ref().map(listed_in).unwrap_or_default();
        for entry in entries {
            let id = keep_recording(&transaction, dataset, &entry.info)?;
            let known = ListedRecording {
                id,
                content: entry.info.content,
                rows: entry.info.rows,
                annotation: entry.annotation.clone(),
                lineage: entry.lineage,
            };
            listed.insert(entry.info.name.clone(), known);
        }
        let digest = version_digest(&listed);
        if let Some(newest) = newest.filter(|version| version.digest == digest) {
            return Ok(newest);
        }
        write_version(&transaction, dataset, digest, &listed)?;
        let version = read_version(&transaction, dataset, name, None)?;
        transaction.commit()?;
        Ok(version)
    }

    /// Takes a recording out of its dataset, in a new version.
    pub fn take_out(&self, owner: OwnerId, id: RecordingId) -> Result<DatasetVersion, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let place = find_recording(&transaction, owner, id)?;
        place.check_newest()?;
        let version = change_newest(&transaction, owner, &place.dataset, |_, listed| {
            listed.remove(&place.entry.info.name);
        })?;
        transaction.commit()?;
        Ok(version)
    }
}

/// Makes a version that lists what `change` makes of the newest one of an own dataset; the newest one stays
/// where nothing is changed.
pub(super) fn change_newest(
    connection: &Connection,
    owner: OwnerId,
    dataset: &str,
    change: impl FnOnce(&DatasetVersion, &mut Listed),
) -> Result<DatasetVersion, StoreError> {
    let seen = dataset_for(connection, owner, dataset, Access::Own)?;
    let newest = read_version(connection, seen.id, &seen.name, None)?;
    let mut listed = listed_in(&newest);
    change(&newest, &mut listed);
    let digest = version_digest(&listed);
    if newest.digest == digest {
        return Ok(newest);
    }
    write_version(connection, seen.id, digest, &listed)?;
    read_version(connection, seen.id, &seen.name, None)
}

/// What a version lists.
pub(super) fn listed_in(version: &DatasetVersion) -> Listed {
    let item = |entry: &Entry| {
        let known = ListedRecording {
            id: entry.recording_id,
            content: entry.info.content,
            rows: entry.info.rows,
            annotation: entry.annotation.clone(),
            lineage: entry.lineage,
        };
        (entry.info.name.clone(), known)
    };
    version.entries.iter().map(item).collect()
}

/// Digest of what a version lists; identifiers and times are no part of it.
pub(super) fn version_digest(listed: &Listed) -> Digest {
    let item = |(name, recording): (&String, &ListedRecording)| {
        let ListedRecording { content, annotation, lineage, .. } = recording;
        let plain = (name, content, annotation.digest(), annotation.partition());
        match lineage {
            None => to_json(&plain),
            Some(lineage) => to_json(&(plain.0, plain.1, plain.2, plain.3, lineage)),
        }
    };
    let list: Vec<String> = listed.iter().map(item).collect();
    Digest::of(format!("[{}]", list.join(",")).as_bytes())
}

pub(super) fn write_version(
    connection: &Connection,
    dataset: DatasetId,
    digest: Digest,
    listed: &Listed,
) -> Result<DatasetVersionId, StoreError> {
    let id = DatasetVersionId::new();
    connection.execute(
        "INSERT INTO dataset_versions (id, dataset_id, number, digest, created_ms)
         SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4
         FROM dataset_versions WHERE dataset_id = ?2",
        params![id.to_string(), dataset.to_string(), digest.to_string(), now_ms()],
    )?;
    for (position, recording) in listed.values().enumerate() {
        let ListedRecording { id: recording, annotation, lineage, .. } = recording;
        let annotation_digest = annotation.digest().to_string();
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO annotations (digest, labels, label_sets, tags)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                annotation_digest,
                to_json(&annotation.labels),
                to_json(&annotation.label_sets),
                to_json(&annotation.tags)
            ])?;
        connection
            .prepare_cached(
                "INSERT INTO dataset_version_entries
                     (version_id, position, recording_id, annotation, partition, lineage)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id.to_string(),
                position as i64,
                recording.to_string(),
                annotation_digest,
                annotation.partition(),
                lineage.map(|lineage| lineage.to_string())
            ])?;
    }
    Ok(id)
}

pub(super) fn read_version(
    connection: &Connection,
    dataset: DatasetId,
    name: &str,
    number: Option<u32>,
) -> Result<DatasetVersion, StoreError> {
    let mut statement = connection.prepare(
        "SELECT id, number, digest, created_ms FROM dataset_versions
         WHERE dataset_id = ?1 AND (?2 IS NULL OR number = ?2) ORDER BY number DESC LIMIT 1",
    )?;
    let mut rows = statement.query(params![dataset.to_string(), number])?;
    let Some(row) = rows.next()? else {
        return Err(StoreError::Unknown {
            kind: "version of dataset",
            name: number.map_or_else(|| name.to_owned(), |number| format!("{name}@{number}")),
            nearest: version_names(connection, dataset, name)?,
        });
    };
    let id: DatasetVersionId = parsed(row, "id")?;
    let entries = read_entries(connection, id)?;
    Ok(DatasetVersion {
        id,
        dataset: name.to_owned(),
        number: plain(row, "number")?,
        digest: parsed(row, "digest")?,
        created_ms: plain(row, "created_ms")?,
        totals: VersionTotals::of(&entries),
        entries,
    })
}

fn version_names(
    connection: &Connection,
    dataset: DatasetId,
    name: &str,
) -> Result<Vec<String>, StoreError> {
    let newest: Option<u32> = connection.query_row(
        "SELECT max(number) FROM dataset_versions WHERE dataset_id = ?1",
        [dataset.to_string()],
        |row| row.get(0),
    )?;
    let first = newest.unwrap_or(0).saturating_sub(2).max(1);
    Ok((first..=newest.unwrap_or(0)).map(|number| format!("{name}@{number}")).collect())
}
