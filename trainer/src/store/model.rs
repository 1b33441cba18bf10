//! Models: named results with versions, each one artifact.

use model_format::id::Digest;
use model_format::manifest::Task;
use model_format::protocol::ModelSignature;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deployment::IS_NEWEST;
use super::loose::note_loose_file;
use super::run::{note_model_version, note_success};
use super::{
    ModelId, ModelVersionId, OwnerId, Page, PageOf, RunId, Store, StoreError, check_name, list,
    now_ms, one, optional_parsed, parsed, plain,
};
use crate::data_folder::{artifact_file, proof_file};
use crate::nearest::nearest;
use crate::training::{RunCurves, RunReport};

/// A named model.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ModelVersion {
    /// Identifier.
    pub id: ModelVersionId,
    /// Name of the model.
    pub model: String,
    /// 1, 2, 3, …
    pub number: u32,
    /// What the model answers.
    pub task: Task,
    /// What it is good for now.
    pub stage: Stage,
    /// Digest of the artifact's bytes.
    pub artifact_sha256: Digest,
    /// The detached signature of the artifact, as base64; devices that trust keys want one.
    #[schema(value_type = Option<String>)]
    pub signature: Option<ModelSignature>,
    /// Digest of what made it.
    pub lineage_id: Digest,
    /// The run that made it.
    pub run_id: RunId,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// What a model version is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It may become the one in production.
    Candidate,
    /// The one to use; a model has at most one.
    Production,
    /// Kept for the record.
    Archived,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Candidate => "candidate",
            Stage::Production => "production",
            Stage::Archived => "archived",
        }
    }
}

impl std::str::FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Stage::Candidate, Stage::Production, Stage::Archived]
            .into_iter()
            .find(|stage| stage.name() == text)
            .ok_or_else(|| format!("{text:?} is no stage"))
    }
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
        v.run_id, v.created_ms, v.stage, v.signature
 FROM model_versions v JOIN models m ON m.id = v.model_id";

impl Store {
    /// Refuses a model name that cannot be used, before anything is computed.
    pub fn check_model_name(name: &str) -> Result<(), StoreError> {
        check_name("model", name)
    }

    /// Models, by name.
    pub fn models(&self, owner: OwnerId, page: &PageOf) -> Result<Page<Model>, StoreError> {
        let connection = self.reader()?;
        let models = list(
            &connection,
            "SELECT id, name, created_ms FROM models
             WHERE owner_id = ?1 AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3",
            params![owner.to_string(), page.cursor, page.fetched()],
            |row| read_model(&connection, row),
        )?;
        Ok(page.page(models, |model| model.name.clone()))
    }

    /// The model of this name.
    pub fn model(&self, owner: OwnerId, name: &str) -> Result<Model, StoreError> {
        named_model(&*self.reader()?, owner, name)
    }

    /// A version of the model of this name; the newest one where `number` is none.
    pub fn model_version(
        &self,
        owner: OwnerId,
        name: &str,
        number: Option<u32>,
    ) -> Result<ModelVersion, StoreError> {
        find_version(&*self.reader()?, owner, name, number)
    }

    /// Notes that a run succeeded, with its report, and adds what it made as a version of the model
    /// of this name; makes the model where there is none. An artifact that is the newest version
    /// already stays that version.
    pub fn succeed_run(
        &self,
        owner: OwnerId,
        name: &str,
        new: &NewModelVersion,
        report: &RunReport,
        curves: &RunCurves,
    ) -> Result<ModelVersion, StoreError> {
        check_name("model", name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let model = match find_model(&transaction, owner, name)? {
            Some(model) => model,
            None => make_model(&transaction, owner, name)?,
        };
        let newest = read_versions(&transaction, model)?.into_iter().next();
        note_success(&transaction, new.run_id, report, curves)?;
        if let Some(newest) = newest.filter(|v| v.artifact_sha256 == new.artifact_sha256) {
            note_model_version(&transaction, new.run_id, newest.id)?;
            transaction.commit()?;
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
        note_model_version(&transaction, new.run_id, version.id)?;
        transaction.commit()?;
        Ok(version)
    }
}

impl Store {
    /// Changes what a version is good for. A model has one version in production: the one before
    /// is archived.
    pub fn set_stage(
        &self,
        owner: OwnerId,
        name: &str,
        number: u32,
        stage: Stage,
    ) -> Result<ModelVersion, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let version = find_version(&transaction, owner, name, Some(number))?;
        if stage == Stage::Production {
            transaction.execute(
                "UPDATE model_versions SET stage = 'archived'
                 WHERE stage = 'production' AND id <> ?1
                   AND model_id = (SELECT model_id FROM model_versions WHERE id = ?1)",
                [version.id.to_string()],
            )?;
        }
        transaction.execute(
            "UPDATE model_versions SET stage = ?2 WHERE id = ?1",
            params![version.id.to_string(), stage.name()],
        )?;
        transaction.commit()?;
        Ok(ModelVersion { stage, ..version })
    }

    /// Attaches a detached signature to a version, in the place of the one before: deployments carry
    /// it to devices.
    pub fn set_signature(
        &self,
        owner: OwnerId,
        name: &str,
        number: Option<u32>,
        signature: ModelSignature,
    ) -> Result<ModelVersion, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let version = find_version(&transaction, owner, name, number)?;
        transaction.execute(
            "UPDATE model_versions SET signature = ?2 WHERE id = ?1",
            params![version.id.to_string(), signature.to_string()],
        )?;
        transaction.commit()?;
        Ok(ModelVersion { signature: Some(signature), ..version })
    }

    /// Removes versions of a model (all of them where `number` is none, and the model with them);
    /// their files become loose. One that is in production or that a device serves or shall serve is
    /// in use.
    pub fn delete_model(
        &self,
        owner: OwnerId,
        name: &str,
        number: Option<u32>,
    ) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let model = named_model(&transaction, owner, name)?;
        let versions = match number {
            None => model.versions,
            Some(_) => vec![find_version(&transaction, owner, name, number)?],
        };
        for version in &versions {
            delete_version(&transaction, version)?;
        }
        let left: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM model_versions WHERE model_id = ?1)",
            [model.id.to_string()],
            |row| row.get(0),
        )?;
        if !left {
            transaction.execute("DELETE FROM models WHERE id = ?1", [model.id.to_string()])?;
        }
        for version in &versions {
            let artifact = version.artifact_sha256;
            for path in [artifact_file(artifact), proof_file(artifact)] {
                let path = path.display().to_string();
                note_loose_file(&transaction, &path, &artifact.to_string())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Removes a version with the record of its past deployments, unless it is in use.
fn delete_version(connection: &Connection, version: &ModelVersion) -> Result<(), StoreError> {
    let in_use = |reason: String| StoreError::InUse {
        kind: "model version",
        name: format!("{}@{}", version.model, version.number),
        reason,
    };
    if version.stage == Stage::Production {
        return Err(in_use("it is in production: give it another stage first".to_owned()));
    }
    let devices = list(
        connection,
        &format!(
            "SELECT DISTINCT d.name FROM devices d JOIN deployments p ON p.device_id = d.id
             WHERE p.model_version_id = ?1 AND p.status <> 'withdrawn' AND {IS_NEWEST}
             ORDER BY d.name LIMIT 5"
        ),
        [version.id.to_string()],
        |row| plain::<String>(row, "name"),
    )?;
    if !devices.is_empty() {
        let devices = devices.join(", ");
        return Err(in_use(format!(
            "deployed to {devices}: deploy another version there, or take it away, first"
        )));
    }
    connection
        .execute("DELETE FROM deployments WHERE model_version_id = ?1", [version.id.to_string()])?;
    connection.execute("DELETE FROM model_versions WHERE id = ?1", [version.id.to_string()])?;
    Ok(())
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

/// The model of this name.
fn named_model(connection: &Connection, owner: OwnerId, name: &str) -> Result<Model, StoreError> {
    let found = one(
        connection,
        "SELECT id, name, created_ms FROM models WHERE owner_id = ?1 AND name = ?2",
        params![owner.to_string(), name],
        |row| read_model(connection, row),
    )?;
    if let Some(model) = found {
        return Ok(model);
    }
    let names: Vec<String> = list(
        connection,
        "SELECT name FROM models WHERE owner_id = ?1 ORDER BY name",
        [owner.to_string()],
        |row| plain(row, "name"),
    )?;
    Err(StoreError::Unknown {
        kind: "model",
        name: name.to_owned(),
        nearest: nearest(name, names.iter().map(String::as_str)),
    })
}

/// A version of the model of this name; the newest one where `number` is none.
pub(super) fn find_version(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
    number: Option<u32>,
) -> Result<ModelVersion, StoreError> {
    let model = named_model(connection, owner, name)?;
    let wanted = |version: &&ModelVersion| number.is_none_or(|n| n == version.number);
    let version_name = |number| format!("{name}@{number}");
    model.versions.iter().find(wanted).cloned().ok_or_else(|| StoreError::Unknown {
        kind: "model version",
        name: number.map_or_else(|| name.to_owned(), version_name),
        nearest: model.versions.iter().take(3).map(|v| version_name(v.number)).collect(),
    })
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
            stage: parsed(row, "stage")?,
            task: parse_task(&plain::<String>(row, "task")?)?,
            artifact_sha256: parsed(row, "artifact")?,
            signature: optional_parsed(row, "signature")?,
            lineage_id: parsed(row, "lineage")?,
            run_id: parsed(row, "run_id")?,
            created_ms: plain(row, "created_ms")?,
        });
    }
    Ok(versions)
}
