//! Exchanges the contents of a data folder for what was unpacked beside them.
//!
//! The data folder and the folders in it may be mount points, which cannot be renamed: so their entries
//! are moved, within each folder. From the moment that `restoring.json` is there, the exchange goes on
//! to its end, whatever happens: whoever opens the folder first brings it there. Before that moment
//! nothing has changed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data_folder::{FOLDERS, FolderError, io_error, write_privately};

/// The folder, in each folder, with what is to come.
pub(super) const STAGING: &str = ".writing-restore";

/// How far the exchange is.
const JOURNAL: &str = "restoring.json";

/// Begins the name of the folder, in each folder, with what was there before.
const BEFORE: &str = "before-restore-";

/// What is exchanged of the data folder itself; all else in it stays.
pub(super) const EXCHANGED: [&str; 7] = [
    "cirame.db",
    "cirame.db-wal",
    "cirame.db-shm",
    "broker-secret",
    "first-login",
    "demo.json",
    "local-device",
];

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    /// The name of the folders with what was there before.
    before: String,
    /// True once all that was there has moved away: from then on, what is in place is new.
    is_moved_away: bool,
}

/// How an entry is moved.
type Rename<'a> = &'a mut dyn FnMut(&Path, &Path) -> io::Result<()>;

/// The data folder, and the folders in it whose contents are exchanged.
pub(super) fn folders(data: &Path) -> impl Iterator<Item = PathBuf> {
    // The inbox is its user's.
    let inner = FOLDERS.into_iter().filter(|name| *name != "inbox").map(|name| data.join(name));
    std::iter::once(data.to_owned()).chain(inner)
}

/// Begins the exchange, and brings it to its end. Gives the folders with what was there before.
pub(super) fn begin(data: &Path, now_ms: i64) -> Result<Vec<PathBuf>, FolderError> {
    let time = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let before = format!("{BEFORE}{}", time.strftime("%Y%m%d_%H%M%S"));
    write_journal(data, &Journal { before: before.clone(), is_moved_away: false })?;
    finish(data)?;
    Ok(folders(data).map(|folder| folder.join(&before)).filter(|path| path.is_dir()).collect())
}

/// Brings an exchange that was begun to its end.
pub(crate) fn finish(data: &Path) -> Result<(), FolderError> {
    finish_with(data, &mut |from, to| fs::rename(from, to))
}

fn finish_with(data: &Path, rename: Rename<'_>) -> Result<(), FolderError> {
    let path = data.join(JOURNAL);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(&path)(error)),
    };
    let damaged = |error: serde_json::Error| {
        let text = format!(
            "how far a restore is cannot be read ({error}): restore a backup anew after \
            removing this file"
        );
        io_error(&path)(io::Error::other(text))
    };
    let mut journal: Journal = serde_json::from_slice(&text).map_err(damaged)?;
    if !journal.is_moved_away {
        for folder in folders(data) {
            let moved = move_away(data, &folder, &journal.before, rename);
            moved.map_err(io_error(&folder))?;
        }
        journal.is_moved_away = true;
        write_journal(data, &journal)?;
    }
    for folder in folders(data) {
        move_in(&folder, rename).map_err(io_error(&folder))?;
    }
    let removed = fs::remove_file(&path).and_then(|()| File::open(data)?.sync_all());
    removed.map_err(io_error(&path))
}

fn write_journal(data: &Path, journal: &Journal) -> Result<(), FolderError> {
    let text = serde_json::to_vec(journal).expect("plain data has a JSON form");
    write_privately(&data.join(JOURNAL), &text)
}

/// Moves what is in a folder into another one in it.
fn move_away(data: &Path, folder: &Path, before: &str, rename: Rename<'_>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let names: Vec<_> = if folder == data {
        EXCHANGED.iter().map(Into::into).filter(|name| data.join(name).exists()).collect()
    } else {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
        let names: Vec<std::ffi::OsString> = names.collect::<io::Result<_>>()?;
        // What belongs to the file system, to this exchange and to those before it stays.
        let stays = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            name == STAGING || name == "lost+found" || name.starts_with(BEFORE)
        };
        names.into_iter().filter(|name| !stays(name)).collect()
    };
    if names.is_empty() {
        return Ok(());
    }
    let target = folder.join(before);
    fs::create_dir_all(&target)?;
    for name in names {
        rename(&folder.join(&name), &target.join(&name))?;
    }
    File::open(&target)?.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Moves what was unpacked into its place.
fn move_in(folder: &Path, rename: Rename<'_>) -> io::Result<()> {
    let stage = folder.join(STAGING);
    let entries = match fs::read_dir(&stage) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        rename(&stage.join(&name), &folder.join(&name))?;
    }
    fs::remove_dir(&stage)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All files below a folder with their contents, by path.
    fn files(folder: &Path) -> std::collections::BTreeMap<String, String> {
        let mut found = std::collections::BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                found.extend(files(&path).into_iter().map(|(k, v)| (format!("{name}/{k}"), v)));
            } else {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
        found
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A data folder with old contents and staged new ones.
    fn staged() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        for (name, text) in [
            ("cirame.db", "old"),
            ("cirame.db-wal", "old"),
            ("first-login", "old"),
            ("lock", "stays"),
            ("inbox/a.csv", "stays"),
            ("notes.txt", "stays"),
            ("datasets/a", "old"),
            ("datasets/b", "old"),
            ("datasets/before-restore-1/c", "older"),
            ("models/m", "old"),
            (".writing-restore/cirame.db", "new"),
            (".writing-restore/local-device/device.key", "new"),
            ("datasets/.writing-restore/a", "new"),
            ("datasets/.writing-restore/d", "new"),
            ("models/.writing-restore/n", "new"),
        ] {
            put(&data.join(name), text);
        }
        place
    }

    #[test]
    fn an_exchange_that_breaks_off_anywhere_is_brought_to_its_end() {
        let whole = staged();
        let before = begin(whole.path(), 1_764_322_000_000).unwrap();
        assert_eq!(before[0].file_name().unwrap(), "before-restore-20251128_092640");
        assert_eq!(before.len(), 3, "those with something in it");
        let expected = files(whole.path());
        for (name, text) in [
            ("cirame.db", "new"),
            ("local-device/device.key", "new"),
            ("datasets/a", "new"),
            ("datasets/d", "new"),
            ("models/n", "new"),
            ("lock", "stays"),
            ("inbox/a.csv", "stays"),
            ("notes.txt", "stays"),
            ("datasets/before-restore-1/c", "older"),
            ("before-restore-20251128_092640/cirame.db-wal", "old"),
            ("datasets/before-restore-20251128_092640/b", "old"),
            ("models/before-restore-20251128_092640/m", "old"),
        ] {
            assert_eq!(expected[name], text, "{name}");
        }
        assert!(!expected.contains_key("cirame.db-wal") && !expected.contains_key("datasets/b"));
        assert!(expected.values().filter(|text| *text == "new").count() == 5);

        for breaks_at in 0..12 {
            let place = staged();
            let journal = Journal {
                before: "before-restore-20251128_092640".to_owned(),
                is_moved_away: false,
            };
            write_journal(place.path(), &journal).unwrap();
            let mut moves = 0;
            let broken = finish_with(place.path(), &mut |from, to| {
                if moves == breaks_at {
                    return Err(io::Error::other("the power is gone"));
                }
                moves += 1;
                fs::rename(from, to)
            });
            assert_eq!(broken.is_err(), breaks_at < 11, "{breaks_at}");
            finish(place.path()).unwrap();
            assert_eq!(files(place.path()), expected, "after {breaks_at} moves");
        }
    }
}
