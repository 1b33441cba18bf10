//! Runs: training attempts with their settings, status and evaluation.

use rusqlite::types::Null;
use rusqlite::{Row, params};
use serde::Serialize;
use serde_json::Value;

use super::{
    DatasetVersionId, LOCAL_OWNER, RunId, Store, StoreError, json, now_ms, parsed, plain, to_json,
};

/// One training attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Identifier.
    pub id: RunId,
    /// Name of the dataset.
    pub dataset: String,
    /// Number of the dataset version.
    pub dataset_version: u32,
    /// Everything that was asked for: estimator, parameters, windows, split, seed.
    pub settings: Value,
    /// How it ended.
    pub status: RunStatus,
    /// The evaluation and what belongs to it, once the run succeeded.
    pub report: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it ended.
    pub finished_ms: Option<i64>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// In work.
    Running,
    /// Ended with a model.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Its process ended before it did.
    Interrupted,
}

impl RunStatus {
    /// The word in the database, in JSON and for people.
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Succeeded => "succeeded",
            RunStatus::Failed => "failed",
            RunStatus::Interrupted => "interrupted",
        }
    }
}

impl std::str::FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use RunStatus::{Failed, Interrupted, Running, Succeeded};
        [Running, Succeeded, Failed, Interrupted]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| format!("{text:?} is no status"))
    }
}

const SELECT: &str = "SELECT r.id, d.name AS dataset, v.number AS version, r.settings, r.status,
        r.report, r.error, r.created_ms, r.finished_ms
 FROM runs r
 JOIN dataset_versions v ON v.id = r.dataset_version_id
 JOIN datasets d ON d.id = v.dataset_id";

impl Store {
    /// Notes that a run begins.
    pub fn begin_run(
        &self,
        dataset_version: DatasetVersionId,
        settings: &Value,
    ) -> Result<RunId, StoreError> {
        let id = RunId::new();
        self.connection().execute(
            "INSERT INTO runs (id, owner_id, dataset_version_id, settings, status, created_ms)
             VALUES (?1, ?2, ?3, ?4, 'running', ?5)",
            params![
                id.to_string(),
                LOCAL_OWNER,
                dataset_version.to_string(),
                to_json(settings),
                now_ms()
            ],
        )?;
        Ok(id)
    }

    /// Notes how a run ended: with its report or its error.
    pub fn finish_run(&self, id: RunId, outcome: Result<&Value, &str>) -> Result<(), StoreError> {
        let (status, report, error) = match outcome {
            Ok(report) => (RunStatus::Succeeded, Some(to_json(report)), None),
            Err(error) => (RunStatus::Failed, None, Some(error)),
        };
        self.connection().execute(
            "UPDATE runs SET status = ?2, report = ?3, error = ?4, finished_ms = ?5 WHERE id = ?1",
            params![id.to_string(), status.name(), report, error, now_ms()],
        )?;
        Ok(())
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<Run>, StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare(&format!("{SELECT} WHERE r.owner_id = ?1 ORDER BY r.id DESC"))?;
        let mut rows = statement.query([LOCAL_OWNER])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            runs.push(read_run(row)?);
        }
        Ok(runs)
    }

    /// The run with this identifier, or whose identifier ends in `id`.
    pub fn run(&self, id: &str) -> Result<Run, StoreError> {
        let runs = self.runs()?;
        let mut matching = runs.iter().filter(|run| run.id.to_string().ends_with(id));
        match (matching.next(), matching.next()) {
            (Some(run), None) if !id.is_empty() => Ok(run.clone()),
            _ => Err(StoreError::Unknown {
                kind: "run",
                name: id.to_owned(),
                nearest: runs.iter().take(3).map(|run| run.id.to_string()).collect(),
            }),
        }
    }

    /// Marks what a killed process left behind.
    pub(super) fn interrupt_running(&self) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE runs SET status = 'interrupted', report = ?1, finished_ms = ?2
             WHERE status = 'running'",
            params![Null, now_ms()],
        )?;
        Ok(())
    }
}

fn read_run(row: &Row<'_>) -> Result<Run, StoreError> {
    let report: Option<String> = plain(row, "report")?;
    Ok(Run {
        id: parsed(row, "id")?,
        dataset: plain(row, "dataset")?,
        dataset_version: plain(row, "version")?,
        settings: json(row, "settings")?,
        status: parsed(row, "status")?,
        report: if report.is_some() { Some(json(row, "report")?) } else { None },
        error: plain(row, "error")?,
        created_ms: plain(row, "created_ms")?,
        finished_ms: plain(row, "finished_ms")?,
    })
}
