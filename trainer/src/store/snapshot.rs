//! A copy of the database at one moment, made while others write: what a backup is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model_format::id::Digest;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{RunId, StoreError, UploadId, list, parsed, plain};
use crate::data_folder::{
    artifact_file, evaluation_file, proof_file, recording_file, run_file, upload_file,
};

/// How long the database may be busy with something that even readers wait for.
const BUSY_MAX: Duration = Duration::from_secs(30);

/// The version of the schema that this program writes.
pub(crate) fn schema_version() -> u32 {
    super::MIGRATIONS
}

/// What `quick_check` says of a database that others may have open; nothing where all is well.
///
/// # Errors
/// Where it cannot be opened or read.
pub(crate) fn quick_check(database: &Path) -> Result<Vec<String>, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    faults(&connection, "PRAGMA quick_check(20)")
}

/// The newest time in the database, in milliseconds since 1970 UTC.
///
/// # Errors
/// Where it cannot be opened or read.
pub(crate) fn newest_ms(database: &Path) -> Result<Option<i64>, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    let sql = "SELECT max(newest) FROM (
        SELECT max(created_ms) AS newest FROM users UNION ALL
        SELECT max(used_ms) FROM sessions UNION ALL
        SELECT max(coalesce(finished_ms, created_ms)) FROM jobs UNION ALL
        SELECT max(created_ms) FROM dataset_versions UNION ALL
        SELECT max(seen_ms) FROM devices)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// A copy of the database, which nobody else has open.
pub(crate) struct Snapshot(Connection);

/// The files that a database names, below the data folder.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct NamedFiles {
    /// Those without which something is lost.
    pub(crate) needed: BTreeSet<PathBuf>,
    /// Answers of runs and evaluations: those of early versions have none.
    pub(crate) perhaps: BTreeSet<PathBuf>,
}

impl Snapshot {
    /// Copies the database as it is at one moment. Nobody is kept from reading or writing it.
    ///
    /// # Errors
    /// Where it cannot be read, or the copy not be written.
    pub(crate) fn take(database: &Path, copy: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(database, flags)?;
        source.busy_timeout(BUSY_MAX)?;
        let mut target = Connection::open(copy)?;
        // All pages in one step: it is one read transaction, which in WAL hinders nobody.
        let step = Backup::new(&source, &mut target)?.step(-1)?;
        if step != StepResult::Done {
            return Err(StoreError::Locked);
        }
        target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        Ok(Snapshot(target))
    }

    /// Opens a copy that perhaps somebody else has made.
    ///
    /// # Errors
    /// Where it is no database.
    pub(crate) fn open(copy: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // Whatever its schema says is not carried out.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        Ok(Snapshot(connection))
    }

    /// Forgets what a backup does not have: uploads that are not whole, sessions, and files that
    /// nothing names.
    pub(crate) fn forget_passing_things(&self) -> Result<(), StoreError> {
        self.0.execute_batch(
            "DELETE FROM uploads WHERE received_bytes < size_bytes;
             DELETE FROM sessions;
             DELETE FROM loose_files;",
        )?;
        Ok(())
    }

    /// What is wrong with it; nothing where all is well.
    pub(crate) fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut found = faults(&self.0, "PRAGMA integrity_check(20)")?;
        let references = list(&self.0, "PRAGMA foreign_key_check", [], |row| plain(row, "table"))?;
        let shown = references.iter().take(20);
        found.extend(
            shown.map(|table: &String| format!("a row of {table} names one that is not there")),
        );
        Ok(found)
    }

    /// The version of its schema.
    pub(crate) fn schema_version(&self) -> Result<u32, StoreError> {
        Ok(self.0.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// How many rows each table has.
    pub(crate) fn row_counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let tables: Vec<String> = list(&self.0, sql, [], |row| plain(row, "name"))?;
        let count = |table: String| {
            let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
            let rows: i64 = self.0.query_row(&sql, [], |row| row.get(0))?;
            Ok((table, rows.unsigned_abs()))
        };
        tables.into_iter().map(count).collect()
    }

    /// The files that it names.
    pub(crate) fn named_files(&self) -> Result<NamedFiles, StoreError> {
        let mut files = NamedFiles::default();
        let digests = |sql: &str| list(&self.0, sql, [], |row| parsed::<Digest>(row, "digest"));
        let contents = digests("SELECT DISTINCT content AS digest FROM recordings")?;
        files.needed.extend(contents.into_iter().map(recording_file));
        for artifact in digests("SELECT DISTINCT artifact AS digest FROM model_versions")? {
            files.needed.extend([artifact_file(artifact), proof_file(artifact)]);
        }
        let sql = "SELECT id FROM uploads WHERE received_bytes >= size_bytes";
        let uploads = list(&self.0, sql, [], |row| parsed::<UploadId>(row, "id"))?;
        files.needed.extend(uploads.into_iter().map(upload_file));
        let sql = "SELECT id FROM runs WHERE status = 'succeeded'";
        let runs = list(&self.0, sql, [], |row| parsed::<RunId>(row, "id"))?;
        files.perhaps.extend(runs.into_iter().map(run_file));
        let sql = "SELECT id FROM jobs WHERE kind = 'evaluation' AND status = 'succeeded'";
        let evaluations = list(&self.0, sql, [], |row| parsed(row, "id"))?;
        files.perhaps.extend(evaluations.into_iter().map(evaluation_file));
        Ok(files)
    }
}

fn faults(connection: &Connection, check: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(check)?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}
