//! Loose files: those that may lie in the data folder although nothing names them. A file is noted
//! before it is written, and when the last row that names it goes.

use rusqlite::{Connection, params};

use super::{Store, StoreError, list, plain};

/// The rows of `l` that nothing names. Digests and identifiers are unique over all tables.
const UNNAMED: &str = "FROM loose_files l
 WHERE NOT EXISTS (SELECT 1 FROM recordings WHERE content = l.name)
   AND NOT EXISTS (SELECT 1 FROM imported_files f, json_each(f.recordings) one
                   WHERE json_extract(one.value, '$.entry.info.content') = l.name)
   AND NOT EXISTS (SELECT 1 FROM model_versions WHERE artifact = l.name)
   AND NOT EXISTS (SELECT 1 FROM uploads WHERE id = l.name)
   AND NOT EXISTS (SELECT 1 FROM runs WHERE id = l.name AND status = 'succeeded')
   AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = l.name AND status = 'succeeded')";

impl Store {
    /// Notes a file that is about to be written. `path` lies below the data folder; `name` is the
    /// digest or the identifier that a row will have.
    pub fn note_loose_file(&self, path: &str, name: &str) -> Result<(), StoreError> {
        note_loose_file(&self.writer(), path, name)
    }

    /// Paths below the data folder that nothing names.
    pub fn loose_files(&self) -> Result<Vec<String>, StoreError> {
        let sql = format!("SELECT l.path {UNNAMED}");
        list(&*self.reader()?, &sql, [], |row| plain(row, "path"))
    }

    /// Forgets loose files: they are gone, or something names them.
    pub fn forget_loose_files(&self) -> Result<(), StoreError> {
        self.writer().execute("DELETE FROM loose_files", [])?;
        Ok(())
    }
}

/// Notes a file that may be there although nothing names it.
pub(super) fn note_loose_file(
    connection: &Connection,
    path: &str,
    name: &str,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT OR IGNORE INTO loose_files (path, name) VALUES (?1, ?2)",
        params![path, name],
    )?;
    Ok(())
}
