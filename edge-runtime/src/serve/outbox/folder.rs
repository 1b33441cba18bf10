//! The folder with the queue's segments, and the thread that brings them to the disk for good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::keeper::Disk;
use super::queue::Place;

/// Time between two syncs, unless one is urgent.
const SYNC_EVERY: Duration = Duration::from_millis(50);
/// No segment is larger; one that is was not written by this program.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// The segments, as files.
pub(super) struct Folder {
    path: PathBuf,
    current: Option<Arc<File>>,
    syncer: Arc<Syncer>,
}

impl Folder {
    /// Opens the folder; makes it, for its owner alone, where it is not there.
    pub(super) fn open(path: &Path, syncer: Arc<Syncer>) -> io::Result<Folder> {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path)?;
        Ok(Folder { path: path.to_owned(), current: None, syncer })
    }

    fn file_path(&self, segment: u32) -> PathBuf {
        self.path.join(format!("{segment:010}.queue"))
    }
}

impl Disk for Folder {
    fn segments(&mut self) -> io::Result<Vec<u32>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".queue"));
            segments.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn create(&mut self, segment: u32) -> io::Result<()> {
        self.current = None;
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        self.current = Some(Arc::new(options.open(self.file_path(segment))?));
        self.syncer.note(|dirty| dirty.folder = Some(self.path.clone()));
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], is_urgent: bool) -> io::Result<()> {
        let file = self.current.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut writer: &File = file;
        writer.write_all(bytes)?;
        self.syncer.note(|dirty| {
            if !dirty.files.iter().any(|known| Arc::ptr_eq(known, file)) {
                dirty.files.push(Arc::clone(file));
            }
            dirty.is_urgent |= is_urgent;
        });
        Ok(())
    }

    fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.bytes as usize];
        File::open(self.file_path(place.segment))?
            .read_exact_at(&mut bytes, place.offset.into())?;
        Ok(bytes)
    }

    fn read_all(&mut self, segment: u32) -> io::Result<Vec<u8>> {
        let path = self.file_path(segment);
        if fs::metadata(&path)?.len() > SEGMENT_BYTES_MAX {
            let text = format!("{} is too large to be a part of the queue", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        fs::read(path)
    }

    fn delete(&mut self, segment: u32) -> io::Result<()> {
        fs::remove_file(self.file_path(segment))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.syncer.sync()
    }
}

/// What was written and not synced.
#[derive(Default)]
pub(super) struct Dirty {
    files: Vec<Arc<File>>,
    folder: Option<PathBuf>,
    is_urgent: bool,
}

impl Dirty {
    fn is_clean(&self) -> bool {
        self.files.is_empty() && self.folder.is_none()
    }

    fn sync(&self) -> io::Result<()> {
        for file in &self.files {
            file.sync_data()?;
        }
        match &self.folder {
            Some(path) => File::open(path)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Syncs in groups, so that a disk that takes its time for it holds up nobody.
#[derive(Default)]
pub(super) struct Syncer {
    dirty: Mutex<Dirty>,
    changed: Condvar,
    /// Held from taking what is dirty until it is synced: whoever holds it finds nothing on its way.
    syncing: Mutex<()>,
}

impl Syncer {
    fn dirty(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Dirty)) {
        change(&mut self.dirty());
        self.changed.notify_one();
    }

    /// Returns when all that was noted is on the disk for good.
    fn sync(&self) -> io::Result<()> {
        let _syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let group = std::mem::take(&mut *self.dirty());
        group.sync()
    }

    /// Ends the thread's wait: it looks again whether the outbox ends.
    pub(super) fn wake(&self) {
        drop(self.dirty());
        self.changed.notify_one();
    }

    /// Works until the outbox ends: whoever ends it syncs the rest.
    pub(super) fn run(&self, shared: &Shared) {
        let mut synced = Instant::now();
        loop {
            let mut dirty = self.dirty();
            while !shared.is_ending() {
                let wait = match (dirty.is_clean(), dirty.is_urgent) {
                    (true, _) => Duration::from_secs(3600),
                    (false, true) => Duration::ZERO,
                    (false, false) => {
                        (synced + SYNC_EVERY).saturating_duration_since(Instant::now())
                    }
                };
                if wait.is_zero() {
                    break;
                }
                let waited = self.changed.wait_timeout(dirty, wait);
                dirty = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            if shared.is_ending() {
                return;
            }
            drop(dirty);
            synced = Instant::now();
            if let Err(error) = self.sync() {
                shared.sync_failed(&error);
            }
        }
    }
}
