//! Runs: training attempts with their settings, status and evaluation.

use model_format::manifest::Task;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::sharing::name_for;
use super::{
    DatasetVersionId, ModelVersionId, OwnerId, Page, PageOf, RunId, Store, StoreError, json, list,
    now_ms, one, optional_json, parsed, plain, to_json, unknown,
};
use crate::training::{Figure, RunCurves, RunReport, figures};

/// One training attempt.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// Identifier.
    pub id: RunId,
    /// Name of the dataset.
    pub dataset: String,
    /// Number of the dataset version.
    pub dataset_version: u32,
    /// Name of the model that comes of it.
    pub model: String,
    /// The version that came of it, as long as that is kept.
    pub model_version: Option<u32>,
    /// What the model answers; absent where this trainer does not know the estimator.
    pub task: Option<Task>,
    /// Everything that was asked for: estimator, parameters, windows, split, seed.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// How it ended.
    pub status: RunStatus,
    /// The evaluation and what belongs to it, once the run succeeded.
    pub report: Option<RunReport>,
    /// Figures on the test windows, the main one first.
    pub figures: Vec<Figure>,
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
    /// Name of the model that comes of it.
    pub model: String,
    /// The version that came of it, as long as that is kept.
    pub model_version: Option<u32>,
    /// What the model answers; absent where this trainer does not know the estimator.
    pub task: Option<Task>,
    /// Figures on the test windows, the main one first.
    pub figures: Vec<Figure>,
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
 JOIN datasets d ON d.id = v.dataset_id
 LEFT JOIN model_versions m ON m.id = r.model_version_id";

const COLUMNS: &str = concat!(
    "r.id, ",
    name_for!("r.owner_id"),
    " AS dataset, v.number AS version,
 r.settings ->> '$.estimator' AS estimator, coalesce(r.model_name, '') AS model,
 m.number AS model_version, r.figures, r.status, r.error, r.created_ms, r.finished_ms"
);

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
                "SELECT {COLUMNS} {FROM}
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
                "SELECT {COLUMNS}, r.settings, r.report {FROM}
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

    /// The curves of a run; none where it has not succeeded, or was made before curves were kept.
    pub fn run_curves(&self, owner: OwnerId, id: RunId) -> Result<Option<RunCurves>, StoreError> {
        let connection = self.reader()?;
        let found = one(
            &connection,
            "SELECT curves FROM runs WHERE owner_id = ?1 AND id = ?2",
            params![owner.to_string(), id.to_string()],
            |row| optional_json(row, "curves"),
        )?;
        found.ok_or_else(|| unknown("run", id))
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
    let estimator: String = plain(row, "estimator")?;
    Ok(RunSummary {
        id: parsed(row, "id")?,
        dataset: plain(row, "dataset")?,
        dataset_version: plain(row, "version")?,
        task: task(&estimator),
        estimator,
        model: plain(row, "model")?,
        model_version: plain(row, "model_version")?,
        figures: optional_json(row, "figures")?.unwrap_or_default(),
        status: parsed(row, "status")?,
        error: plain(row, "error")?,
        created_ms: plain(row, "created_ms")?,
        finished_ms: plain(row, "finished_ms")?,
    })
}

fn read_run(row: &Row<'_>) -> Result<Run, StoreError> {
    let RunSummary {
        id,
        dataset,
        dataset_version,
        model,
        model_version,
        task,
        figures,
        status,
        error,
        created_ms,
        finished_ms,
        ..
    } = read_summary(row)?;
    Ok(Run {
        id,
        dataset,
        dataset_version,
        model,
        model_version,
        task,
        settings: json(row, "settings")?,
        status,
        report: optional_json(row, "report")?,
        figures,
        error,
        created_ms,
        finished_ms,
    })
}

/// What an estimator of the catalogue answers.
fn task(estimator: &str) -> Option<Task> {
    let known = learn::catalogue::CATALOGUE.iter().find(|known| known.name == estimator);
    known.map(|known| known.task)
}

/// Fills in the figures of runs from before they were kept, from their reports. A report that this
/// version cannot read has none.
pub(super) fn fill_figures(connection: &Connection) -> Result<(), StoreError> {
    let reports: Vec<(String, String)> = list(
        connection,
        "SELECT id, report FROM runs WHERE report IS NOT NULL AND figures IS NULL",
        [],
        |row| Ok((plain(row, "id")?, plain(row, "report")?)),
    )?;
    for (id, report) in reports {
        if let Ok(report) = serde_json::from_str::<RunReport>(&report) {
            connection.execute(
                "UPDATE runs SET figures = ?2 WHERE id = ?1",
                params![id, to_json(&figures(&report))],
            )?;
        }
    }
    Ok(())
}

/// Notes that a run succeeded.
pub(super) fn note_success(
    connection: &Connection,
    id: RunId,
    report: &RunReport,
    curves: &RunCurves,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE runs SET report = ?2, figures = ?3, curves = ?4 WHERE id = ?1",
        params![id.to_string(), to_json(report), to_json(&figures(report)), to_json(curves)],
    )?;
    set_run_status(connection, id, RunStatus::Succeeded, None)
}

/// Notes which model version came of a run.
pub(super) fn note_model_version(
    connection: &Connection,
    id: RunId,
    version: ModelVersionId,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE runs SET model_version_id = ?2 WHERE id = ?1",
        params![id.to_string(), version.to_string()],
    )?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::migrations;
    use super::*;

    /// A report as it was before its split and its target were kept.
    fn report_of_before(artifact: &str) -> Value {
        let metrics = |rmse: f64| json!({ "task": "regression", "rows": 2, "r2": 0.5, "rmse": rmse, "mae": 0.25 });
        json!({
            "task": "regression", "notes": [], "dataset_version": artifact, "classes": [],
            "pipeline": {
                "channels": [{ "name": "a" }], "time": "event", "lateness_ms": 0, "rate": "none",
                "gap": { "max_samples": 0, "fill": "none" },
                "window": { "length_samples": 1, "stride_samples": 1 }, "features": ["a.mean"],
            },
            "windows": { "train": 8, "calibration": 0, "test": 2, "unused": 0, "unlabelled": 0 },
            "facts": {}, "threshold": null,
            "evaluation": { "model": metrics(0.5), "naive": metrics(1.5) },
            "alarm_share": null, "naive": { "mean": 1.0 }, "artifact_sha256": artifact,
            "lineage_id": artifact, "artifact_bytes": 1,
            "proof": {
                "artifact_sha256": artifact, "lineage_id": artifact, "golden_windows": 1,
                "held_out_windows": 0, "judges": [], "passed": true,
            },
        })
    }

    #[test]
    fn runs_of_before_get_their_figures_and_model_version_from_their_reports() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations().to_version(&mut connection, 2).unwrap();
        let id = |end: u8| format!("01890000-0000-7000-8000-0000000000{end:02}");
        let artifact = "ab".repeat(32);
        let report = report_of_before(&artifact).to_string();
        let owner = OwnerId::LOCAL.to_string();
        connection
            .execute_batch(&format!(
                "INSERT INTO datasets VALUES ('{0}', '{owner}', 'd', 0);
                 INSERT INTO dataset_versions VALUES ('{1}', '{0}', 1, '{artifact}', 0);
                 INSERT INTO models VALUES ('{2}', '{owner}', 'm', 0);
                 INSERT INTO runs VALUES
                     ('{3}', '{owner}', '{1}', '{{\"estimator\":\"ridge\"}}', NULL, 'succeeded',
                      '{report}', NULL, 0, 0),
                     ('{4}', '{owner}', '{1}', '{{\"estimator\":\"gone\"}}', 'x', 'succeeded',
                      '{{}}', NULL, 0, 0);
                 INSERT INTO model_versions VALUES
                     ('{5}', '{2}', 3, 'regression', '{artifact}', '{artifact}', '{3}', 0,
                      'candidate');",
                id(0),
                id(1),
                id(2),
                id(3),
                id(4),
                id(5),
            ))
            .unwrap();
        migrations().to_latest(&mut connection).unwrap();
        let sql = format!("SELECT {COLUMNS} {FROM} ORDER BY r.id");
        let runs = list(&connection, &sql, [], read_summary).unwrap();
        assert_eq!((&*runs[0].model, runs[0].model_version), ("m", Some(3)));
        assert_eq!(runs[0].task, Some(Task::Regression));
        let figures: Vec<(&str, f64, Option<f64>)> =
            runs[0].figures.iter().map(|f| (&*f.name, f.value, f.naive)).collect();
        assert_eq!(
            figures,
            [("R²", 0.5, Some(0.5)), ("RMSE", 0.5, Some(1.5)), ("MAE", 0.25, Some(0.25))]
        );
        assert_eq!((&*runs[1].model, runs[1].model_version, runs[1].task), ("x", None, None));
        assert!(runs[1].figures.is_empty());
        let run: Option<RunReport> =
            one(&connection, "SELECT report FROM runs ORDER BY id LIMIT 1", [], |row| {
                json(row, "report")
            })
            .unwrap();
        assert_eq!(run.unwrap().split, []);
    }
}
