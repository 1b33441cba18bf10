//! Connections that only read, beside the one that writes.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Most readers at once; whoever comes later waits.
const READERS_MAX: usize = 4;

/// Connections at rest, and how many there are.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    open: usize,
}

/// A connection that goes back to its pool.
pub(super) struct Reader<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Pool {
    pub(super) fn new(path: &Path) -> Self {
        Pool { path: path.to_owned(), state: Mutex::default(), returned: Condvar::new() }
    }

    /// Takes a connection; waits where all are in use.
    pub(super) fn take(&self) -> Result<Reader<'_>, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Reader { pool: self, connection: Some(connection) });
            }
            if state.open < READERS_MAX {
                break;
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        state.open += 1;
        Ok(Reader { pool: self, connection: Some(connection) })
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken in drop alone")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.idle.extend(self.connection.take());
        self.pool.returned.notify_one();
    }
}
