//! Lineages: what recordings were made from, by their digests.

use model_format::id::Digest;
use rusqlite::{Connection, params};

use super::sharing::VISIBLE;
use super::{Annotation, DatasetId, Store, StoreError, json, list, one, plain, unknown};
use crate::repair::Lineage;

impl Store {
    /// Keeps a lineage with the contents of its inputs, and returns its digest.
    pub(crate) fn keep_lineage(
        &self,
        document: &str,
        inputs: &[Digest],
    ) -> Result<Digest, StoreError> {
        let digest = Digest::of(document.as_bytes());
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT OR IGNORE INTO lineages (digest, document) VALUES (?1, ?2)",
            params![digest.to_string(), document],
        )?;
        for content in inputs {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO lineage_inputs (lineage, content) VALUES (?1, ?2)",
                )?
                .execute(params![digest.to_string(), content.to_string()])?;
        }
        transaction.commit()?;
        Ok(digest)
    }

    /// A lineage by its digest.
    pub(crate) fn lineage(&self, digest: Digest) -> Result<Lineage, StoreError> {
        let found = one(
            &*self.reader()?,
            "SELECT document FROM lineages WHERE digest = ?1",
            [digest.to_string()],
            |row| json(row, "document"),
        )?;
        found.ok_or_else(|| unknown("lineage", digest))
    }

    /// Labels and tags by their digest.
    pub(crate) fn annotation(&self, digest: Digest) -> Result<Annotation, StoreError> {
        let found = one(
            &*self.reader()?,
            "SELECT labels, label_sets, tags FROM annotations WHERE digest = ?1",
            [digest.to_string()],
            |row| {
                Ok(Annotation {
                    labels: json(row, "labels")?,
                    label_sets: json(row, "label_sets")?,
                    tags: json(row, "tags")?,
                })
            },
        )?;
        found.ok_or_else(|| unknown("annotation", digest))
    }
}

/// Refuses to remove a dataset whose recordings those of other datasets were made from: the lineage of
/// these could not be replayed any more.
pub(super) fn check_no_lineage_needs(
    connection: &Connection,
    dataset: DatasetId,
    name: &str,
) -> Result<(), StoreError> {
    let others: Vec<String> = list(
        connection,
        // What the owner of this dataset may not see has no name here.
        &format!(
            "SELECT DISTINCT coalesce(d.name, 'other users') AS name FROM lineage_inputs i
             JOIN dataset_version_entries e ON e.lineage = i.lineage
             JOIN dataset_versions v ON v.id = e.version_id
             LEFT JOIN {VISIBLE} d ON d.dataset_id = v.dataset_id
                  AND d.viewer_id = (SELECT owner_id FROM datasets WHERE id = ?1)
             WHERE v.dataset_id <> ?1
               AND i.content IN (SELECT content FROM recordings WHERE dataset_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM recordings r
                               WHERE r.content = i.content AND r.dataset_id <> ?1)
             ORDER BY 1 LIMIT 5"
        ),
        [dataset.to_string()],
        |row| plain(row, "name"),
    )?;
    if others.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "recordings of {} were made from it, and their lineage needs it: delete these first",
        others.join(", ")
    );
    Err(StoreError::InUse { kind: "dataset", name: name.to_owned(), reason })
}
