//! Recordings as dataset versions list them.

use std::collections::BTreeMap;

use model_format::id::Digest;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sharing::VISIBLE;
use super::{
    Access, DatasetId, DatasetVersionId, OwnerId, RecordingId, Store, StoreError, count, json,
    now_ms, one, optional_parsed, parsed, plain, to_json, unknown,
};
use crate::recording::{LabelSpan, Role};

/// The tag that becomes an entry's partition.
const PARTITION_TAG: &str = "partition";

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
    /// Digest of what it was made from, where it is the result of a repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Digest>,
}

/// A recording without its samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Annotation {
    /// Labelled spans, sorted, not overlapping.
    pub labels: Vec<LabelSpan>,
    /// Label sets beside these, by name: other questions asked of the same rows. None is empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label_sets: BTreeMap<String, Vec<LabelSpan>>,
    /// Facts about the recording.
    pub tags: BTreeMap<String, String>,
}

impl Annotation {
    pub(crate) fn digest(&self) -> Digest {
        let mut text = format!("{}\n{}", to_json(&self.labels), to_json(&self.tags));
        if !self.label_sets.is_empty() {
            text.push('\n');
            text.push_str(&to_json(&self.label_sets));
        }
        Digest::of(text.as_bytes())
    }

    pub(super) fn partition(&self) -> Option<&str> {
        self.tags.get(PARTITION_TAG).map(String::as_str)
    }
}

/// A recording that is to be listed; its samples lie in the data folder already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEntry {
    /// What the recording is.
    pub info: RecordingInfo,
    /// Its labels and tags.
    pub annotation: Annotation,
    /// Digest of what it was made from, where it is the result of a repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Digest>,
}

/// A recording and where it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordingPlace {
    /// Name of the dataset, as you call it.
    pub dataset: String,
    /// What you may do with the dataset.
    pub access: Access,
    /// Number of the newest version that lists it.
    pub version: u32,
    /// Number of the dataset's newest version; only there labels can be changed.
    pub newest_version: u32,
    /// The recording before it in the version that lists it, by name; none for the first one.
    pub previous_id: Option<RecordingId>,
    /// The recording after it; none for the last one.
    pub next_id: Option<RecordingId>,
    /// The recording as that version has it.
    #[serde(flatten)]
    pub entry: Entry,
}

impl RecordingPlace {
    /// Refuses to change what only older versions list.
    pub(crate) fn check_newest(&self) -> Result<(), StoreError> {
        match self.version == self.newest_version {
            true => Ok(()),
            false => Err(StoreError::only_older(self.entry.info.name.clone())),
        }
    }
}

impl Store {
    /// A recording, as the newest version that lists it has it.
    pub fn recording(
        &self,
        viewer: OwnerId,
        id: RecordingId,
    ) -> Result<RecordingPlace, StoreError> {
        find_recording(&*self.reader()?, viewer, id)
    }
}

pub(super) fn find_recording(
    connection: &Connection,
    viewer: OwnerId,
    id: RecordingId,
) -> Result<RecordingPlace, StoreError> {
    let found = one(
        connection,
        &format!(
            "SELECT d.name AS dataset, d.access, v.number, r.id, r.name, r.content, r.row_count, r.rate_hz,
                r.absolute_time, r.channels, a.labels, a.label_sets, a.tags, e.partition, e.lineage,
                (SELECT max(number) FROM dataset_versions WHERE dataset_id = d.dataset_id)
                    AS newest_version,
                (SELECT recording_id FROM dataset_version_entries
                 WHERE version_id = v.id AND position = e.position - 1) AS previous_id,
                (SELECT recording_id FROM dataset_version_entries
                 WHERE version_id = v.id AND position = e.position + 1) AS next_id
         FROM recordings r
         JOIN {VISIBLE} d ON d.dataset_id = r.dataset_id
         JOIN dataset_version_entries e ON e.recording_id = r.id
         JOIN dataset_versions v ON v.id = e.version_id
         JOIN annotations a ON a.digest = e.annotation
         WHERE r.id = ?1 AND d.viewer_id = ?2 ORDER BY v.number DESC LIMIT 1"
        ),
        params![id.to_string(), viewer.to_string()],
        |row| {
            Ok(RecordingPlace {
                dataset: plain(row, "dataset")?,
                access: parsed(row, "access")?,
                version: plain(row, "number")?,
                newest_version: plain(row, "newest_version")?,
                previous_id: neighbour(row, "previous_id")?,
                next_id: neighbour(row, "next_id")?,
                entry: read_entry(row)?,
            })
        },
    )?;
    found.ok_or_else(|| unknown("recording", id))
}

/// The recording beside one, if there is one.
fn neighbour(row: &Row<'_>, column: &'static str) -> Result<Option<RecordingId>, StoreError> {
    let there: Option<String> = plain(row, column)?;
    there.map(|_| parsed(row, column)).transpose()
}

/// The recording's identifier; a new one unless the dataset has had this content by this name.
pub(super) fn keep_recording(
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

pub(super) fn read_entries(
    connection: &Connection,
    version: DatasetVersionId,
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT r.id, r.name, r.content, r.row_count, r.rate_hz, r.absolute_time, r.channels,
                a.labels, a.label_sets, a.tags, e.partition, e.lineage
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
        annotation: Annotation {
            labels: json(row, "labels")?,
            label_sets: json(row, "label_sets")?,
            tags: json(row, "tags")?,
        },
        lineage: optional_parsed(row, "lineage")?,
        partition: plain(row, "partition")?,
    })
}
