//! Datasets: named sets of recordings.

use std::collections::BTreeSet;

use model_format::id::Digest;
use rusqlite::{Connection, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::imported::forget_imported_files;
use super::lineage::check_no_lineage_needs;
use super::loose::note_loose_file;
use super::sharing::{IS_SHARED, VISIBLE, dataset_for, read_standing};
use super::version::read_version;
use super::{
    Access, DatasetId, OwnerId, Page, PageOf, Standing, Store, StoreError, check_name, count, list,
    now_ms, parsed, plain,
};
use crate::data_folder::{blocks_file, recording_file};
use crate::nearest::nearest;
use crate::training::settings::TargetName;

/// A named set of recordings.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Dataset {
    /// Identifier.
    pub id: DatasetId,
    /// Name, unique for its owner; `OWNER:NAME` where it is another user's.
    pub name: String,
    /// Whose it is, and what you may do with it.
    #[serde(flatten)]
    pub standing: Standing,
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

    /// Datasets that are theirs or shared with them, by name.
    pub fn datasets(&self, viewer: OwnerId, page: &PageOf) -> Result<Page<Dataset>, StoreError> {
        let datasets = list(
            &*self.reader()?,
            &format!(
                "SELECT d.id, s.name, s.owner, s.access, d.target, {IS_SHARED} AS is_shared,
                        d.created_ms, v.number AS version,
                        count(r.id) AS recordings, coalesce(sum(r.row_count), 0) AS row_count
                 FROM {VISIBLE} s JOIN datasets d ON d.id = s.dataset_id
                 JOIN dataset_versions v ON v.dataset_id = d.id AND v.number =
                      (SELECT max(number) FROM dataset_versions WHERE dataset_id = d.id)
                 LEFT JOIN dataset_version_entries e ON e.version_id = v.id
                 LEFT JOIN recordings r ON r.id = e.recording_id
                 WHERE s.viewer_id = ?1 AND (?2 IS NULL OR s.name > ?2)
                 GROUP BY d.id ORDER BY s.name LIMIT ?3"
            ),
            params![viewer.to_string(), page.cursor, page.fetched()],
            |row| {
                Ok(Dataset {
                    id: parsed(row, "id")?,
                    name: plain(row, "name")?,
                    standing: read_standing(row)?,
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
        let dataset = dataset_for(&transaction, owner, name, Access::Own)?.id;
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

    /// Notes what a regression on the dataset predicts unless something else is asked for; nothing where
    /// `target` is none.
    ///
    /// # Errors
    /// Where the newest version has no such channel, or no recording of it such a tag with a number.
    pub fn set_dataset_target(
        &self,
        owner: OwnerId,
        name: &str,
        target: Option<&TargetName>,
    ) -> Result<(), StoreError> {
        let connection = self.writer();
        let dataset = dataset_for(&connection, owner, name, Access::Own)?;
        if let Some(target) = target {
            let version = read_version(&connection, dataset.id, &dataset.name, None)?;
            let names: BTreeSet<String> = match target {
                TargetName::Channel(_) => {
                    let channels = version.entries.iter().flat_map(|entry| &entry.info.channels);
                    channels.map(|channel| channel.name.clone()).collect()
                }
                TargetName::Tag(_) => {
                    let tags = version.entries.iter().flat_map(|entry| &entry.annotation.tags);
                    let is_number = |value: &str| value.parse::<f32>().is_ok_and(f32::is_finite);
                    let numbers = tags.filter(|(_, value)| is_number(value));
                    numbers.map(|(tag, _)| format!("tag:{tag}")).collect()
                }
            };
            let target = target.to_string();
            if !names.contains(&target) {
                let nearest = nearest(&target, names.iter().map(String::as_str));
                return Err(StoreError::Unknown { kind: "target", name: target, nearest });
            }
        }
        connection.execute(
            "UPDATE datasets SET target = ?2 WHERE id = ?1",
            params![dataset.id.to_string(), target.map(ToString::to_string)],
        )?;
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
