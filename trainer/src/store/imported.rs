//! What came of imported files, so that none is read twice.

use model_format::id::Digest;
use rusqlite::{Connection, ToSql, params};

use super::{OwnerId, Store, StoreError, now_ms, one, plain};

/// So long an import that was cut off can go on where it was.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// A file as it was imported into a dataset.
#[derive(Clone, Debug)]
pub struct Source {
    /// The dataset's name.
    pub dataset: String,
    /// The file's name for the import.
    pub name: String,
    /// Digest of its bytes.
    pub bytes: Digest,
    /// Digest of what else decides what comes of it.
    pub settings: Digest,
}

impl Store {
    /// What came of a file, as it was noted.
    pub fn imported_file(
        &self,
        owner: OwnerId,
        source: &Source,
    ) -> Result<Option<String>, StoreError> {
        let Source { dataset, name, bytes, settings } = source;
        one(
            &*self.reader()?,
            "SELECT recordings FROM imported_files WHERE owner_id = ?1 AND dataset = ?2
             AND name = ?3 AND source = ?4 AND settings = ?5",
            params![owner.to_string(), dataset, name, bytes.to_string(), settings.to_string()],
            |row| plain(row, "recordings"),
        )
    }

    /// Notes what came of a file: a list of objects with `entry.info.content`.
    pub fn note_imported_file(
        &self,
        owner: OwnerId,
        source: &Source,
        recordings: &str,
    ) -> Result<(), StoreError> {
        let Source { dataset, name, bytes, settings } = source;
        self.writer().execute(
            "INSERT OR REPLACE INTO imported_files
                 (owner_id, dataset, name, source, settings, recordings, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                owner.to_string(),
                dataset,
                name,
                bytes.to_string(),
                settings.to_string(),
                recordings,
                now_ms()
            ],
        )?;
        Ok(())
    }

    /// Forgets files of imports that were cut off long ago: those of no dataset.
    pub fn forget_old_imported_files(&self) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let old = "f.created_ms < ?1 AND NOT EXISTS
            (SELECT 1 FROM datasets d WHERE d.owner_id = f.owner_id AND d.name = f.dataset)";
        forget_imported_files(&transaction, old, &[&(now_ms() - KEPT_MS)])?;
        transaction.commit()?;
        Ok(())
    }
}

/// Forgets the rows `f` of which `which` holds; what they name becomes loose.
pub(super) fn forget_imported_files(
    connection: &Connection,
    which: &str,
    parameters: &[&dyn ToSql],
) -> Result<(), StoreError> {
    for ending in ["parquet", "blocks"] {
        connection.execute(
            &format!(
                "INSERT OR IGNORE INTO loose_files (path, name)
                 SELECT 'datasets/' || json_extract(one.value, '$.entry.info.content') || '.{ending}',
                        json_extract(one.value, '$.entry.info.content')
                 FROM imported_files f, json_each(f.recordings) one WHERE {which}"
            ),
            parameters,
        )?;
    }
    connection.execute(&format!("DELETE FROM imported_files AS f WHERE {which}"), parameters)?;
    Ok(())
}
