//! Requests that may be asked again: by the key that a client chose, one answer.

use model_format::id::Digest;
use rusqlite::{Connection, params};

use super::{OwnerId, StoreError, one, parsed, plain};

/// What a client sends with a request to be able to ask again.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The key that it chose.
    pub key: String,
    /// Digest of the request: a key is for one request alone.
    pub request: Digest,
}

/// The identifier that this attempt was given before in `table`.
///
/// # Errors
/// Where the key was used for another request.
pub(super) fn attempted<Id>(
    connection: &Connection,
    table: &str,
    owner: OwnerId,
    attempt: Option<&Attempt>,
) -> Result<Option<Id>, StoreError>
where
    Id: std::str::FromStr,
    Id::Err: std::fmt::Display,
{
    let Some(attempt) = attempt else { return Ok(None) };
    let known = one(
        connection,
        &format!("SELECT id, attempt_sha256 FROM {table} WHERE owner_id = ?1 AND attempt_key = ?2"),
        params![owner.to_string(), attempt.key],
        |row| Ok((parsed(row, "id")?, plain::<String>(row, "attempt_sha256")?)),
    )?;
    match known {
        None => Ok(None),
        Some((id, request)) if request == attempt.request.to_string() => Ok(Some(id)),
        Some(_) => Err(StoreError::AttemptKey),
    }
}
