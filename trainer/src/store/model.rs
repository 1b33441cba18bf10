//! Models: named results with versions, each one artifact.

use model_format::id::Digest;
use model_format::manifest::Task;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::{
    ModelId, ModelVersionId, OwnerId, RunId, Store, StoreError, check_name, now_ms, parsed, plain,
};
use crate::nearest::nearest;

/// A named model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Identifier.
    pub id: ModelId,
    /// Name, unique for its owner.
    pub name: String,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// Its versions, newest first.
    pub versions: Vec<ModelVersion>,
}

/// One artifact of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelVersion {
    /// Identifier.
    pub id: ModelVersionId,
    /// Name of the model.
    pub model: String,
    /// 1, 2, 3, …
    pub number: u32,
    /// What the model answers.
    pub task: Task,
    /// Digest of the artifact's bytes.
    pub artifact_sha256: Digest,
    /// Digest of what made it.
    pub lineage_id: Digest,
    /// The run that made it.
    pub run_id: RunId,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// A proved artifact that is to become a model version.
#[derive(Clone, Debug, PartialEq)]
pub struct NewModelVersion {
    /// What the model answers.
    pub task: Task,
    /// Digest of the artifact's bytes.
    pub artifact_sha256: Digest,
    /// Digest of what made it.
    pub lineage_id: Digest,
    /// The run that made it.
    pub run_id: RunId,
}

const SELECT: &str = "SELECT v.id, m.name AS model, v.number, v.task, v.artifact, v.lineage,
        v.run_id, v.created_ms
 FROM model_versions v JOIN models m ON m.id = v.model_id";

impl Store {
    /// Refuses a model name that cannot be used, before anything is computed.
    pub fn check_model_name(name: &str) -> Result<(), StoreError> {
        check_name("model", name)
    }

    /// All models, by name.
    pub fn models(&self, owner: OwnerId) -> Result<Vec<Model>, StoreError> {
        let connection = self.reader()?;
        let mut statement = connection
            .prepare("SELECT id, name, created_ms FROM models WHERE owner_id = ?1 ORDER BY name")?;
        let mut rows = statement.query([owner.to_string()])?;
        let mut models = Vec::new();
        while let Some(row) = rows.next()? {
            models.push(read_model(&connection, row)?);
        }
        Ok(models)
    }

    /// The model of this name.
    pub fn model(&self, owner: OwnerId, name: &str) -> Result<Model, StoreError> {
        let models = self.models(owner)?;
        models.iter().find(|model| model.name == name).cloned().ok_or_else(|| StoreError::Unknown {
            kind: "model",
            name: name.to_owned(),
            nearest: nearest(name, models.iter().map(|model| model.name.as_str())),
        })
    }

    /// A version of the model of this name; the newest one where `number` is none.
    pub fn model_version(
        &self,
        owner: OwnerId,
        name: &str,
        number: Option<u32>,
    ) -> Result<ModelVersion, StoreError> {
        let model = self.model(owner, name)?;
        let wanted = |version: &&ModelVersion| number.is_none_or(|n| n == version.number);
        model.versions.iter().find(wanted).cloned().ok_or_else(|| StoreError::Unknown {
            kind: "model version",
            name: number.map_or_else(|| name.to_owned(), |number| format!("{name}@{number}")),
            nearest: model
                .versions
                .iter()
                .take(3)
                .map(|v| format!("{name}@{}", v.number))
                .collect(),
        })
    }

    /// Adds a version to the model of this name; makes the model where there is none. An artifact
    /// that is the newest version already stays that version.
    pub fn add_model_version(
        &self,
        owner: OwnerId,
        name: &str,
        new: &NewModelVersion,
    ) -> Result<ModelVersion, StoreError> {
        check_name("model", name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let model = match find_model(&transaction, owner, name)? {
            Some(model) => model,
            None => make_model(&transaction, owner, name)?,
        };
        let newest = read_versions(&transaction, model)?.into_iter().next();
        if let Some(newest) = newest.filter(|v| v.artifact_sha256 == new.artifact_sha256) {
            return Ok(newest);
        }
        transaction.execute(
            "INSERT INTO model_versions
                 (id, model_id, number, task, artifact, lineage, run_id, created_ms)
             SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7
             FROM model_versions WHERE model_id = ?2",
            params![
                ModelVersionId::new().to_string(),
                model.to_string(),
                task_name(new.task),
                new.artifact_sha256.to_string(),
                new.lineage_id.to_string(),
                new.run_id.to_string(),
                now_ms()
            ],
        )?;
        let version = read_versions(&transaction, model)?.swap_remove(0);
        transaction.commit()?;
        Ok(version)
    }
}

/// The word for a task in the database and for people.
pub(crate) fn task_name(task: Task) -> &'static str {
    match task {
        Task::Classification => "classification",
        Task::Regression => "regression",
        Task::Anomaly => "anomaly",
    }
}

fn parse_task(text: &str) -> Result<Task, StoreError> {
    [Task::Classification, Task::Regression, Task::Anomaly]
        .into_iter()
        .find(|&task| task_name(task) == text)
        .ok_or_else(|| StoreError::Damaged { column: "task", reason: format!("{text:?}") })
}

fn find_model(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
) -> Result<Option<ModelId>, StoreError> {
    connection
        .prepare("SELECT id FROM models WHERE owner_id = ?1 AND name = ?2")?
        .query_row([&owner.to_string(), name], |row| Ok(parsed(row, "id")))
        .optional()?
        .transpose()
}

fn make_model(connection: &Connection, owner: OwnerId, name: &str) -> Result<ModelId, StoreError> {
    let id = ModelId::new();
    connection.execute(
        "INSERT INTO models (id, owner_id, name, created_ms) VALUES (?1, ?2, ?3, ?4)",
        params![id.to_string(), owner.to_string(), name, now_ms()],
    )?;
    Ok(id)
}

fn read_model(connection: &Connection, row: &Row<'_>) -> Result<Model, StoreError> {
    let id: ModelId = parsed(row, "id")?;
    Ok(Model {
        id,
        name: plain(row, "name")?,
        created_ms: plain(row, "created_ms")?,
        versions: read_versions(connection, id)?,
    })
}

fn read_versions(connection: &Connection, model: ModelId) -> Result<Vec<ModelVersion>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("{SELECT} WHERE v.model_id = ?1 ORDER BY v.number DESC"))?;
    let mut rows = statement.query([model.to_string()])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        versions.push(ModelVersion {
            id: parsed(row, "id")?,
            model: plain(row, "model")?,
            number: plain(row, "number")?,
            task: parse_task(&plain::<String>(row, "task")?)?,
            artifact_sha256: parsed(row, "artifact")?,
            lineage_id: parsed(row, "lineage")?,
            run_id: parsed(row, "run_id")?,
            created_ms: plain(row, "created_ms")?,
        });
    }
    Ok(versions)
}
