//! Enrolment tokens: what lets devices become known, so many times, until then.

use model_format::id::Digest;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    OwnerId, Page, PageOf, Store, StoreError, TokenId, list, now_ms, one, parsed, plain, unknown,
};

/// Most tokens of one owner.
const TOKENS_MAX: u32 = 1000;

/// What lets devices enrol, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EnrolmentToken {
    /// Identifier.
    pub id: TokenId,
    /// What it is for, for people.
    pub name: String,
    /// The group that its devices come into.
    pub device_group: Option<String>,
    /// How many devices may still enrol with it.
    pub uses_left: u32,
    /// When it ends, in milliseconds since 1970 UTC.
    pub expires_ms: i64,
    /// When it was made.
    pub created_ms: i64,
    /// Whose devices they become.
    #[serde(skip)]
    pub owner: OwnerId,
}

/// A token that is to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// The group that its devices come into.
    pub device_group: Option<String>,
    /// Digest of its secret.
    pub digest: Digest,
    /// How many devices may enrol with it.
    pub uses: u32,
    /// When it ends, in milliseconds since 1970 UTC.
    pub expires_ms: i64,
}

/// Why a token does not let a device enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Nobody made it, or it was deleted.
    #[error("the enrolment token is not known: make a new one")]
    Unknown,
    /// Its time is over.
    #[error("the enrolment token has expired: make a new one")]
    Expired,
    /// As many devices have enrolled as may.
    #[error("the enrolment token is used up: make a new one, with more uses")]
    UsedUp,
}

const SELECT: &str = "SELECT id, owner_id, name, device_group, uses_left, expires_ms, created_ms
 FROM enrolment_tokens";

impl Store {
    /// Keeps a token.
    pub fn add_token(&self, owner: OwnerId, new: &NewToken) -> Result<EnrolmentToken, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let tokens: u32 = transaction.query_row(
            "SELECT count(*) FROM enrolment_tokens WHERE owner_id = ?1",
            [owner.to_string()],
            |row| row.get(0),
        )?;
        if tokens >= TOKENS_MAX {
            return Err(StoreError::Full { kind: "enrolment tokens", limit: TOKENS_MAX });
        }
        let token = EnrolmentToken {
            id: TokenId::new(),
            name: new.name.clone(),
            device_group: new.device_group.clone(),
            uses_left: new.uses,
            expires_ms: new.expires_ms,
            created_ms: now_ms(),
            owner,
        };
        transaction.execute(
            "INSERT INTO enrolment_tokens
                 (id, owner_id, name, device_group, digest, uses_left, expires_ms, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                token.id.to_string(),
                owner.to_string(),
                token.name,
                token.device_group,
                new.digest.to_string(),
                token.uses_left,
                token.expires_ms,
                token.created_ms
            ],
        )?;
        transaction.commit()?;
        Ok(token)
    }

    /// Tokens, newest first.
    pub fn tokens(
        &self,
        owner: OwnerId,
        page: &PageOf,
    ) -> Result<Page<EnrolmentToken>, StoreError> {
        let tokens = list(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE owner_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
            ),
            params![owner.to_string(), page.cursor, page.fetched()],
            read_token,
        )?;
        Ok(page.page(tokens, |token| token.id.to_string()))
    }

    /// The token of this secret, whatever is left of it.
    pub fn token_of_secret(&self, secret: Digest) -> Result<Option<EnrolmentToken>, StoreError> {
        find_token(&*self.reader()?, secret)
    }

    /// Removes the tokens of this name that no device has used.
    pub fn delete_unused_tokens(&self, owner: OwnerId, name: &str) -> Result<(), StoreError> {
        self.writer().execute(
            "DELETE FROM enrolment_tokens WHERE owner_id = ?1 AND name = ?2
             AND NOT EXISTS (SELECT 1 FROM devices WHERE token_id = enrolment_tokens.id)",
            params![owner.to_string(), name],
        )?;
        Ok(())
    }

    /// Removes a token: it lets no further device enrol.
    pub fn delete_token(&self, owner: OwnerId, id: TokenId) -> Result<(), StoreError> {
        let deleted = self.writer().execute(
            "DELETE FROM enrolment_tokens WHERE id = ?1 AND owner_id = ?2",
            params![id.to_string(), owner.to_string()],
        )?;
        if deleted == 0 { Err(unknown("enrolment token", id)) } else { Ok(()) }
    }
}

/// The token of this secret, whatever is left of it.
pub(super) fn find_token(
    connection: &Connection,
    secret: Digest,
) -> Result<Option<EnrolmentToken>, StoreError> {
    one(connection, &format!("{SELECT} WHERE digest = ?1"), [secret.to_string()], read_token)
}

fn read_token(row: &Row<'_>) -> Result<EnrolmentToken, StoreError> {
    Ok(EnrolmentToken {
        id: parsed(row, "id")?,
        name: plain(row, "name")?,
        device_group: plain(row, "device_group")?,
        uses_left: plain(row, "uses_left")?,
        expires_ms: plain(row, "expires_ms")?,
        created_ms: plain(row, "created_ms")?,
        owner: parsed(row, "owner_id")?,
    })
}
