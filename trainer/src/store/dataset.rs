//! Datasets: named sets of recordings.

use model_format::id::Digest;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::imported::forget_imported_files;
use super::lineage::check_no_lineage_needs;
use super::loose::note_loose_file;
use super::{
    DatasetId, OwnerId, Page, PageOf, Store, StoreError, check_name, count, list, now_ms, parsed,
    plain,
};
use crate::data_folder::{blocks_file, recording_file};
use crate::nearest::nearest;

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

impl Store {
    /// Refuses a dataset name that cannot be used, before anything is read.
    pub fn check_dataset_name(name: &str) -> Result<(), StoreError> {
        check_name("dataset", name)
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

    /// Removes a dataset with its versions; the files of its recordings become loose. One that runs
    /// have used is in use.
    pub fn delete_dataset(&self, owner: OwnerId, name: &str) -> Result<(), StoreError> {
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
        check_no_lineage_needs(&transaction, dataset, name)?;
        delete_dataset_rows(&transaction, dataset)?;
        transaction.commit()?;
        Ok(())
    }
}

/// Removes the rows of a dataset that nothing else needs; the files of its recordings become loose.
pub(super) fn delete_dataset_rows(
    connection: &Connection,
    dataset: DatasetId,
) -> Result<(), StoreError> {
    let id = dataset.to_string();
    let contents: Vec<Digest> = list(
        connection,
        "SELECT DISTINCT content FROM recordings WHERE dataset_id = ?1",
        [&id],
        |row| parsed(row, "content"),
    )?;
    let of_dataset =
        "(f.owner_id, f.dataset) = (SELECT owner_id, name FROM datasets WHERE id = ?1)";
    forget_imported_files(connection, of_dataset, &[&id])?;
    for sql in [
        "DELETE FROM dataset_version_entries WHERE version_id IN
             (SELECT id FROM dataset_versions WHERE dataset_id = ?1)",
        "DELETE FROM dataset_versions WHERE dataset_id = ?1",
        "DELETE FROM recordings WHERE dataset_id = ?1",
        "DELETE FROM datasets WHERE id = ?1",
    ] {
        connection.execute(sql, [&id])?;
    }
    for content in contents {
        for file in [recording_file(content), blocks_file(content)] {
            let path = file.display().to_string();
            note_loose_file(connection, &path, &content.to_string())?;
        }
    }
    Ok(())
}

pub(super) fn find_dataset(
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

pub(super) fn unknown_dataset(
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

pub(super) fn make_dataset(
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
