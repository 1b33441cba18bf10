//! Deployments: model versions assigned to devices. Of each name of a model, a device's newest one is
//! what it shall serve, unless it was withdrawn.

use model_format::id::Digest;
use model_format::protocol::{Limits, MODELS_MAX, ModelSignature};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::attempt::attempted;
use super::model::find_version;
use super::{
    Attempt, DeploymentId, DeviceId, OwnerId, Page, PageOf, Store, StoreError, json, list, now_ms,
    one, optional_json, optional_parsed, parsed, plain, to_json, unknown,
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
    /// Beyond these the device goes back to the model before.
    pub limits: Limits,
    /// The detached signature of the artifact, for the device.
    #[serde(skip)]
    pub signature: Option<ModelSignature>,
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
    /// A later deployment of the same name took its place.
    Replaced,
    /// It was taken away: the device shall serve nothing of this name.
    Withdrawn,
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
            DeploymentStatus::Withdrawn => "withdrawn",
        }
    }
}

impl std::str::FromStr for DeploymentStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use DeploymentStatus::{
            Downloading, Failed, Pending, Proving, Replaced, Serving, Withdrawn,
        };
        [Pending, Downloading, Proving, Serving, Failed, Replaced, Withdrawn]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| format!("{text:?} is no status"))
    }
}

const SELECT: &str = "SELECT p.id, p.device_id, d.name AS device, m.name AS model, v.number,
        v.artifact, v.signature, p.limits, p.status, p.error, p.proof, p.created_ms, p.changed_ms
 FROM deployments p
 JOIN devices d ON d.id = p.device_id
 JOIN model_versions v ON v.id = p.model_version_id
 JOIN models m ON m.id = v.model_id";

/// True for the newest deployment p of its name on its device.
pub(super) const IS_NEWEST: &str = "NOT EXISTS (
     SELECT 1 FROM deployments l JOIN model_versions lv ON lv.id = l.model_version_id
     WHERE l.device_id = p.device_id AND l.id > p.id
       AND lv.model_id = (SELECT model_id FROM model_versions WHERE id = p.model_version_id))";

impl Store {
    /// Assigns a version of a model (the newest one where `number` is none) to a device, in the place
    /// of what was deployed there of this name or beside the others. With an attempt that was made
    /// before, the deployment of then.
    pub fn deploy(
        &self,
        owner: OwnerId,
        device: DeviceId,
        (model, number): (&str, Option<u32>),
        limits: Limits,
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
        check_room(&transaction, device, model)?;
        let now = now_ms();
        transaction.execute(
            "UPDATE deployments SET status = 'replaced', changed_ms = ?2
             WHERE device_id = ?1 AND status NOT IN ('failed', 'replaced', 'withdrawn')
               AND model_version_id IN (SELECT id FROM model_versions WHERE model_id =
                   (SELECT model_id FROM model_versions WHERE id = ?3))",
            params![device.to_string(), now, model_version.to_string()],
        )?;
        let id = DeploymentId::new();
        transaction.execute(
            "INSERT INTO deployments (id, owner_id, device_id, model_version_id, status, limits,
                                      attempt_key, attempt_sha256, created_ms, changed_ms)
             VALUES (?1, ?2, ?3, ?4, 'pending', ?8, ?5, ?6, ?7, ?7)",
            params![
                id.to_string(),
                owner.to_string(),
                device.to_string(),
                model_version.to_string(),
                attempt.map(|attempt| &attempt.key),
                attempt.map(|attempt| attempt.request.to_string()),
                now,
                to_json(&limits)
            ],
        )?;
        let deployment = find(&transaction, owner, id)?;
        transaction.commit()?;
        Ok(deployment)
    }

    /// The newest deployment of a model on a device, if there is one.
    pub fn newest_deployment_of(
        &self,
        owner: OwnerId,
        device: DeviceId,
        model: &str,
    ) -> Result<Option<DeploymentId>, StoreError> {
        one(
            &*self.reader()?,
            "SELECT p.id FROM deployments p
             JOIN model_versions v ON v.id = p.model_version_id JOIN models m ON m.id = v.model_id
             WHERE p.owner_id = ?1 AND p.device_id = ?2 AND m.name = ?3
             ORDER BY p.id DESC LIMIT 1",
            params![owner.to_string(), device.to_string(), model],
            |row| parsed(row, "id"),
        )
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

    /// Takes a deployment away: the device shall serve nothing of this name any more, not what was
    /// deployed before it either. Done again, it changes nothing.
    pub fn withdraw(&self, owner: OwnerId, id: DeploymentId) -> Result<Deployment, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let deployment = find(&transaction, owner, id)?;
        if deployment.status == DeploymentStatus::Withdrawn {
            return Ok(deployment);
        }
        let is_newest: bool = transaction.query_row(
            &format!("SELECT {IS_NEWEST} FROM deployments p WHERE p.id = ?1"),
            [id.to_string()],
            |row| row.get(0),
        )?;
        if !is_newest {
            let reason = format!(
                "a later deployment of {} took its place on {}: take that one away",
                deployment.model, deployment.device
            );
            return Err(StoreError::InUse { kind: "deployment", name: id.to_string(), reason });
        }
        set_status(&transaction, id, DeploymentStatus::Withdrawn, None, None)?;
        let deployment = find(&transaction, owner, id)?;
        transaction.commit()?;
        Ok(deployment)
    }

    /// Whether a device shall serve this artifact: what it may download.
    pub fn is_deployed(&self, device: DeviceId, artifact: Digest) -> Result<bool, StoreError> {
        let desired = desired_deployments(&*self.reader()?, device)?;
        Ok(desired.iter().any(|deployment| deployment.artifact_sha256 == artifact))
    }
}

/// What a device shall serve, the newest first: one deployment of each name.
pub(super) fn desired_deployments(
    connection: &Connection,
    device: DeviceId,
) -> Result<Vec<Deployment>, StoreError> {
    let sql = format!(
        "{SELECT} WHERE p.device_id = ?1 AND p.status <> 'withdrawn' AND {IS_NEWEST}
         ORDER BY p.id DESC"
    );
    list(connection, &sql, [device.to_string()], read_deployment)
}

/// Refuses a name that the device would not take.
fn check_room(connection: &Connection, device: DeviceId, model: &str) -> Result<(), StoreError> {
    let desired = desired_deployments(connection, device)?;
    let is_there = desired.iter().any(|deployment| deployment.model == model);
    match desired.first() {
        Some(newest) if !is_there && desired.len() >= MODELS_MAX => Err(StoreError::InUse {
            kind: "device",
            name: newest.device.clone(),
            reason: format!("{MODELS_MAX} models are deployed to it: take one away first"),
        }),
        _ => Ok(()),
    }
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
        limits: json(row, "limits")?,
        signature: optional_parsed(row, "signature")?,
        status: parsed(row, "status")?,
        error: plain(row, "error")?,
        proof: optional_json(row, "proof")?,
        created_ms: plain(row, "created_ms")?,
        changed_ms: plain(row, "changed_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;

    #[test]
    fn what_a_device_served_before_there_were_names_is_what_it_shall_serve_after() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations().to_version(&mut connection, 3).unwrap();
        let id = |end: u8| format!("01890000-0000-7000-8000-0000000000{end:02}");
        let (owner, digest) = (OwnerId::LOCAL, "ab".repeat(32));
        let model = |model: u8, name: &str| {
            format!("INSERT INTO models VALUES ('{}', '{owner}', '{name}', 0);", id(model))
        };
        let version = |version: u8, model: u8, number: u8| {
            let (version, model, run) = (id(version), id(model), id(2));
            format!(
                "INSERT INTO model_versions VALUES ('{version}', '{model}', {number}, 'anomaly',
                     '{digest}', '{digest}', '{run}', 0, 'candidate');"
            )
        };
        let device = |device: u8| {
            format!(
                "INSERT INTO devices (id, owner_id, name, public_key, token_id, arch, version, created_ms)
                 VALUES ('{0}', '{owner}', '{device}', '{device}', '{1}', 'x', '0', 0);",
                id(device),
                id(3)
            )
        };
        let deployment = |deployment: u8, device: u8, version: u8, status: &str| {
            format!(
                "INSERT INTO deployments (id, owner_id, device_id, model_version_id, status, created_ms,
                     changed_ms) VALUES ('{}', '{owner}', '{}', '{}', '{status}', 0, 0);",
                id(deployment),
                id(device),
                id(version)
            )
        };
        let before = format!(
            "INSERT INTO datasets VALUES ('{0}', '{owner}', 'd', 0);
             INSERT INTO dataset_versions VALUES ('{1}', '{0}', 1, '{digest}', 0);
             INSERT INTO runs (id, owner_id, dataset_version_id, settings, model_name, status, created_ms)
             VALUES ('{2}', '{owner}', '{1}', '{{}}', 'm', 'succeeded', 0);",
            id(0),
            id(1),
            id(2)
        );
        let rows = [
            before,
            model(10, "a"),
            model(11, "b"),
            version(20, 10, 1),
            version(21, 10, 2),
            version(22, 11, 1),
            device(30),
            device(31),
            deployment(40, 30, 20, "replaced"),
            deployment(41, 30, 22, "replaced"),
            deployment(42, 30, 21, "serving"),
            deployment(43, 31, 20, "replaced"),
            deployment(44, 31, 22, "failed"),
        ];
        connection.execute_batch(&rows.concat()).unwrap();
        migrations().to_latest(&mut connection).unwrap();
        let sql = "SELECT status FROM deployments ORDER BY id";
        let statuses = list(&connection, sql, [], |row| plain::<String>(row, "status")).unwrap();
        assert_eq!(statuses, ["replaced", "withdrawn", "serving", "withdrawn", "failed"]);
        for (device, expected) in [(30, 42), (31, 44)] {
            let desired = desired_deployments(&connection, id(device).parse().unwrap()).unwrap();
            let ids: Vec<String> = desired.iter().map(|found| found.id.to_string()).collect();
            assert_eq!(ids, [id(expected)]);
        }
    }
}
