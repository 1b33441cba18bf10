//! Jobs: work in the queue, with its input, how it stands and what came of it.

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::attempt::attempted;
use super::run::{insert_run, set_run_status};
use super::{
    Attempt, JobId, NewRun, OwnerId, Page, PageOf, RunId, RunStatus, Store, StoreError, json, list,
    now_ms, one, optional_json, parsed, plain, to_json, unknown,
};
use crate::api::problem::{INTERRUPTED, Problem};

/// Most jobs of one owner that may wait at once.
pub(super) const WAITING_MAX: u32 = 100;

/// Work in the queue.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Job {
    /// Identifier.
    pub id: JobId,
    /// What kind of work.
    pub kind: JobKind,
    /// How it stands.
    pub status: JobStatus,
    /// The run that it carries out.
    pub run_id: Option<RunId>,
    /// Jobs that are worked on before it; none once it has begun.
    pub queue_position: Option<u32>,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why it failed: a problem, as an answer of the API would have it.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Value>,
    /// When it was asked for, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub finished_ms: Option<i64>,
    /// Whose it is.
    #[serde(skip)]
    pub owner: OwnerId,
    /// What was asked for.
    #[serde(skip)]
    pub input: Value,
}

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Uploads or sources become recordings of a dataset.
    Import,
    /// A training run.
    Run,
    /// A model answers a dataset.
    Evaluation,
    /// Recordings are made of others.
    Repair,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waiting for a worker.
    Queued,
    /// In work.
    Running,
    /// Done.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended by a user before it was done.
    Cancelled,
    /// The trainer ended before it did.
    Interrupted,
}

impl JobKind {
    /// The word in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            JobKind::Import => "import",
            JobKind::Run => "run",
            JobKind::Evaluation => "evaluation",
            JobKind::Repair => "repair",
        }
    }
}

impl std::str::FromStr for JobKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [JobKind::Import, JobKind::Run, JobKind::Evaluation, JobKind::Repair]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("{text:?} is no kind of job"))
    }
}

impl JobStatus {
    const ALL: [JobStatus; 6] = [
        JobStatus::Queued,
        JobStatus::Running,
        JobStatus::Succeeded,
        JobStatus::Failed,
        JobStatus::Cancelled,
        JobStatus::Interrupted,
    ];

    /// The word in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            JobStatus::Queued => "queued",
            JobStatus::Running => "running",
            JobStatus::Succeeded => "succeeded",
            JobStatus::Failed => "failed",
            JobStatus::Cancelled => "cancelled",
            JobStatus::Interrupted => "interrupted",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, JobStatus::Queued | JobStatus::Running)
    }
}

impl std::str::FromStr for JobStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| format!("{text:?} is no status"))
    }
}

/// Work that is to wait in the queue.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What kind of work.
    pub kind: JobKind,
    /// What is asked for; for a run, its settings stand with the run.
    pub input: Value,
    /// The run that it carries out.
    pub run: Option<NewRun>,
    /// What the client sends to be able to ask again: the same key gives the same job.
    pub attempt: Option<Attempt>,
}

/// How a job ended.
#[derive(Clone, Debug)]
pub enum Finished {
    /// With this result.
    Succeeded(Value),
    /// With this problem.
    Failed {
        /// The problem as JSON.
        problem: Value,
        /// The same in one sentence.
        detail: String,
    },
    /// By a user.
    Cancelled,
}

const SELECT: &str = "SELECT j.id, j.kind, j.status, j.run_id, j.input, j.result, j.error,
        j.created_ms, j.started_ms, j.finished_ms, j.owner_id,
        CASE j.status WHEN 'queued' THEN
            (SELECT count(*) FROM jobs o WHERE o.status = 'running'
                OR (o.status = 'queued' AND o.id < j.id)) END AS position
 FROM jobs j";

impl Store {
    /// The job that this attempt was given before.
    pub fn attempted_job(
        &self,
        owner: OwnerId,
        attempt: Option<&Attempt>,
    ) -> Result<Option<Job>, StoreError> {
        let connection = self.reader()?;
        let known = attempted(&connection, "jobs", owner, attempt)?;
        known.map(|id| find(&connection, owner, id)).transpose()
    }

    /// Puts work into the queue. With an attempt that was made before, the job of then.
    pub fn submit_job(&self, owner: OwnerId, new: &NewJob) -> Result<Job, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let attempt = new.attempt.as_ref();
        if let Some(known) = attempted(&transaction, "jobs", owner, attempt)? {
            return find(&transaction, owner, known);
        }
        let waiting: u32 = transaction.query_row(
            "SELECT count(*) FROM jobs WHERE owner_id = ?1 AND status = 'queued'",
            [owner.to_string()],
            |row| row.get(0),
        )?;
        if waiting >= WAITING_MAX {
            return Err(StoreError::Full { kind: "waiting jobs", limit: WAITING_MAX });
        }
        let run = new.run.as_ref();
        let run = run.map(|run| insert_run(&transaction, owner, run, RunStatus::Queued));
        let run = run.transpose()?;
        let id = JobId::new();
        transaction.execute(
            "INSERT INTO jobs (id, owner_id, kind, input, run_id, status, attempt_key,
                               attempt_sha256, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?8)",
            params![
                id.to_string(),
                owner.to_string(),
                new.kind.name(),
                to_json(&new.input),
                run.map(|run| run.to_string()),
                attempt.map(|attempt| &attempt.key),
                attempt.map(|attempt| attempt.request.to_string()),
                now_ms()
            ],
        )?;
        let job = find(&transaction, owner, id)?;
        transaction.commit()?;
        Ok(job)
    }

    /// A job.
    pub fn job(&self, owner: OwnerId, id: JobId) -> Result<Job, StoreError> {
        find(&*self.reader()?, owner, id)
    }

    /// Jobs, newest first.
    pub fn jobs(&self, owner: OwnerId, page: &PageOf) -> Result<Page<Job>, StoreError> {
        let jobs = list(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE j.owner_id = ?1 AND (?2 IS NULL OR j.id < ?2)
                 ORDER BY j.id DESC LIMIT ?3"
            ),
            params![owner.to_string(), page.cursor, page.fetched()],
            read_job,
        )?;
        Ok(page.page(jobs, |job| job.id.to_string()))
    }

    /// Takes the job that waits longest into work.
    pub fn begin_next_job(&self) -> Result<Option<Job>, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let sql = format!("{SELECT} WHERE j.status = 'queued' ORDER BY j.id LIMIT 1");
        let Some(mut job) = one(&transaction, &sql, [], read_job)? else { return Ok(None) };
        let now = now_ms();
        transaction.execute(
            "UPDATE jobs SET status = 'running', started_ms = ?2 WHERE id = ?1",
            params![job.id.to_string(), now],
        )?;
        if let Some(run) = job.run_id {
            set_run_status(&transaction, run, RunStatus::Running, None)?;
        }
        transaction.commit()?;
        (job.status, job.started_ms, job.queue_position) = (JobStatus::Running, Some(now), None);
        Ok(Some(job))
    }

    /// Notes how a job ended, and its run where that is not noted yet.
    pub fn finish_job(&self, job: &Job, finished: &Finished) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        finish(&transaction, job, finished)?;
        transaction.commit()?;
        Ok(())
    }

    /// Ends a job that waits. False where it is in work or has ended.
    pub fn cancel_waiting_job(&self, owner: OwnerId, id: JobId) -> Result<bool, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let job = find(&transaction, owner, id)?;
        if job.status != JobStatus::Queued {
            return Ok(false);
        }
        finish(&transaction, &job, &Finished::Cancelled)?;
        transaction.commit()?;
        Ok(true)
    }

    /// How many jobs wait and how many are in work, of all owners.
    pub fn job_counts(&self) -> Result<(u32, u32), StoreError> {
        Ok(self.reader()?.query_row(
            "SELECT count(*) FILTER (WHERE status = 'queued'),
                    count(*) FILTER (WHERE status = 'running') FROM jobs",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Marks what a killed process left in work. What waited still waits.
    pub(super) fn interrupt_left_behind(&self) -> Result<(), StoreError> {
        let detail = "the trainer ended while this was in work: start it again";
        let problem = Problem::new(INTERRUPTED, detail);
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        transaction.execute(
            "UPDATE runs SET status = 'interrupted', error = ?1, finished_ms = ?2
             WHERE status = 'running'",
            params![detail, now_ms()],
        )?;
        // The run was done and its model is there: only the job's end was not noted.
        transaction.execute(
            "UPDATE jobs SET status = 'succeeded', finished_ms = ?1, result =
                 (SELECT json_object('run_id', r.id, 'model', m.name, 'version', v.number,
                                     'artifact_sha256', v.artifact)
                  FROM runs r
                  JOIN models m ON m.owner_id = r.owner_id AND m.name = r.model_name
                  JOIN model_versions v ON v.model_id = m.id
                       AND v.artifact = r.report ->> '$.artifact_sha256'
                  WHERE r.id = jobs.run_id ORDER BY v.number DESC LIMIT 1)
             WHERE status = 'running'
               AND run_id IN (SELECT id FROM runs WHERE status = 'succeeded')",
            [now_ms()],
        )?;
        transaction.execute(
            "UPDATE jobs SET status = 'interrupted', error = ?1, finished_ms = ?2
             WHERE status = 'running'",
            params![problem.json().to_string(), now_ms()],
        )?;
        transaction.commit()?;
        Ok(())
    }
}

fn finish(connection: &Connection, job: &Job, finished: &Finished) -> Result<(), StoreError> {
    let (status, run_status, result, problem, detail) = match finished {
        Finished::Succeeded(result) => {
            (JobStatus::Succeeded, RunStatus::Succeeded, Some(to_json(result)), None, None)
        }
        Finished::Failed { problem, detail } => {
            (JobStatus::Failed, RunStatus::Failed, None, Some(to_json(problem)), Some(detail))
        }
        Finished::Cancelled => (JobStatus::Cancelled, RunStatus::Cancelled, None, None, None),
    };
    connection.execute(
        "UPDATE jobs SET status = ?2, result = ?3, error = ?4, finished_ms = ?5 WHERE id = ?1",
        params![job.id.to_string(), status.name(), result, problem, now_ms()],
    )?;
    if let Some(run) = job.run_id.filter(|_| status != JobStatus::Succeeded) {
        set_run_status(connection, run, run_status, detail.map(String::as_str))?;
    }
    Ok(())
}

fn find(connection: &Connection, owner: OwnerId, id: JobId) -> Result<Job, StoreError> {
    let sql = format!("{SELECT} WHERE j.owner_id = ?1 AND j.id = ?2");
    one(connection, &sql, params![owner.to_string(), id.to_string()], read_job)?
        .ok_or_else(|| unknown("job", id))
}

fn read_job(row: &Row<'_>) -> Result<Job, StoreError> {
    let run: Option<String> = plain(row, "run_id")?;
    Ok(Job {
        id: parsed(row, "id")?,
        kind: parsed(row, "kind")?,
        status: parsed(row, "status")?,
        run_id: if run.is_some() { Some(parsed(row, "run_id")?) } else { None },
        queue_position: plain(row, "position")?,
        result: optional_json(row, "result")?,
        error: optional_json(row, "error")?,
        created_ms: plain(row, "created_ms")?,
        started_ms: plain(row, "started_ms")?,
        finished_ms: plain(row, "finished_ms")?,
        owner: parsed(row, "owner_id")?,
        input: json(row, "input")?,
    })
}
