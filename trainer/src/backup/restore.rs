//! Restores a backup: unpacks it beside what is there, checks it, and exchanges the two.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::exchange::{self, EXCHANGED, STAGING};
use super::read::{Unpacking, unpack};
use super::{BackupError, DATABASE, Input, Summary, place};
use crate::clock::now_ms;
use crate::data_folder::{io_error, lock, make, try_lock_copying};
use crate::ownership::give_all_to_owner_of;
use crate::progress::Progress;

/// What is left free on the disk, in bytes.
const RESERVE_BYTES: u64 = 64 << 20;

/// A data folder that was restored.
pub(crate) struct Restored {
    /// What is in it.
    pub(crate) summary: Summary,
    /// The folders with what was there before.
    pub(crate) before: Vec<PathBuf>,
}

/// Restores a backup into a data folder, which may be new. What was there before is kept.
///
/// # Errors
/// Where a service has the folder, the backup is not whole, or there is no room: nothing has changed
/// then.
pub(crate) fn restore(
    data: &Path,
    input: Input,
    progress: &Progress,
) -> Result<Restored, BackupError> {
    make(data)?;
    let _lock = lock(data)?;
    let _nobody_copies = try_lock_copying(data)?.ok_or(BackupError::Copying)?;
    exchange::finish(data)?;
    let stages: Vec<PathBuf> = exchange::folders(data).map(|folder| folder.join(STAGING)).collect();
    let unpacked = unpack_into(data, &stages, input, progress);
    let summary = match unpacked {
        Ok(summary) => summary,
        Err(error) => {
            for stage in &stages {
                // What cannot be removed now is removed by the next start.
                let _ = fs::remove_dir_all(stage);
            }
            return Err(error);
        }
    };
    let before = exchange::begin(data, now_ms())?;
    Ok(Restored { summary, before })
}

fn unpack_into(
    data: &Path,
    stages: &[PathBuf],
    input: Input,
    progress: &Progress,
) -> Result<Summary, BackupError> {
    for stage in stages {
        let made = remove(stage).and_then(|()| fs::create_dir_all(stage));
        made.map_err(io_error(stage))?;
    }
    let database = data.join(STAGING).join(DATABASE);
    let summary = unpack(input, &database, &mut Stages(data), progress)?;
    for stage in stages {
        give_all_to_owner_of(data, stage).map_err(io_error(stage))?;
        sync(stage).map_err(io_error(stage))?;
    }
    Ok(summary)
}

/// Puts files into the stage of the folder that they belong to: it may be a file system of its own.
struct Stages<'a>(&'a Path);

impl Unpacking for Stages<'_> {
    fn target(&mut self, name: &str, bytes: u64) -> Result<Option<PathBuf>, BackupError> {
        let Some((folder, file)) = place(name) else { return Ok(None) };
        let stage = folder.map_or(self.0.to_owned(), |folder| self.0.join(folder)).join(STAGING);
        let free = rustix::fs::statvfs(&stage).map_err(|error| io_error(&stage)(error.into()))?;
        let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
        let needed = bytes.saturating_add(RESERVE_BYTES);
        if free_bytes < needed {
            let (free_mb, needed_mb) = (free_bytes >> 20, needed >> 20);
            return Err(BackupError::Full { path: stage, free_mb, needed_mb });
        }
        let path = stage.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error(parent))?;
        }
        Ok(Some(path))
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Brings the entries of a folder, and of the one folder that a part of a backup may lie in, to the
/// disk.
fn sync(folder: &Path) -> io::Result<()> {
    for part in EXCHANGED {
        let inner = folder.join(part);
        if inner.is_dir() {
            File::open(inner)?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
