//! Datasets, their immutable versions, and the recordings that versions list.

use std::collections::BTreeMap;

use model_format::id::Digest;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DatasetId, DatasetVersionId, OwnerId, Page, PageOf, RecordingId, Store, StoreError, check_name, count, json, list, now_ms, parsed, plain, to_json,
};
use crate::nearest::nearest;
use crate::recording::{LabelSpan, Role};

/// The tag that becomes an entry's partition.
const PARTITION_TAG: &str = "partition";

/// A named set of recordings.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Dataset {
    /// Identifier.
    pub id: DatasetId,
    /// Name, unique for its owner.
    pub name: String,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// Number of the newest version.
    pub version: u32,
    /// How many recordings the newest version lists.
    pub recordings: u64,
    /// How many rows these have.
    pub rows: u64,
}

/// An immutable list of recordings with their labels and tags.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DatasetVersion {
    /// Identifier.
    pub id: DatasetVersionId,
    /// Name of the dataset.
    pub dataset: String,
    /// 1, 2, 3, …
    pub number: u32,
    /// Digest of names, contents, annotations and partitions.
    pub digest: Digest,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// The recordings, by name.
    #[serde(rename = "recordings")]
    pub entries: Vec<Entry>,
}

/// One recording as a dataset version lists it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    /// Identifier of the recording.
    pub recording_id: RecordingId,
    /// What the recording is.
    #[serde(flatten)]
    pub info: RecordingInfo,
    /// Its labels and tags in this version.
    #[serde(flatten)]
    pub annotation: Annotation,
    /// The value of the tag `partition`: which recordings a source set aside for testing.
    pub partition: Option<String>,
}

/// A recording without its samples.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordingInfo {
    /// Unique in a dataset version.
    pub name: String,
    /// Digest of the samples, times, channels and rate.
    pub content: Digest,
    /// How many rows it has.
    pub rows: u64,
    /// Sampling rate in hertz, where there is one.
    pub rate_hz: Option<f64>,
    /// True where times count from 1970.
    pub absolute_time: bool,
    /// The channels.
    pub channels: Vec<ChannelInfo>,
}

/// A channel without its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelInfo {
    /// Name.
    pub name: String,
    /// Unit, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What the channel is for.
    pub role: Role,
}

/// Labels and tags of a recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Annotation {
    /// Labelled spans, sorted, not overlapping.
    pub labels: Vec<LabelSpan>,
    /// Facts about the recording.
    pub tags: BTreeMap<String, String>,
}

impl Annotation {
    fn digest(&self) -> Digest {
        Digest::of(format!("{}\n{}", to_json(&self.labels), to_json(&self.tags)).as_bytes())
    }

    fn partition(&self) -> Option<&str> {
        self.tags.get(PARTITION_TAG).map(String::as_str)
    }
}

/// A recording that is to be listed; its samples lie in the data folder already.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// What the recording is.
    pub info: RecordingInfo,
    /// Its labels and tags.
    pub annotation: Annotation,
}

impl Store {
    /// Datasets, by name.
    pub fn datasets(&self, owner: OwnerId, page: &PageOf) -> Result<Page<Dataset>, StoreError> {
        let datasets = list(
            &*self.reader()?,
            "SELECT d.id, d.name, d.created_ms, v.number AS version,
                    count(r.id) AS recordings, coalesce(sum(r.row_count), 0) AS row_count
             FROM datasets d
             JOIN dataset_versions v ON v.dataset_id = d.id AND v.number =
                  (SELECT max(number) FROM dataset_versions WHERE dataset_id = d.id)
             LEFT JOIN dataset_version_entries e ON e.version_id = v.id
             LEFT JOIN recordings r ON r.id = e.recording_id
             WHERE d.owner_id = ?1 AND (?2 IS NULL OR d.name > ?2)
             GROUP BY d.id ORDER BY d.name LIMIT ?3",
            params![owner.to_string(), page.cursor, page.fetched()],
            |row| {
                Ok(Dataset {
                    id: parsed(row, "id")?,
                    name: plain(row, "name")?,
                    created_ms: plain(row, "created_ms")?,
                    version: plain(row, "version")?,
                    recordings: count(row, "recordings")?,
                    rows: count(row, "row_count")?,
                })
            },
        )?;
        Ok(page.page(datasets, |dataset| dataset.name.clone()))
    }

    /// A version of the dataset of this name; the newest one where `number` is none.
    pub fn dataset_version(
        &self,
        owner: OwnerId,
        name: &str,
        number: Option<u32>,
    ) -> Result<DatasetVersion, StoreError> {
        let connection = self.reader()?;
        let Some(dataset) = find_dataset(&connection, owner, name)? else {
            return Err(unknown_dataset(&connection, owner, name)?);
        };
        read_version(&connection, dataset, name, number)
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
            Some(dataset) => (dataset, Some(read_version(&transaction, dataset, name, None)?)),
            None => (make_dataset(&transaction, owner, name)?, None),
        };
        let mut listed: BTreeMap<String, (RecordingId, Digest, Annotation)> = BTreeMap::new();
        for entry in newest.iter().flat_map(|version| &version.entries) {
            let known = (entry.recording_id, entry.info.content, entry.annotation.clone());
            listed.insert(entry.info.name.clone(), known);
        }
        for entry in entries {
            let id = keep_recording(&transaction, dataset, &entry.info)?;
            let known = (id, entry.info.content, entry.annotation.clone());
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
}

/// Digest of what a version lists; identifiers and times are no part of it.
fn version_digest(listed: &BTreeMap<String, (RecordingId, Digest, Annotation)>) -> Digest {
    let list: Vec<_> = listed
        .iter()
        .map(|(name, (_, content, annotation))| {
            (name, content, annotation.digest(), annotation.partition())
        })
        .collect();
    Digest::of(to_json(&list).as_bytes())
}

fn find_dataset(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
) -> Result<Option<DatasetId>, StoreError> {
    connection
        .prepare("SELECT id FROM datasets WHERE owner_id = ?1 AND name = ?2")?
        .query_row([&owner.to_string(), name], |row| Ok(parsed(row, "id")))
        .optional()?
        .transpose()
}

fn unknown_dataset(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
) -> Result<StoreError, StoreError> {
    let names = connection
        .prepare("SELECT name FROM datasets WHERE owner_id = ?1 ORDER BY name")?
        .query_map([owner.to_string()], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let nearest = nearest(name, names.iter().map(String::as_str));
    Ok(StoreError::Unknown { kind: "dataset", name: name.to_owned(), nearest })
}

fn make_dataset(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
) -> Result<DatasetId, StoreError> {
    let id = DatasetId::new();
    connection.execute(
        "INSERT INTO datasets (id, owner_id, name, created_ms) VALUES (?1, ?2, ?3, ?4)",
        params![id.to_string(), owner.to_string(), name, now_ms()],
    )?;
    Ok(id)
}

/// The recording's identifier; a new one unless the dataset has had this content by this name.
fn keep_recording(
    connection: &Connection,
    dataset: DatasetId,
    info: &RecordingInfo,
) -> Result<RecordingId, StoreError> {
    let known = connection
        .prepare_cached(
            "SELECT id FROM recordings WHERE dataset_id = ?1 AND name = ?2 AND content = ?3",
        )?
        .query_row(params![dataset.to_string(), info.name, info.content.to_string()], |row| {
            Ok(parsed(row, "id"))
        })
        .optional()?;
    if let Some(id) = known {
        return id;
    }
    let id = RecordingId::new();
    connection
        .prepare_cached(
            "INSERT INTO recordings (id, dataset_id, name, content, row_count, rate_hz,
                                     absolute_time, channels, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id.to_string(),
            dataset.to_string(),
            info.name,
            info.content.to_string(),
            i64::try_from(info.rows).unwrap_or(i64::MAX),
            info.rate_hz,
            info.absolute_time,
            to_json(&info.channels),
            now_ms(),
        ])?;
    Ok(id)
}

fn write_version(
    connection: &Connection,
    dataset: DatasetId,
    digest: Digest,
    listed: &BTreeMap<String, (RecordingId, Digest, Annotation)>,
) -> Result<(), StoreError> {
    let id = DatasetVersionId::new();
    connection.execute(
        "INSERT INTO dataset_versions (id, dataset_id, number, digest, created_ms)
         SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4
         FROM dataset_versions WHERE dataset_id = ?2",
        params![id.to_string(), dataset.to_string(), digest.to_string(), now_ms()],
    )?;
    for (position, (recording, _, annotation)) in listed.values().enumerate() {
        let annotation_digest = annotation.digest().to_string();
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO annotations (digest, labels, tags) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![
                annotation_digest,
                to_json(&annotation.labels),
                to_json(&annotation.tags)
            ])?;
        connection
            .prepare_cached(
                "INSERT INTO dataset_version_entries
                     (version_id, position, recording_id, annotation, partition)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id.to_string(),
                position as i64,
                recording.to_string(),
                annotation_digest,
                annotation.partition()
            ])?;
    }
    Ok(())
}

fn read_version(
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
    Ok(DatasetVersion {
        id,
        dataset: name.to_owned(),
        number: plain(row, "number")?,
        digest: parsed(row, "digest")?,
        created_ms: plain(row, "created_ms")?,
        entries: read_entries(connection, id)?,
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

fn read_entries(
    connection: &Connection,
    version: DatasetVersionId,
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT r.id, r.name, r.content, r.row_count, r.rate_hz, r.absolute_time, r.channels,
                a.labels, a.tags, e.partition
         FROM dataset_version_entries e
         JOIN recordings r ON r.id = e.recording_id
         JOIN annotations a ON a.digest = e.annotation
         WHERE e.version_id = ?1 ORDER BY e.position",
    )?;
    let mut rows = statement.query([version.to_string()])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read_entry(row)?);
    }
    Ok(entries)
}

fn read_entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    Ok(Entry {
        recording_id: parsed(row, "id")?,
        info: RecordingInfo {
            name: plain(row, "name")?,
            content: parsed(row, "content")?,
            rows: count(row, "row_count")?,
            rate_hz: plain(row, "rate_hz")?,
            absolute_time: plain(row, "absolute_time")?,
            channels: json(row, "channels")?,
        },
        annotation: Annotation { labels: json(row, "labels")?, tags: json(row, "tags")? },
        partition: plain(row, "partition")?,
    })
}
