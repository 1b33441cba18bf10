//! Recorders that have ended: what came of them, so that it is still told after a start.

use rusqlite::params;

use super::{OwnerId, Store, StoreError, list, parsed, plain, to_json};
use crate::recorder::recorders::{ENDED_MAX, Recorder};

impl Store {
    /// Notes a recorder that has ended; the oldest ones of its owner are forgotten.
    pub(crate) fn note_recorder(
        &self,
        owner: OwnerId,
        recorder: &Recorder,
    ) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT OR REPLACE INTO recorders (id, owner_id, recorder) VALUES (?1, ?2, ?3)",
            params![recorder.id.to_string(), owner.to_string(), to_json(recorder)],
        )?;
        transaction.execute(
            "DELETE FROM recorders WHERE owner_id = ?1 AND id NOT IN
                 (SELECT id FROM recorders WHERE owner_id = ?1 ORDER BY id DESC LIMIT ?2)",
            params![owner.to_string(), ENDED_MAX as i64],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// The recorders that have ended, with their owners. One that this version cannot read is left out.
    pub(crate) fn ended_recorders(&self) -> Result<Vec<(OwnerId, Recorder)>, StoreError> {
        let noted = list(
            &*self.reader()?,
            "SELECT owner_id, recorder FROM recorders ORDER BY id",
            [],
            |row| Ok((parsed::<OwnerId>(row, "owner_id")?, plain::<String>(row, "recorder")?)),
        )?;
        let read = |(owner, text): (OwnerId, String)| match serde_json::from_str(&text) {
            Ok(recorder) => Some((owner, recorder)),
            Err(error) => {
                tracing::warn!(error = %error, "a recorder that has ended cannot be read");
                None
            }
        };
        Ok(noted.into_iter().filter_map(read).collect())
    }
}
