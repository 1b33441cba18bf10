//! Deployments: model versions assigned to devices. A device's newest one is what it shall serve.

use model_format::id::Digest;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::attempt::attempted;
use super::model::find_version;
use super::{
    Attempt, DeploymentId, DeviceId, OwnerId, Page, PageOf, Store, StoreError, list, now_ms, one,
    optional_json, parsed, plain, to_json, unknown,
};

/// A model version assigned to a device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Deployment {
    /// Identifier.
    pub id: DeploymentId,
    /// The device.
    pub device_id: DeviceId,
    /// Name of the device.
    pub device: String,
    /// Name of the model.
    pub model: String,
    /// Number of its version.
    pub version: u32,
    /// Digest of the artifact.
    pub artifact_sha256: Digest,
    /// How it stands on the device.
    pub status: DeploymentStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// The device's own proof, with the latency that it measured.
    #[schema(value_type = Option<Object>)]
    pub proof: Option<Value>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When its status last changed.
    pub changed_ms: i64,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStatus {
    /// The device has not asked yet.
    Pending,
    /// The artifact is on its way.
    Downloading,
    /// The device replays the golden windows.
    Proving,
    /// The model answers.
    Serving,
    /// The device did not take it into service.
    Failed,
    /// A later deployment took its place.
    Replaced,
}

impl DeploymentStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            DeploymentStatus::Pending => "pending",
            DeploymentStatus::Downloading => "downloading",
            DeploymentStatus::Proving => "proving",
            DeploymentStatus::Serving => "serving",
            DeploymentStatus::Failed => "failed",
            DeploymentStatus::Replaced => "replaced",
        }
    }
}

impl std::str::FromStr for DeploymentStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use DeploymentStatus::{Downloading, Failed, Pending, Proving, Replaced, Serving};
        [Pending, Downloading, Proving, Serving, Failed, Replaced]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| format!("{text:?} is no status"))
    }
}

const SELECT: &str = "SELECT p.id, p.device_id, d.name AS device, m.name AS model, v.number,
        v.artifact, p.status, p.error, p.proof, p.created_ms, p.changed_ms
 FROM deployments p
 JOIN devices d ON d.id = p.device_id
 JOIN model_versions v ON v.id = p.model_version_id
 JOIN models m ON m.id = v.model_id";

impl Store {
    /// Assigns a version of a model (the newest one where `number` is none) to a device. With an
    /// attempt that was made before, the deployment of then.
    pub fn deploy(
        &self,
        owner: OwnerId,
        device: DeviceId,
        (model, number): (&str, Option<u32>),
        attempt: Option<&Attempt>,
    ) -> Result<Deployment, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        if let Some(known) = attempted(&transaction, "deployments", owner, attempt)? {
            return find(&transaction, owner, known);
        }
        let model_version = find_version(&transaction, owner, model, number)?.id;
        let owned: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM devices WHERE id = ?1 AND owner_id = ?2)",
            params![device.to_string(), owner.to_string()],
            |row| row.get(0),
        )?;
        if !owned {
            return Err(unknown("device", device));
        }
        let now = now_ms();
        transaction.execute(
            "UPDATE deployments SET status = 'replaced', changed_ms = ?2
             WHERE device_id = ?1 AND status NOT IN ('failed', 'replaced')",
            params![device.to_string(), now],
        )?;
        let id = DeploymentId::new();
        transaction.execute(
            "INSERT INTO deployments (id, owner_id, device_id, model_version_id, status,
                                      attempt_key, attempt_sha256, created_ms, changed_ms)
             VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?7)",
            params![
                id.to_string(),
                owner.to_string(),
                device.to_string(),
                model_version.to_string(),
                attempt.map(|attempt| &attempt.key),
                attempt.map(|attempt| attempt.request.to_string()),
                now
            ],
        )?;
        let deployment = find(&transaction, owner, id)?;
        transaction.commit()?;
        Ok(deployment)
    }

    /// A deployment.
    pub fn deployment(&self, owner: OwnerId, id: DeploymentId) -> Result<Deployment, StoreError> {
        find(&*self.reader()?, owner, id)
    }

    /// Deployments, newest first; those of one device where it is named.
    pub fn deployments(
        &self,
        owner: OwnerId,
        device: Option<DeviceId>,
        page: &PageOf,
    ) -> Result<Page<Deployment>, StoreError> {
        let deployments = list(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE p.owner_id = ?1 AND (?2 IS NULL OR p.device_id = ?2)
                 AND (?3 IS NULL OR p.id < ?3) ORDER BY p.id DESC LIMIT ?4"
            ),
            params![
                owner.to_string(),
                device.map(|device| device.to_string()),
                page.cursor,
                page.fetched()
            ],
            read_deployment,
        )?;
        Ok(page.page(deployments, |deployment| deployment.id.to_string()))
    }

    /// Whether the newest deployment of a device has this artifact: what it may download.
    pub fn is_deployed(&self, device: DeviceId, artifact: Digest) -> Result<bool, StoreError> {
        let newest = newest_deployment(&*self.reader()?, device)?;
        Ok(newest.is_some_and(|deployment| deployment.artifact_sha256 == artifact))
    }
}

/// The newest deployment of a device.
pub(super) fn newest_deployment(
    connection: &Connection,
    device: DeviceId,
) -> Result<Option<Deployment>, StoreError> {
    let sql = format!("{SELECT} WHERE p.device_id = ?1 ORDER BY p.id DESC LIMIT 1");
    one(connection, &sql, [device.to_string()], read_deployment)
}

/// Notes how a deployment stands.
pub(super) fn set_status(
    connection: &Connection,
    id: DeploymentId,
    status: DeploymentStatus,
    error: Option<&str>,
    proof: Option<&Value>,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE deployments SET status = ?2, error = ?3, proof = coalesce(?4, proof),
                                changed_ms = ?5
         WHERE id = ?1",
        params![id.to_string(), status.name(), error, proof.map(to_json), now_ms()],
    )?;
    Ok(())
}

fn find(
    connection: &Connection,
    owner: OwnerId,
    id: DeploymentId,
) -> Result<Deployment, StoreError> {
    let sql = format!("{SELECT} WHERE p.owner_id = ?1 AND p.id = ?2");
    one(connection, &sql, params![owner.to_string(), id.to_string()], read_deployment)?
        .ok_or_else(|| unknown("deployment", id))
}

fn read_deployment(row: &Row<'_>) -> Result<Deployment, StoreError> {
    Ok(Deployment {
        id: parsed(row, "id")?,
        device_id: parsed(row, "device_id")?,
        device: plain(row, "device")?,
        model: plain(row, "model")?,
        version: plain(row, "number")?,
        artifact_sha256: parsed(row, "artifact")?,
        status: parsed(row, "status")?,
        error: plain(row, "error")?,
        proof: optional_json(row, "proof")?,
        created_ms: plain(row, "created_ms")?,
        changed_ms: plain(row, "changed_ms")?,
    })
}
