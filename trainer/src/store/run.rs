//! Runs: training attempts with their settings, status and evaluation.

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    DatasetVersionId, OwnerId, Page, PageOf, RunId, Store, StoreError, json, list, now_ms,
    optional_json, parsed, plain, to_json,
};

/// One training attempt.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// Identifier.
    pub id: RunId,
    /// Name of the dataset.
    pub dataset: String,
    /// Number of the dataset version.
    pub dataset_version: u32,
    /// Everything that was asked for: estimator, parameters, windows, split, seed.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// How it ended.
    pub status: RunStatus,
    /// The evaluation and what belongs to it, once the run succeeded.
    #[schema(value_type = Option<Object>)]
    pub report: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it ended.
    pub finished_ms: Option<i64>,
}

/// A run without its report, for lists.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunSummary {
    /// Identifier.
    pub id: RunId,
    /// Name of the dataset.
    pub dataset: String,
    /// Number of the dataset version.
    pub dataset_version: u32,
    /// Name of the estimator in the catalogue.
    pub estimator: String,
    /// How it stands.
    pub status: RunStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it ended.
    pub finished_ms: Option<i64>,
}

/// A run that is to wait in the queue.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// What it learns from.
    pub dataset_version: DatasetVersionId,
    /// Everything that was asked for.
    pub settings: Value,
    /// Name of the model that comes of it.
    pub model_name: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waiting for a worker.
    Queued,
    /// In work.
    Running,
    /// Ended with a model.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended by a user before it was done.
    Cancelled,
    /// Its process ended before it did.
    Interrupted,
}

impl RunStatus {
    /// The word in the database, in JSON and for people.
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::Running => "running",
            RunStatus::Succeeded => "succeeded",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
            RunStatus::Interrupted => "interrupted",
        }
    }
}

impl std::str::FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use RunStatus::{Cancelled, Failed, Interrupted, Queued, Running, Succeeded};
        [Queued, Running, Succeeded, Failed, Cancelled, Interrupted]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| format!("{text:?} is no status"))
    }
}

const FROM: &str = "FROM runs r
 JOIN dataset_versions v ON v.id = r.dataset_version_id
 JOIN datasets d ON d.id = v.dataset_id";

impl Store {
    /// Notes that a run begins at once, without a queue.
    pub fn begin_run(&self, owner: OwnerId, run: &NewRun) -> Result<RunId, StoreError> {
        insert_run(&self.writer(), owner, run, RunStatus::Running)
    }

    /// Notes that a run failed.
    pub fn fail_run(&self, id: RunId, error: &str) -> Result<(), StoreError> {
        set_run_status(&self.writer(), id, RunStatus::Failed, Some(error))
    }

    /// Runs, newest first.
    pub fn runs(&self, owner: OwnerId, page: &PageOf) -> Result<Page<RunSummary>, StoreError> {
        let runs = list(
            &*self.reader()?,
            &format!(
                "SELECT r.id, d.name AS dataset, v.number AS version,
                        r.settings ->> '$.estimator' AS estimator,
                        r.status, r.error, r.created_ms, r.finished_ms
                 {FROM}
                 WHERE r.owner_id = ?1 AND (?2 IS NULL OR r.id < ?2)
                 ORDER BY r.id DESC LIMIT ?3"
            ),
            params![owner.to_string(), page.cursor, page.fetched()],
            read_summary,
        )?;
        Ok(page.page(runs, |run| run.id.to_string()))
    }

    /// The run with this identifier, or the only one whose identifier ends in `id`.
    pub fn run(&self, owner: OwnerId, id: &str) -> Result<Run, StoreError> {
        let connection = self.reader()?;
        let mut runs = list(
            &connection,
            &format!(
                "SELECT r.id, d.name AS dataset, v.number AS version, r.settings, r.status,
                        r.report, r.error, r.created_ms, r.finished_ms
                 {FROM}
                 WHERE r.owner_id = ?1 AND length(?2) > 0 AND substr(r.id, -length(?2)) = ?2
                 LIMIT 2"
            ),
            params![owner.to_string(), id],
            read_run,
        )?;
        match (runs.pop(), runs.pop()) {
            (Some(run), None) => Ok(run),
            _ => Err(StoreError::Unknown {
                kind: "run",
                name: id.to_owned(),
                nearest: list(
                    &connection,
                    "SELECT id FROM runs WHERE owner_id = ?1 ORDER BY id DESC LIMIT 3",
                    [owner.to_string()],
                    |row| plain(row, "id"),
                )?,
            }),
        }
    }
}

/// Adds a run.
pub(super) fn insert_run(
    connection: &Connection,
    owner: OwnerId,
    run: &NewRun,
    status: RunStatus,
) -> Result<RunId, StoreError> {
    let id = RunId::new();
    connection.execute(
        "INSERT INTO runs (id, owner_id, dataset_version_id, settings, model_name, status, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id.to_string(),
            owner.to_string(),
            run.dataset_version.to_string(),
            to_json(&run.settings),
            run.model_name,
            status.name(),
            now_ms()
        ],
    )?;
    Ok(id)
}

fn read_summary(row: &Row<'_>) -> Result<RunSummary, StoreError> {
    Ok(RunSummary {
        id: parsed(row, "id")?,
        dataset: plain(row, "dataset")?,
        dataset_version: plain(row, "version")?,
        estimator: plain(row, "estimator")?,
        status: parsed(row, "status")?,
        error: plain(row, "error")?,
        created_ms: plain(row, "created_ms")?,
        finished_ms: plain(row, "finished_ms")?,
    })
}

fn read_run(row: &Row<'_>) -> Result<Run, StoreError> {
    Ok(Run {
        id: parsed(row, "id")?,
        dataset: plain(row, "dataset")?,
        dataset_version: plain(row, "version")?,
        settings: json(row, "settings")?,
        status: parsed(row, "status")?,
        report: optional_json(row, "report")?,
        error: plain(row, "error")?,
        created_ms: plain(row, "created_ms")?,
        finished_ms: plain(row, "finished_ms")?,
    })
}

/// Notes that a run succeeded.
pub(super) fn note_success(
    connection: &Connection,
    id: RunId,
    report: &Value,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE runs SET report = ?2 WHERE id = ?1",
        params![id.to_string(), to_json(report)],
    )?;
    set_run_status(connection, id, RunStatus::Succeeded, None)
}

/// Notes how a run stands.
pub(super) fn set_run_status(
    connection: &Connection,
    id: RunId,
    status: RunStatus,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let ended = !matches!(status, RunStatus::Queued | RunStatus::Running);
    connection.execute(
        "UPDATE runs SET status = ?2, error = ?3, finished_ms = ?4 WHERE id = ?1",
        params![id.to_string(), status.name(), error, ended.then(now_ms)],
    )?;
    Ok(())
}
