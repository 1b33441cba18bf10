//! A disk in memory that fails, loses what was not synced, and can be spoilt.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, Place};

#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Files>>);

#[derive(Default)]
struct Files {
    files: BTreeMap<u32, File>,
    fails: bool,
}

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

impl Memory {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap()
    }

    pub(super) fn fails(&self) -> bool {
        self.files().fails
    }

    pub(super) fn set_fails(&self, fails: bool) {
        self.files().fails = fails;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files().files.values().map(|file| file.bytes.len() as u64).sum()
    }

    /// Loses a part of what was not synced; nothing for the largest number.
    pub(super) fn cut(&self, mut random: u64) {
        let Files { files, .. } = &mut *self.files();
        for file in files.values_mut() {
            let unsynced = file.bytes.len() - file.synced;
            if random < u64::MAX {
                file.bytes.truncate(file.synced + random as usize % (unsynced + 1));
                random /= 3;
            }
            file.synced = file.bytes.len();
        }
    }

    /// Damages one byte.
    pub(super) fn spoil(&self, segment: u32, at: usize) {
        self.files().files.get_mut(&segment).unwrap().bytes[at] ^= 0x55;
    }

    fn checked(&self) -> io::Result<MutexGuard<'_, Files>> {
        let files = self.files();
        match files.fails {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(files),
        }
    }
}

impl Disk for Memory {
    fn segments(&mut self) -> io::Result<Vec<u32>> {
        Ok(self.files().files.keys().copied().collect())
    }

    fn create(&mut self, segment: u32) -> io::Result<()> {
        assert!(self.checked()?.files.insert(segment, File::default()).is_none(), "it was there");
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], _is_urgent: bool) -> io::Result<()> {
        let Files { files, fails } = &mut *self.files();
        let mut newest = files.last_entry().ok_or(io::ErrorKind::NotFound)?;
        if *fails {
            // A full disk takes the beginning.
            newest.get_mut().bytes.extend(&bytes[..bytes.len() / 2]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        newest.get_mut().bytes.extend(bytes);
        Ok(())
    }

    fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let files = self.files();
        let start = place.offset as usize;
        let file = files.files.get(&place.segment).ok_or(io::ErrorKind::NotFound)?;
        let bytes = file.bytes.get(start..start + place.bytes as usize);
        Ok(bytes.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
    }

    fn read_all(&mut self, segment: u32) -> io::Result<Vec<u8>> {
        let files = self.files();
        Ok(files.files.get(&segment).ok_or(io::ErrorKind::NotFound)?.bytes.clone())
    }

    fn delete(&mut self, segment: u32) -> io::Result<()> {
        self.checked()?.files.remove(&segment);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.checked()?.files.values_mut().for_each(|file| file.synced = file.bytes.len());
        Ok(())
    }
}
