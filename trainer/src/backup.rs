//! Backups: everything that a trainer keeps, at one moment, in one file; and the way back.
//!
//! A backup is a gzipped tar of regular files and nothing else:
//!
//! ```text
//! format.json        version of this format and of the database, by which program, when
//! cirame.db          the database
//! broker-secret, demo.json, local-device/…    where they are there
//! datasets/…         the files that the database names, as they lie in the data folder
//! manifest.json      size and SHA-256 of each file, rows of each table
//! ```
//!
//! Left out: what can be made again (blocks for plots), uploads that are not whole, sessions, the first
//! password, and the inbox, which is its user's.
//!
//! It is consistent although the service works on. First the lock `copying` is taken: while somebody
//! has it, no process removes a file. Then the database is copied in one read transaction. A file that
//! it names was there before its row was, never changes but by being replaced as a whole, and cannot
//! go before the lock does.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model_format::id::Digest;
use serde::{Deserialize, Serialize};

use crate::data_folder::FolderError;
use crate::store::{JobId, RunId, StoreError, UploadId};

pub(crate) mod exchange;
mod read;
mod restore;
mod write;

pub(crate) use read::check;
pub(crate) use restore::restore;
pub(crate) use write::write;

/// Version of the format.
const FORMAT_VERSION: u32 = 1;

/// The first file.
const FORMAT_FILE: &str = "format.json";

/// The last file.
const MANIFEST_FILE: &str = "manifest.json";

/// The database.
const DATABASE: &str = "cirame.db";

/// Files of the data folder that belong to it beside what the database names, if they are there. The
/// device that `start` runs keeps its key, so that it is the same device after a restore.
const PARTS: [&str; 4] =
    ["broker-secret", "demo.json", "local-device/device.json", "local-device/device.key"];

/// Most files.
const FILES_MAX: usize = 1_000_000;

/// Largest first file, and largest last one, in bytes.
const FORMAT_BYTES_MAX: u64 = 4096;
const MANIFEST_BYTES_MAX: u64 = 256 << 20;

/// Why there is no backup, or it cannot be restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// There is nothing to back up.
    #[error(
        "{} is no data folder of a trainer, as it has no cirame.db: name it with --data", .0.display()
    )]
    NoData(PathBuf),
    /// A file that the database names is lost.
    #[error(
        "{}, which the database names, is not there: bring it back from an earlier backup, or delete \
         in the console what it belongs to", .0.display()
    )]
    Lost(PathBuf),
    /// Too many files.
    #[error("a backup has at most {FILES_MAX} files")]
    TooMany,
    /// The archive cannot be read.
    #[error("the backup cannot be read, it is damaged or cut off ({0}): take another one")]
    Unreadable(io::Error),
    /// The archive is none of ours.
    #[error("this is no backup of a trainer: {0}")]
    Foreign(String),
    /// Its bytes are not those that were written.
    #[error("the backup is damaged: {0}; take another one")]
    Damaged(String),
    /// A newer program made it.
    #[error(
        "cirame-trainer {program} made this backup, with {what} of version {found}, and this program \
         reads those up to {known}: restore it with cirame-trainer {program} or a later one"
    )]
    Newer {
        /// The program that made it.
        program: String,
        /// What is newer.
        what: &'static str,
        /// Its version.
        found: u32,
        /// The version that is known here.
        known: u32,
    },
    /// There is no room.
    #[error(
        "{} has {free_mb} MB left, and the next file of the backup needs {needed_mb} MB beside what is \
         there now: make room, or restore into a folder on another disk with --data", path.display()
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// Megabytes that are free there.
        free_mb: u64,
        /// Megabytes that are needed.
        needed_mb: u64,
    },
    /// A backup is being made of the folder.
    #[error("a backup of this data folder is being made: wait until it ends")]
    Copying,
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive cannot be written.
    #[error("the backup cannot be written: {0}")]
    Unwritable(io::Error),
}

/// A backup that is read.
pub(crate) struct Input {
    /// Its bytes.
    pub(crate) reader: Box<dyn Read>,
    /// How many there are, where that is known.
    pub(crate) bytes: Option<u64>,
}

/// What the first file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Format {
    format_version: u32,
    schema_version: u32,
    /// Version of the program.
    pub(crate) program: String,
    /// When it was begun, in milliseconds since 1970 UTC.
    pub(crate) created_ms: i64,
}

/// Size and digest of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    bytes: u64,
    sha256: Digest,
}

/// What the last file says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    files: BTreeMap<String, Content>,
    rows: BTreeMap<String, u64>,
}

/// What is in a backup.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// How many files.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Rows of each table.
    pub(crate) rows: BTreeMap<String, u64>,
    /// Version of the program that made it.
    pub(crate) program: String,
    /// When it was begun, in milliseconds since 1970 UTC.
    pub(crate) created_ms: i64,
}

impl Summary {
    fn new(format: &Format, manifest: &Manifest) -> Self {
        Summary {
            files: manifest.files.len() as u64,
            bytes: manifest.files.values().map(|content| content.bytes).sum(),
            rows: manifest.rows.clone(),
            program: format.program.clone(),
            created_ms: format.created_ms,
        }
    }

    /// Rows of a table.
    pub(crate) fn rows_of(&self, table: &str) -> u64 {
        self.rows.get(table).copied().unwrap_or(0)
    }
}

/// Where a file of a backup belongs: the folder of the data folder that has it, if one does, and its
/// path below that. `None` for whatever else a name says, such as a way out of the folder.
fn place(name: &str) -> Option<(Option<&'static str>, PathBuf)> {
    if name == DATABASE || PARTS.contains(&name) {
        return Some((None, PathBuf::from(name)));
    }
    let (folder, file) = name.split_once('/')?;
    let (stem, ending) = file.split_once('.').unwrap_or((file, ""));
    let is_id = match (folder, ending) {
        ("datasets", "parquet") | ("models", "onnx" | "proof.json") => {
            stem.parse::<Digest>().is_ok_and(|digest| digest.to_string() == stem)
        }
        ("runs", "csv") => stem.parse::<RunId>().is_ok_and(|id| id.to_string() == stem),
        ("evaluations", "csv") => stem.parse::<JobId>().is_ok_and(|id| id.to_string() == stem),
        ("uploads", "") => {
            file == stem && stem.parse::<UploadId>().is_ok_and(|id| id.to_string() == stem)
        }
        _ => false,
    };
    let folder = crate::data_folder::FOLDERS.into_iter().find(|known| *known == folder);
    is_id.then_some((folder, PathBuf::from(file)))
}

/// The name that a file of the data folder has in a backup.
fn name_of(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_but_to_its_place() {
        let digest = Digest::of(b"").to_string();
        let id = RunId::new().to_string();
        for name in [
            format!("datasets/{digest}.parquet"),
            format!("models/{digest}.onnx"),
            format!("models/{digest}.proof.json"),
            format!("runs/{id}.csv"),
            format!("evaluations/{id}.csv"),
            format!("uploads/{id}"),
            "cirame.db".to_owned(),
            "local-device/device.key".to_owned(),
        ] {
            let (folder, file) = place(&name).expect(&name);
            let path = folder.map_or_else(|| file.clone(), |folder| Path::new(folder).join(&file));
            assert_eq!(name_of(&path), name);
        }
        for name in [
            "",
            "..",
            "../cirame.db",
            "/cirame.db",
            "./cirame.db",
            "lock",
            "first-login",
            "datasets/../cirame.db",
            "local-device/../cirame.db",
            "datasets/x.parquet",
            "inbox/x.csv",
            &format!("datasets/{}.parquet", digest.to_uppercase()),
            &format!("datasets/{digest}.blocks"),
            &format!("datasets/{digest}.parquet/x"),
            &format!("models/{digest}"),
            &format!("uploads/{id}.csv"),
            &format!("uploads/{id}."),
            &format!("runs/{{{id}}}.csv"),
        ] {
            assert_eq!(place(name), None, "{name}");
        }
    }
}
