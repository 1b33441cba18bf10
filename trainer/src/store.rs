//! The store: datasets, recordings, runs and models in SQLite. The only SQL of the trainer.
//!
//! Domain types go in and come out. One connection writes, under a lock; the data folder's own
//! lock keeps other processes away.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};
use rusqlite_migration::{M, Migrations};
use serde::de::DeserializeOwned;

mod dataset;
mod id;
mod model;
mod run;

pub use dataset::{
    Annotation, ChannelInfo, Dataset, DatasetVersion, Entry, NewEntry, RecordingInfo,
};
pub use id::{DatasetId, DatasetVersionId, ModelId, ModelVersionId, RecordingId, RunId};
pub(crate) use model::task_name;
pub use model::{Model, ModelVersion, NewModelVersion};
pub use run::{Run, RunStatus};

/// The owner of everything made on the command line.
const LOCAL_OWNER: &str = "00000000-0000-7000-8000-000000000000";

const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("../migrations/001-core.sql"))];

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such thing.
    #[error("there is no {kind} {name:?}{}", crate::nearest::hint(.nearest))]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Existing names: the nearest ones, or all of a few.
        nearest: Vec<String>,
    },
    /// A name that cannot be used.
    #[error(
        "{name:?} is no usable {kind} name: use 1 to 100 letters, digits, '.', '_' and '-', \
         beginning with a letter or digit"
    )]
    Name {
        /// What was to be named.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A row of the database that this version cannot read.
    #[error("the database holds a {column} that cannot be read: {reason}")]
    Damaged {
        /// The column.
        column: &'static str,
        /// What was wrong.
        reason: String,
    },
    /// The schema could not be brought up to date.
    #[error(
        "the database schema could not be brought up to date (was it made by a newer version?): {0}"
    )]
    Migration(#[from] rusqlite_migration::Error),
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Datasets, recordings, runs and models.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the database, makes it if there is none, brings its schema up to date, and marks
    /// runs that a killed process left behind as interrupted.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::prepare(Connection::open(path)?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StoreError> {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection)?;
        let store = Store { connection: Mutex::new(connection) };
        store.interrupt_running()?;
        Ok(store)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back: the connection stays usable.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970 UTC.
fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// Refuses names that would be awkward in URLs, file names and topics.
fn check_name(kind: &'static str, name: &str) -> Result<(), StoreError> {
    let usable = name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if usable { Ok(()) } else { Err(StoreError::Name { kind, name: name.to_owned() }) }
}

/// A column as text that is parsed.
fn parsed<T>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| StoreError::Damaged { column, reason: error.to_string() })
}

/// A column as JSON.
fn json<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| StoreError::Damaged { column, reason: error.to_string() })
}

/// A column as it is.
fn plain<T: FromSql>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError> {
    Ok(row.get(column)?)
}

/// A column as a number that is not negative.
fn count(row: &Row<'_>, column: &'static str) -> Result<u64, StoreError> {
    let value: i64 = row.get(column)?;
    u64::try_from(value)
        .map_err(|_| StoreError::Damaged { column, reason: format!("{value} is negative") })
}

/// JSON text of plain data.
fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn names_that_break_paths_are_refused() {
        for name in ["", "../x", "a b", ".hidden", "ä", &"x".repeat(101)] {
            assert!(check_name("dataset", name).is_err(), "{name}");
        }
        assert!(check_name("dataset", "pump-7_v1.2").is_ok());
    }
}
