//! Datasets, their immutable versions, and the recordings that versions list.

use std::collections::BTreeMap;

use model_format::id::Digest;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DatasetId, DatasetVersionId, OwnerId, Page, PageOf, RecordingId, Store, StoreError, check_name, count, json, list, now_ms, one, parsed, plain, to_json, unknown,
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

/// A recording and where it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordingPlace {
    /// Name of the dataset.
    pub dataset: String,
    /// Number of the newest version that lists it.
    pub version: u32,
    /// The recording as that version has it.
    #[serde(flatten)]
    pub entry: Entry,
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

/// What a version is to list: identifier, content and annotation by name.
type Listed = BTreeMap<String, (RecordingId, Digest, Annotation)>;

impl Store {
    /// Refuses a dataset name that cannot be used, before anything is read.
    pub fn check_dataset_name(name: &str) -> Result<(), StoreError> {
        check_name("dataset", name)
    }

    /// The versions of a dataset, newest first.
    pub fn dataset_versions(
        &self,
        owner: OwnerId,
        name: &str,
        page: &PageOf,
    ) -> Result<Page<VersionSummary>, StoreError> {
        let connection = self.reader()?;
        let Some(dataset) = find_dataset(&connection, owner, name)? else {
            return Err(unknown_dataset(&connection, owner, name)?);
        };
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

    /// A recording, as the newest version that lists it has it.
    pub fn recording(
        &self,
        owner: OwnerId,
        id: RecordingId,
    ) -> Result<RecordingPlace, StoreError> {
        find_recording(&*self.reader()?, owner, id)
    }

    /// Gives a recording other labels, in a new version of its dataset.
    pub fn relabel(
        &self,
        owner: OwnerId,
        id: RecordingId,
        labels: Vec<LabelSpan>,
    ) -> Result<DatasetVersion, StoreError> {
        self.change_listed(owner, id, |listed, name| {
            if let Some((_, _, annotation)) = listed.get_mut(name) {
                annotation.labels = labels;
            }
        })
    }

    /// Takes a recording out of its dataset, in a new version.
    pub fn take_out(&self, owner: OwnerId, id: RecordingId) -> Result<DatasetVersion, StoreError> {
        self.change_listed(owner, id, |listed, name| {
            listed.remove(name);
        })
    }

    /// Makes a new version of a recording's dataset, where the newest one lists the recording.
    fn change_listed(
        &self,
        owner: OwnerId,
        id: RecordingId,
        change: impl FnOnce(&mut Listed, &str),
    ) -> Result<DatasetVersion, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let place = find_recording(&transaction, owner, id)?;
        let dataset = find_dataset(&transaction, owner, &place.dataset)?
            .ok_or_else(|| unknown("dataset", &place.dataset))?;
        let newest = read_version(&transaction, dataset, &place.dataset, None)?;
        if newest.number != place.version {
            return Err(StoreError::InUse {
                kind: "recording",
                name: place.entry.info.name,
                reason: "only older versions of its dataset list it, and these never change"
                    .to_owned(),
            });
        }
        let mut listed = listed_in(&newest);
        change(&mut listed, &place.entry.info.name);
        let digest = version_digest(&listed);
        if newest.digest == digest {
            return Ok(newest);
        }
        write_version(&transaction, dataset, digest, &listed)?;
        let version = read_version(&transaction, dataset, &place.dataset, None)?;
        transaction.commit()?;
        Ok(version)
    }

    /// Removes a dataset with its versions, and returns the contents that nothing lists any more.
    /// One that runs have used is in use.
    pub fn delete_dataset(&self, owner: OwnerId, name: &str) -> Result<Vec<Digest>, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let Some(dataset) = find_dataset(&transaction, owner, name)? else {
            return Err(unknown_dataset(&transaction, owner, name)?);
        };
        let id = dataset.to_string();
        let runs: u32 = transaction.query_row(
            "SELECT count(*) FROM runs r JOIN dataset_versions v ON v.id = r.dataset_version_id
             WHERE v.dataset_id = ?1",
            [&id],
            |row| row.get(0),
        )?;
        if runs > 0 {
            return Err(StoreError::InUse {
                kind: "dataset",
                name: name.to_owned(),
                reason: format!("{runs} runs have learned from it, and their record needs it"),
            });
        }
        let contents: Vec<Digest> = list(
            &transaction,
            "SELECT DISTINCT content FROM recordings WHERE dataset_id = ?1",
            [&id],
            |row| parsed(row, "content"),
        )?;
        for sql in [
            "DELETE FROM dataset_version_entries WHERE version_id IN
                 (SELECT id FROM dataset_versions WHERE dataset_id = ?1)",
            "DELETE FROM dataset_versions WHERE dataset_id = ?1",
            "DELETE FROM recordings WHERE dataset_id = ?1",
            "DELETE FROM datasets WHERE id = ?1",
        ] {
            transaction.execute(sql, [&id])?;
        }
        let mut unused = Vec::new();
        for content in contents {
            let used: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM recordings WHERE content = ?1)",
                [content.to_string()],
                |row| row.get(0),
            )?;
            if !used {
                unused.push(content);
            }
        }
        transaction.commit()?;
        Ok(unused)
    }

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
        let mut listed = newest.as_ref().map(listed_in).unwrap_or_default();
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

/// What a version lists.
fn listed_in(version: &DatasetVersion) -> Listed {
    let item = |entry: &Entry| {
        let known = (entry.recording_id, entry.info.content, entry.annotation.clone());
        (entry.info.name.clone(), known)
    };
    version.entries.iter().map(item).collect()
}

fn find_recording(
    connection: &Connection,
    owner: OwnerId,
    id: RecordingId,
) -> Result<RecordingPlace, StoreError> {
    let found = one(
        connection,
        "SELECT d.name AS dataset, v.number, r.id, r.name, r.content, r.row_count, r.rate_hz,
                r.absolute_time, r.channels, a.labels, a.tags, e.partition
         FROM recordings r
         JOIN datasets d ON d.id = r.dataset_id
         JOIN dataset_version_entries e ON e.recording_id = r.id
         JOIN dataset_versions v ON v.id = e.version_id
         JOIN annotations a ON a.digest = e.annotation
         WHERE r.id = ?1 AND d.owner_id = ?2 ORDER BY v.number DESC LIMIT 1",
        params![id.to_string(), owner.to_string()],
        |row| {
            Ok(RecordingPlace {
                dataset: plain(row, "dataset")?,
                version: plain(row, "number")?,
                entry: read_entry(row)?,
            })
        },
    )?;
    found.ok_or_else(|| unknown("recording", id))
}

/// Digest of what a version lists; identifiers and times are no part of it.
fn version_digest(listed: &Listed) -> Digest {
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
    listed: &Listed,
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
