//! Uploads: files on their way in, part by part.

use model_format::id::Digest;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::attempt::attempted;
use super::loose::note_loose_file;
use super::{
    Attempt, OwnerId, Page, PageOf, Store, StoreError, UploadId, count, list, now_ms, one, parsed,
    plain, unknown,
};
use crate::data_folder::upload_file;

/// Most uploads of one owner.
pub(super) const UPLOADS_MAX: u32 = 10_000;

/// A file on its way in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Upload {
    /// Identifier.
    pub id: UploadId,
    /// Its path as the client has it, with `/`: folders may be labels.
    pub name: String,
    /// Size of the whole file.
    pub size_bytes: u64,
    /// How much of it is here: where the next part begins.
    pub received_bytes: u64,
    /// Digest of the whole file, if the client told it: it is checked with the last part.
    pub sha256: Option<Digest>,
    /// True once all of it is here.
    pub complete: bool,
    /// When it was begun, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// An upload that is to begin.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its path as the client has it.
    pub name: String,
    /// Size of the whole file.
    pub size_bytes: u64,
    /// Digest of the whole file.
    pub sha256: Option<Digest>,
    /// What the client sends to be able to ask again.
    pub attempt: Option<Attempt>,
}

const SELECT: &str = "SELECT id, name, size_bytes, received_bytes, sha256, created_ms FROM uploads";

impl Store {
    /// Begins an upload. With an attempt that was made before, the upload of then.
    pub fn begin_upload(&self, owner: OwnerId, new: &NewUpload) -> Result<Upload, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let attempt = new.attempt.as_ref();
        if let Some(known) = attempted(&transaction, "uploads", owner, attempt)? {
            return find(&transaction, owner, known);
        }
        let uploads: u32 = transaction.query_row(
            "SELECT count(*) FROM uploads WHERE owner_id = ?1",
            [owner.to_string()],
            |row| row.get(0),
        )?;
        if uploads >= UPLOADS_MAX {
            return Err(StoreError::Full { kind: "uploads", limit: UPLOADS_MAX });
        }
        let id = UploadId::new();
        transaction.execute(
            "INSERT INTO uploads
                 (id, owner_id, name, size_bytes, received_bytes, sha256, attempt_key,
                  attempt_sha256, created_ms)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8)",
            params![
                id.to_string(),
                owner.to_string(),
                new.name,
                i64::try_from(new.size_bytes).unwrap_or(i64::MAX),
                new.sha256.map(|digest| digest.to_string()),
                attempt.map(|attempt| &attempt.key),
                attempt.map(|attempt| attempt.request.to_string()),
                now_ms()
            ],
        )?;
        let upload = find(&transaction, owner, id)?;
        transaction.commit()?;
        Ok(upload)
    }

    /// An upload.
    pub fn upload(&self, owner: OwnerId, id: UploadId) -> Result<Upload, StoreError> {
        find(&*self.reader()?, owner, id)
    }

    /// Uploads, newest first.
    pub fn uploads(&self, owner: OwnerId, page: &PageOf) -> Result<Page<Upload>, StoreError> {
        let uploads = list(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE owner_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
            ),
            params![owner.to_string(), page.cursor, page.fetched()],
            read_upload,
        )?;
        Ok(page.page(uploads, |upload| upload.id.to_string()))
    }

    /// Notes that so much of an upload is on disk; false where another part came first.
    pub fn note_part(
        &self,
        id: UploadId,
        before_bytes: u64,
        after_bytes: u64,
    ) -> Result<bool, StoreError> {
        let as_column = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let noted = self.writer().execute(
            "UPDATE uploads SET received_bytes = ?3 WHERE id = ?1 AND received_bytes = ?2",
            params![id.to_string(), as_column(before_bytes), as_column(after_bytes)],
        )?;
        Ok(noted == 1)
    }

    /// Forgets an upload; its file becomes loose.
    pub fn delete_upload(&self, owner: OwnerId, id: UploadId) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let deleted = transaction.execute(
            "DELETE FROM uploads WHERE id = ?1 AND owner_id = ?2",
            params![id.to_string(), owner.to_string()],
        )?;
        if deleted == 0 {
            return Err(unknown("upload", id));
        }
        note_loose_file(&transaction, &upload_file(id).display().to_string(), &id.to_string())?;
        transaction.commit()?;
        Ok(())
    }
}

fn find(connection: &Connection, owner: OwnerId, id: UploadId) -> Result<Upload, StoreError> {
    let sql = format!("{SELECT} WHERE owner_id = ?1 AND id = ?2");
    one(connection, &sql, params![owner.to_string(), id.to_string()], read_upload)?
        .ok_or_else(|| unknown("upload", id))
}

fn read_upload(row: &Row<'_>) -> Result<Upload, StoreError> {
    let (size_bytes, received_bytes) = (count(row, "size_bytes")?, count(row, "received_bytes")?);
    let sha256: Option<String> = plain(row, "sha256")?;
    Ok(Upload {
        id: parsed(row, "id")?,
        name: plain(row, "name")?,
        size_bytes,
        received_bytes,
        sha256: if sha256.is_some() { Some(parsed(row, "sha256")?) } else { None },
        complete: received_bytes == size_bytes,
        created_ms: plain(row, "created_ms")?,
    })
}
