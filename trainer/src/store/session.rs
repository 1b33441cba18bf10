//! Sessions: who is signed in, kept on the server so that signing out is certain.

use model_format::id::Digest;
use rusqlite::params;

use super::user::read_user;
use super::{Store, StoreError, User, UserId, now_ms, one, plain};

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Without a request, in milliseconds.
    pub idle_ms: i64,
    /// In any case, in milliseconds.
    pub absolute_ms: i64,
}

/// Eight hours without a request, seven days in any case.
pub const SESSION_LIMITS: SessionLimits =
    SessionLimits { idle_ms: 8 * 3_600_000, absolute_ms: 7 * 24 * 3_600_000 };

/// A use is noted at most so often, so that reading does not always write.
const USE_NOTED_MS: i64 = 60_000;

/// Most sessions of one user; the oldest ends when one more begins.
const SESSIONS_MAX: i64 = 20;

impl Store {
    /// Notes a session by the digest of its secret, and forgets those that have expired.
    pub fn begin_session(&self, user: UserId, secret: Digest) -> Result<(), StoreError> {
        let now = now_ms();
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM sessions WHERE created_ms < ?1 OR used_ms < ?2",
            params![now - SESSION_LIMITS.absolute_ms, now - SESSION_LIMITS.idle_ms],
        )?;
        transaction.execute(
            "DELETE FROM sessions WHERE user_id = ?1 AND digest NOT IN
                 (SELECT digest FROM sessions WHERE user_id = ?1 ORDER BY used_ms DESC LIMIT ?2)",
            params![user.to_string(), SESSIONS_MAX - 1],
        )?;
        transaction.execute(
            "INSERT INTO sessions (digest, user_id, created_ms, used_ms) VALUES (?1, ?2, ?3, ?3)",
            params![secret.to_string(), user.to_string(), now],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// The user of a session that has not expired at `now_ms`.
    pub fn session_user(&self, secret: Digest, now_ms: i64) -> Result<Option<User>, StoreError> {
        let found = one(
            &*self.reader()?,
            "SELECT u.id, u.owner_id, u.name, u.role, u.created_ms, s.used_ms
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.digest = ?1 AND s.created_ms >= ?2 AND s.used_ms >= ?3",
            params![
                secret.to_string(),
                now_ms - SESSION_LIMITS.absolute_ms,
                now_ms - SESSION_LIMITS.idle_ms
            ],
            |row| Ok((read_user(row)?, plain::<i64>(row, "used_ms")?)),
        )?;
        let Some((user, used_ms)) = found else { return Ok(None) };
        if now_ms - used_ms > USE_NOTED_MS {
            self.writer().execute(
                "UPDATE sessions SET used_ms = ?2 WHERE digest = ?1",
                params![secret.to_string(), now_ms],
            )?;
        }
        Ok(Some(user))
    }

    /// Ends a session.
    pub fn end_session(&self, secret: Digest) -> Result<(), StoreError> {
        self.writer().execute("DELETE FROM sessions WHERE digest = ?1", [secret.to_string()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::UserRole;

    #[test]
    fn sessions_expire_when_idle_and_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db")).unwrap();
        let user = store.add_user("ada", UserRole::Admin, "hash").unwrap();
        let secret = Digest::of(b"secret");
        store.begin_session(user.id, secret).unwrap();
        let begun = now_ms();
        let known = |after_ms| store.session_user(secret, begun + after_ms).unwrap().is_some();
        assert!(known(0));
        assert!(!known(SESSION_LIMITS.idle_ms + 1000), "idle");
        // Used every hour, it lasts beyond the idle limit, but not beyond the absolute one.
        for hour in 1..=7 * 24 - 1 {
            assert!(known(hour * 3_600_000), "hour {hour}");
        }
        assert!(!known(SESSION_LIMITS.absolute_ms + 1000), "absolute");
        assert!(store.session_user(Digest::of(b"other"), begun).unwrap().is_none());
        store.end_session(secret).unwrap();
        assert!(!known(0), "signed out");
    }
}
