//! The store: everything that is known, in SQLite. The only SQL of the trainer.
//!
//! Domain types go in and come out. One connection writes, under a lock; some more read beside it
//! (WAL). The data folder's own lock keeps other processes away. Calls block: the service makes
//! them on threads that may wait (`api::state`).

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use rusqlite_migration::{HookError, M, Migrations};
use serde::de::DeserializeOwned;

mod attempt;
mod dataset;
mod deployment;
mod device;
mod id;
mod imported;
mod job;
mod key;
mod label_change;
mod lineage;
mod loose;
mod model;
mod pipeline;
mod pool;
mod recorder;
mod recording;
mod removal;
mod run;
mod sensor;
mod session;
mod sharing;
pub(crate) mod snapshot;
mod tag_change;
mod token;
mod totals;
mod upload;
mod user;
mod version;

pub use attempt::Attempt;
pub use dataset::Dataset;
pub use deployment::{Deployment, DeploymentStatus};
pub use device::{Device, Heard, NewDevice};
pub use id::{
    DatasetId, DatasetVersionId, DeploymentId, DeviceId, JobId, KeyId, ModelId, ModelVersionId,
    OwnerId, PipelineId, RecorderId, RecordingId, RunId, TokenId, UploadId, UserId,
};
pub use imported::Source;
pub use job::{Finished, Job, JobKind, JobStatus, NewJob};
pub use key::{ApiKey, KeyUser, NewKey, Scope};
pub use label_change::{LabelChange, RelabelError, Relabelling};
pub(crate) use model::task_name;
pub use model::{Model, ModelVersion, NewModelVersion, Stage};
pub use pipeline::SavedPipeline;
pub use recording::{Annotation, ChannelInfo, Entry, NewEntry, RecordingInfo, RecordingPlace};
pub use run::{NewRun, Run, RunStatus, RunSummary};
pub(crate) use sensor::SensorList;
pub use session::SESSION_LIMITS;
pub(crate) use sharing::SHARED_USERS_MAX;
pub use sharing::{Access, SharedTo, Sharing, Standing, UserShare};
pub use tag_change::Retagging;
pub use token::{EnrolmentToken, NewToken, TokenRefusal};
pub use totals::{ClassTotal, VersionTotals};
pub use upload::{NewUpload, Upload};
pub use user::{Role as UserRole, User};
pub use version::{DatasetVersion, VersionSummary};

use crate::clock::now_ms;
use pool::{Pool, Reader};

/// How many migrations there are: the version of the schema.
const MIGRATIONS: u32 = 8;

fn migrations() -> Migrations<'static> {
    let fill_figures = |transaction: &Transaction<'_>| {
        let filled = run::fill_figures(transaction);
        filled.map_err(|error| HookError::Hook(error.to_string()))
    };
    Migrations::new(vec![
        M::up(include_str!("../migrations/001-core.sql")),
        M::up(include_str!("../migrations/002-services.sql")).foreign_key_check(),
        M::up_with_hook(include_str!("../migrations/003-run-figures.sql"), fill_figures)
            .foreign_key_check(),
        M::up(include_str!("../migrations/004-several-models.sql")).foreign_key_check(),
        M::up(include_str!("../migrations/005-sensors.sql")),
        M::up(include_str!("../migrations/006-imported-files.sql")).foreign_key_check(),
        M::up(include_str!("../migrations/007-labels-and-lineage.sql")).foreign_key_check(),
        M::up(include_str!("../migrations/008-roles-and-sharing.sql")).foreign_key_check(),
    ])
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to ask the next page with; none at the end.
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Clone, Debug)]
pub struct PageOf {
    /// At most so many items.
    pub limit: usize,
    /// What the page before gave as `next`.
    pub cursor: Option<String>,
}

impl PageOf {
    /// One more than the limit, to see whether there is a next page.
    fn fetched(&self) -> i64 {
        self.limit as i64 + 1
    }

    /// Cuts what was fetched to the page.
    fn page<T>(&self, mut items: Vec<T>, cursor: impl Fn(&T) -> String) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = if more { items.last().map(cursor) } else { None };
        Page { items, next }
    }
}

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
    /// Something of that name is there already.
    #[error("there is a {kind} {name:?} already: choose another name")]
    Taken {
        /// What was to be named.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Something cannot be deleted or changed, as something else needs it.
    #[error("{kind} {name:?} is in use: {reason}")]
    InUse {
        /// What was to be deleted or changed.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What needs it, and what to do.
        reason: String,
    },
    /// Something that may be seen, and not be done.
    #[error("{}", no_access(.dataset, .needed))]
    Access {
        /// Name of the dataset.
        dataset: String,
        /// What may be done with it.
        access: Access,
        /// What it would take.
        needed: Access,
    },
    /// Somebody whom a dataset cannot be shared with.
    #[error("the dataset cannot be shared with {user:?}: {reason}")]
    Share {
        /// Which of the users that are named, counted from 0.
        number: usize,
        /// The user's name.
        user: String,
        /// Why.
        reason: &'static str,
    },
    /// A key for repeating a request that was used for another request.
    #[error("the Idempotency-Key was used for another request: send a new one")]
    AttemptKey,
    /// More of something than there may be.
    #[error("there are {limit} {kind} already, and no more are kept: delete some first")]
    Full {
        /// What there is too much of.
        kind: &'static str,
        /// How many there may be.
        limit: u32,
    },
    /// A row of the database that this version cannot read.
    #[error("the database holds a {column} that cannot be read: {reason}")]
    Damaged {
        /// The column.
        column: &'static str,
        /// What was wrong.
        reason: String,
    },
    /// Another program keeps even readers out.
    #[error("another program keeps the database locked: try again when it has ended")]
    Locked,
    /// The schema could not be brought up to date.
    #[error(
        "the database schema could not be brought up to date (was it made by a newer version?): {0}"
    )]
    Migration(#[from] rusqlite_migration::Error),
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

fn no_access(dataset: &str, needed: &Access) -> String {
    match needed {
        Access::Own => format!(
            "dataset {dataset:?} is another user's, who alone may do that: a repair into a dataset of \
             yours makes a copy"
        ),
        Access::Read | Access::Label => format!(
            "dataset {dataset:?} is shared with you to be looked at: its owner may share it to be labelled"
        ),
    }
}

impl StoreError {
    /// A recording cannot be changed where the newest version does not list it.
    fn only_older(name: String) -> Self {
        let reason = "only older versions of its dataset list it, and these never change";
        StoreError::InUse { kind: "recording", name, reason: reason.to_owned() }
    }
}

/// Everything that is known.
#[derive(Debug)]
pub struct Store {
    writer: Mutex<Connection>,
    readers: Pool,
}

impl Store {
    /// Opens the database, makes it if there is none, brings its schema up to date, and marks
    /// jobs and runs that a killed process left behind as interrupted.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            let reason = format!("{mode:?}: the file system of the data folder allows no WAL");
            return Err(StoreError::Damaged { column: "journal_mode", reason });
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        // A migration that rebuilds a table must not take its references with it; each of these
        // checks them at its end.
        connection.pragma_update(None, "foreign_keys", false)?;
        migrations().to_latest(&mut connection)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let store = Store { writer: Mutex::new(connection), readers: Pool::new(path) };
        store.interrupt_left_behind()?;
        Ok(store)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back: the connection stays usable.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> Result<Reader<'_>, StoreError> {
        self.readers.take()
    }

    /// Whether the database answers.
    pub fn check(&self) -> Result<(), StoreError> {
        // A table is read, so that the file is.
        Ok(self.reader()?.query_row("SELECT id FROM owners LIMIT 1", [], |_| Ok(()))?)
    }
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

/// A column that a type reads from text, where it is not null.
fn optional_parsed<T>(row: &Row<'_>, column: &'static str) -> Result<Option<T>, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: T::Err| StoreError::Damaged { column, reason: error.to_string() })
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

/// A column as JSON, where it is not null.
fn optional_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| StoreError::Damaged { column, reason: error.to_string() })
}

/// The rows of a query, each read by `read`.
fn list<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(read(row)?);
    }
    Ok(items)
}

/// The first row of a query, if there is one.
fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    connection
        .prepare_cached(sql)?
        .query_row(parameters, |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// What is not there, by its identifier.
fn unknown(kind: &'static str, id: impl ToString) -> StoreError {
    StoreError::Unknown { kind, name: id.to_string(), nearest: Vec::new() }
}

/// A violated `UNIQUE` as the name that is taken.
fn taken(kind: &'static str, name: &str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let name = name.to_owned();
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Taken { kind, name },
        _ => error.into(),
    }
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
        migrations().validate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cirame.db");
        drop(Store::open(&path).unwrap());
        assert_eq!(snapshot::Snapshot::open(&path).unwrap().schema_version().unwrap(), MIGRATIONS);
    }

    #[test]
    fn names_that_break_paths_are_refused() {
        for name in ["", "../x", "a b", ".hidden", "ä", &"x".repeat(101)] {
            assert!(check_name("dataset", name).is_err(), "{name}");
        }
        assert!(check_name("dataset", "pump-7_v1.2").is_ok());
    }
}
