//! Sensors with an account at the broker of devices: which there shall be, and which no longer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Store, StoreError, list, plain};

/// Most sensors with an account.
const SENSORS_MAX: u32 = 10_000;

/// How long another program's transaction is waited for.
const BUSY_MAX: Duration = Duration::from_secs(10);

impl Store {
    /// All sensors by name, and whether each shall have its account.
    pub(crate) fn sensors(&self) -> Result<BTreeMap<String, bool>, StoreError> {
        let sensors = list(&*self.reader()?, "SELECT name, is_wanted FROM sensors", [], |row| {
            Ok((plain(row, "name")?, plain(row, "is_wanted")?))
        })?;
        Ok(sensors.into_iter().collect())
    }

    /// From now on there shall be an account of this name.
    pub(crate) fn want_sensor(&self, name: &str) -> Result<(), StoreError> {
        want(&self.writer(), name)
    }

    /// From now on there shall be none.
    pub(crate) fn drop_sensor(&self, name: &str) -> Result<(), StoreError> {
        unwant(&self.writer(), name)?;
        Ok(())
    }
}

/// The sensors in a database that a service has perhaps open: one row at a time is changed, which SQLite
/// lets two programs do.
pub(crate) struct SensorList(Connection);

impl SensorList {
    /// Opens a database that is there.
    ///
    /// # Errors
    /// Where it is not, or was made by an earlier version and not served since.
    pub(crate) fn open(database: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags)?;
        connection.busy_timeout(BUSY_MAX)?;
        Ok(SensorList(connection))
    }

    /// From now on there shall be an account of this name.
    pub(crate) fn want(&self, name: &str) -> Result<(), StoreError> {
        want(&self.0, name)
    }

    /// From now on there shall be none. Tells whether it was wanted.
    pub(crate) fn unwant(&self, name: &str) -> Result<bool, StoreError> {
        unwant(&self.0, name)
    }
}

fn want(connection: &Connection, name: &str) -> Result<(), StoreError> {
    let changed = connection.execute(
        "INSERT INTO sensors (name, is_wanted)
         SELECT ?1, 1 WHERE (SELECT count(*) FROM sensors WHERE name <> ?1) < ?2
         ON CONFLICT (name) DO UPDATE SET is_wanted = 1",
        (name, SENSORS_MAX),
    )?;
    match changed {
        0 => Err(StoreError::Full { kind: "sensors", limit: SENSORS_MAX }),
        _ => Ok(()),
    }
}

fn unwant(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE sensors SET is_wanted = 0 WHERE name = ?1 AND is_wanted = 1";
    Ok(connection.execute(sql, [name])? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_programs_keep_one_list_of_sensors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cirame.db");
        assert!(SensorList::open(&path).is_err(), "no service has made a database");
        let store = Store::open(&path).unwrap();
        let beside = SensorList::open(&path).unwrap();
        beside.want("pump").unwrap();
        store.want_sensor("fan").unwrap();
        store.want_sensor("fan").unwrap();
        assert!(!beside.unwant("nobody").unwrap());
        let both = BTreeMap::from([("fan".to_owned(), true), ("pump".to_owned(), true)]);
        assert_eq!(store.sensors().unwrap(), both);
        store.drop_sensor("pump").unwrap();
        assert!(!store.sensors().unwrap()["pump"]);
        assert!(!beside.unwant("pump").unwrap(), "it was not wanted any more");
        beside.want("pump").unwrap();
        assert!(beside.unwant("pump").unwrap());
        beside.want("pump").unwrap();
        assert_eq!(store.sensors().unwrap(), both);
    }
}
