//! Devices: who they are, when they were last heard, and what they said.

use std::collections::BTreeSet;

use model_format::id::Digest;
use model_format::protocol::{DeploymentReport, DeploymentState, Heartbeat, PublicKey};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::deployment::{desired_deployments, set_status};
use super::token::find_token;
use super::{
    Deployment, DeploymentId, DeploymentStatus, DeviceId, OwnerId, Page, PageOf, Store, StoreError,
    TokenId, TokenRefusal, check_name, list, now_ms, one, optional_json, parsed, plain, to_json,
    unknown,
};

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Device {
    /// Identifier.
    pub id: DeviceId,
    /// Name, unique for its owner.
    pub name: String,
    /// The group that its token put it into.
    pub device_group: Option<String>,
    /// Its Ed25519 public key, as base64.
    #[schema(value_type = String)]
    pub public_key: PublicKey,
    /// Processor architecture.
    pub arch: String,
    /// Version of its program, as it last said.
    pub version: String,
    /// When it was last heard, in milliseconds since 1970 UTC.
    pub seen_ms: Option<i64>,
    /// What it said then.
    pub heartbeat: Option<Heartbeat>,
    /// When it enrolled.
    pub created_ms: i64,
    /// Whose it is.
    #[serde(skip)]
    pub owner: OwnerId,
    /// The token that let it in.
    #[serde(skip)]
    pub token: TokenId,
    /// Time of its newest request that was accepted.
    #[serde(skip)]
    pub request_ms: i64,
}

/// A device that wants to be known.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Digest of the token's secret.
    pub token: Digest,
    /// The name that it proposes.
    pub name: String,
    /// Its public key.
    pub public_key: PublicKey,
    /// Processor architecture.
    pub arch: String,
    /// Version of its program.
    pub version: String,
}

/// What a heartbeat came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// It was noted.
    Noted {
        /// What the device shall serve, the newest first: one deployment of each name.
        desired: Vec<Deployment>,
        /// Those of them that stand differently now.
        changed: Vec<DeploymentId>,
    },
    /// A newer request was accepted already: this one may be a recording.
    Old,
}

const SELECT: &str = "SELECT id, owner_id, name, device_group, public_key, token_id, arch, version,
        request_ms, heartbeat, seen_ms, created_ms
 FROM devices";

/// How often a number is put behind a name that another device has.
const NAMES_MAX: u32 = 10_000;

impl Store {
    /// Makes a device known. One that asks again with the same key is the same device.
    pub fn enrol_device(
        &self,
        new: &NewDevice,
    ) -> Result<Result<Device, TokenRefusal>, StoreError> {
        check_name("device", &new.name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let Some(token) = find_token(&transaction, new.token)? else {
            return Ok(Err(TokenRefusal::Unknown));
        };
        let known = one(
            &transaction,
            &format!("{SELECT} WHERE public_key = ?1"),
            [new.public_key.to_string()],
            read_device,
        )?;
        if let Some(device) = &known {
            // A key that enrolled for another owner is no business of this one.
            if device.owner != token.owner {
                return Ok(Err(TokenRefusal::Unknown));
            }
            // The answer may have been lost: the token that let it in is good for asking again.
            if device.token == token.id {
                return Ok(Ok(device.clone()));
            }
        }
        if token.expires_ms <= now_ms() {
            return Ok(Err(TokenRefusal::Expired));
        }
        if token.uses_left == 0 {
            return Ok(Err(TokenRefusal::UsedUp));
        }
        if let Some(device) = known {
            return Ok(Ok(device));
        }
        let id = DeviceId::new();
        let name = free_name(&transaction, token.owner, &new.name)?;
        transaction.execute(
            "INSERT INTO devices (id, owner_id, name, device_group, public_key, token_id, arch,
                                  version, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                id.to_string(),
                token.owner.to_string(),
                name,
                token.device_group,
                new.public_key.to_string(),
                token.id.to_string(),
                new.arch,
                new.version,
                now_ms()
            ],
        )?;
        transaction.execute(
            "UPDATE enrolment_tokens SET uses_left = uses_left - 1 WHERE id = ?1",
            [token.id.to_string()],
        )?;
        let device = find(&transaction, id)?;
        transaction.commit()?;
        Ok(Ok(device))
    }

    /// The device of this identifier, whoever has it: for its own signed requests.
    pub fn any_device(&self, id: DeviceId) -> Result<Device, StoreError> {
        find(&*self.reader()?, id)
    }

    /// A device.
    pub fn device(&self, owner: OwnerId, id: DeviceId) -> Result<Device, StoreError> {
        let device = find(&*self.reader()?, id)?;
        if device.owner == owner { Ok(device) } else { Err(unknown("device", id)) }
    }

    /// The newest device that has enrolled with a token of this name.
    pub fn device_enrolled_by(
        &self,
        owner: OwnerId,
        token_name: &str,
    ) -> Result<Option<Device>, StoreError> {
        one(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE owner_id = ?1 AND token_id IN
                     (SELECT id FROM enrolment_tokens WHERE owner_id = ?1 AND name = ?2)
                 ORDER BY id DESC LIMIT 1"
            ),
            params![owner.to_string(), token_name],
            read_device,
        )
    }

    /// The identifiers of all devices, whoever has them.
    pub fn device_ids(&self) -> Result<BTreeSet<String>, StoreError> {
        let ids = list(&*self.reader()?, "SELECT id FROM devices", [], |row| plain(row, "id"))?;
        Ok(ids.into_iter().collect())
    }

    /// Devices, by name.
    pub fn devices(&self, owner: OwnerId, page: &PageOf) -> Result<Page<Device>, StoreError> {
        let devices = list(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE owner_id = ?1 AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3"
            ),
            params![owner.to_string(), page.cursor, page.fetched()],
            read_device,
        )?;
        Ok(page.page(devices, |device| device.name.clone()))
    }

    /// Removes a device with its deployments: its requests are refused from now on.
    pub fn delete_device(&self, owner: OwnerId, id: DeviceId) -> Result<(), StoreError> {
        let deleted = self.writer().execute(
            "DELETE FROM devices WHERE id = ?1 AND owner_id = ?2",
            params![id.to_string(), owner.to_string()],
        )?;
        if deleted == 0 { Err(unknown("device", id)) } else { Ok(()) }
    }

    /// Notes a heartbeat that was signed at `request_ms`, and how the deployments stand that it
    /// speaks of.
    pub fn note_heartbeat(
        &self,
        id: DeviceId,
        request_ms: i64,
        heartbeat: &Heartbeat,
    ) -> Result<Heard, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        // Proofs stand with the deployments; a device's row need not carry them again.
        let mut kept = heartbeat.clone();
        let of_names = kept.models.iter_mut().filter_map(|model| model.deployment.as_mut());
        for report in kept.deployment.iter_mut().chain(of_names) {
            report.proof = None;
        }
        let noted = transaction.execute(
            "UPDATE devices SET request_ms = ?2, heartbeat = ?3, seen_ms = ?4, version = ?5
             WHERE id = ?1 AND request_ms < ?2",
            params![id.to_string(), request_ms, to_json(&kept), now_ms(), heartbeat.version],
        )?;
        if noted == 0 {
            return Ok(Heard::Old);
        }
        let mut desired = desired_deployments(&transaction, id)?;
        let mut changed = Vec::new();
        let of_names = heartbeat.models.iter().filter_map(|model| model.deployment.as_ref());
        let reports: Vec<&DeploymentReport> = heartbeat.deployment.iter().chain(of_names).collect();
        for deployment in &mut desired {
            for report in &reports {
                if note_report(&transaction, deployment, report)? {
                    changed.push(deployment.id);
                }
            }
        }
        transaction.commit()?;
        Ok(Heard::Noted { desired, changed })
    }
}

/// Notes what a device says of a deployment, if it is the one that counts; true where it is news.
fn note_report(
    connection: &Connection,
    deployment: &mut Deployment,
    report: &DeploymentReport,
) -> Result<bool, StoreError> {
    let status = match report.state {
        DeploymentState::Downloading => DeploymentStatus::Downloading,
        DeploymentState::Proving => DeploymentStatus::Proving,
        DeploymentState::Serving => DeploymentStatus::Serving,
        DeploymentState::Failed => DeploymentStatus::Failed,
    };
    if deployment.id.to_string() != report.deployment_id || deployment.status == status {
        return Ok(false);
    }
    deployment.status = status;
    set_status(connection, deployment.id, status, report.error.as_deref(), report.proof.as_ref())?;
    Ok(true)
}

/// The name, or the name with a number behind it where another device has it.
fn free_name(connection: &Connection, owner: OwnerId, name: &str) -> Result<String, StoreError> {
    for number in 1..=NAMES_MAX {
        let tried = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let taken: bool = connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM devices WHERE owner_id = ?1 AND name = ?2)",
            params![owner.to_string(), tried],
            |row| row.get(0),
        )?;
        if !taken {
            return Ok(tried);
        }
    }
    Err(StoreError::Full { kind: "devices of this name", limit: NAMES_MAX })
}

fn find(connection: &Connection, id: DeviceId) -> Result<Device, StoreError> {
    one(connection, &format!("{SELECT} WHERE id = ?1"), [id.to_string()], read_device)?
        .ok_or_else(|| unknown("device", id))
}

fn read_device(row: &Row<'_>) -> Result<Device, StoreError> {
    Ok(Device {
        id: parsed(row, "id")?,
        name: plain(row, "name")?,
        device_group: plain(row, "device_group")?,
        public_key: parsed(row, "public_key")?,
        arch: plain(row, "arch")?,
        version: plain(row, "version")?,
        seen_ms: plain(row, "seen_ms")?,
        heartbeat: optional_json(row, "heartbeat")?,
        created_ms: plain(row, "created_ms")?,
        owner: parsed(row, "owner_id")?,
        token: parsed(row, "token_id")?,
        request_ms: plain(row, "request_ms")?,
    })
}
