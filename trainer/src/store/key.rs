//! API keys: what programs sign in with. Only a digest is kept.

use model_format::id::Digest;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::user::{Role, read_user};
use super::{
    KeyId, Page, PageOf, Store, StoreError, User, UserId, check_name, json, list, now_ms, one,
    parsed, plain, taken, to_json, unknown,
};

/// Most keys of one user.
const KEYS_MAX: u32 = 100;

/// A use is noted at most so often, so that reading does not always write.
const USE_NOTED_MS: i64 = 60_000;

/// What a program signs in with, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ApiKey {
    /// Identifier.
    pub id: KeyId,
    /// Name, unique for its user.
    pub name: String,
    /// The first characters, to tell keys apart.
    pub start: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub used_ms: Option<i64>,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at everything that the user may see.
    Read,
    /// Upload, import, label, share and delete data.
    Data,
    /// Train, evaluate, stage and delete models.
    Training,
    /// Enrol devices, deploy to them, delete them.
    Devices,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 4] = [Scope::Read, Scope::Data, Scope::Training, Scope::Devices];

    /// The word in JSON and for people.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Data => "data",
            Scope::Training => "training",
            Scope::Devices => "devices",
        }
    }

    /// The least role whose users may do that, themselves or by their keys.
    pub fn least_role(self) -> Role {
        match self {
            Scope::Read => Role::Viewer,
            Scope::Data => Role::Annotator,
            Scope::Training | Scope::Devices => Role::Engineer,
        }
    }
}

/// Whose a key is, and what it may be used for.
#[derive(Clone, Debug)]
pub struct KeyUser {
    /// The user.
    pub user: User,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The key's name.
    pub name: String,
}

/// A key that is to be kept.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Name, unique for its user.
    pub name: String,
    /// The first characters of the secret.
    pub start: String,
    /// Digest of the secret.
    pub digest: Digest,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it ends, in milliseconds since 1970 UTC.
    pub expires_ms: Option<i64>,
}

impl Store {
    /// Keeps a key.
    pub fn add_key(&self, user: UserId, new: &NewKey) -> Result<ApiKey, StoreError> {
        check_name("key", &new.name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let keys: u32 = transaction.query_row(
            "SELECT count(*) FROM api_keys WHERE user_id = ?1",
            [user.to_string()],
            |row| row.get(0),
        )?;
        if keys >= KEYS_MAX {
            return Err(StoreError::Full { kind: "keys", limit: KEYS_MAX });
        }
        let key = ApiKey {
            id: KeyId::new(),
            name: new.name.clone(),
            start: new.start.clone(),
            scopes: new.scopes.clone(),
            created_ms: now_ms(),
            expires_ms: new.expires_ms,
            used_ms: None,
        };
        transaction
            .execute(
                "INSERT INTO api_keys
                     (id, user_id, name, start, digest, scopes, created_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    key.id.to_string(),
                    user.to_string(),
                    key.name,
                    key.start,
                    new.digest.to_string(),
                    to_json(&key.scopes),
                    key.created_ms,
                    key.expires_ms
                ],
            )
            .map_err(taken("key", &new.name))?;
        transaction.commit()?;
        Ok(key)
    }

    /// The keys of a user, by name.
    pub fn keys(&self, user: UserId, page: &PageOf) -> Result<Page<ApiKey>, StoreError> {
        let keys = list(
            &*self.reader()?,
            "SELECT id, name, start, scopes, created_ms, expires_ms, used_ms FROM api_keys
             WHERE user_id = ?1 AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3",
            params![user.to_string(), page.cursor, page.fetched()],
            read_key,
        )?;
        Ok(page.page(keys, |key| key.name.clone()))
    }

    /// Whose a key is that has not expired at `now_ms`, and what it may do.
    pub fn key_user(&self, secret: Digest, now_ms: i64) -> Result<Option<KeyUser>, StoreError> {
        let found = one(
            &*self.reader()?,
            "SELECT u.id, u.owner_id, u.name, u.role, u.created_ms, k.scopes,
                    k.name AS key_name, coalesce(k.used_ms, 0) AS used_ms
             FROM api_keys k JOIN users u ON u.id = k.user_id
             WHERE k.digest = ?1 AND (k.expires_ms IS NULL OR k.expires_ms > ?2)",
            params![secret.to_string(), now_ms],
            |row| {
                let scopes: Vec<Scope> = json(row, "scopes")?;
                let name = plain(row, "key_name")?;
                let key = KeyUser { user: read_user(row)?, scopes, name };
                Ok((key, plain::<i64>(row, "used_ms")?))
            },
        )?;
        let Some((key, used_ms)) = found else { return Ok(None) };
        if now_ms - used_ms > USE_NOTED_MS {
            self.writer().execute(
                "UPDATE api_keys SET used_ms = ?2 WHERE digest = ?1",
                params![secret.to_string(), now_ms],
            )?;
        }
        Ok(Some(key))
    }

    /// Removes a key: it is refused from now on.
    pub fn delete_key(&self, user: UserId, id: KeyId) -> Result<(), StoreError> {
        let deleted = self.writer().execute(
            "DELETE FROM api_keys WHERE id = ?1 AND user_id = ?2",
            params![id.to_string(), user.to_string()],
        )?;
        if deleted == 0 { Err(unknown("key", id)) } else { Ok(()) }
    }
}

fn read_key(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: parsed(row, "id")?,
        name: plain(row, "name")?,
        start: plain(row, "start")?,
        scopes: json(row, "scopes")?,
        created_ms: plain(row, "created_ms")?,
        expires_ms: plain(row, "expires_ms")?,
        used_ms: plain(row, "used_ms")?,
    })
}
