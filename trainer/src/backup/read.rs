//! Reads a backup from its beginning to its end, believing nothing of it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use model_format::id::Digest;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry, EntryType};

use super::{
    BackupError, Content, DATABASE, FILES_MAX, FORMAT_BYTES_MAX, FORMAT_FILE, FORMAT_VERSION,
    Format, Input, MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest, Summary, place,
};
use crate::data_folder::{TEMPORARY_PREFIX, io_error};
use crate::progress::Progress;
use crate::store::snapshot::{Snapshot, schema_version};

/// What is done with the files of a backup, as they come.
pub(super) trait Unpacking {
    /// Where a file of this name and size is to be written; `None` where it is only looked at.
    fn target(&mut self, name: &str, bytes: u64) -> Result<Option<PathBuf>, BackupError>;
}

/// Checks a backup: every byte, the database, and that every file is there that it names. The database
/// is unpacked into `beside` for a while.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn check(
    input: Input,
    beside: &Path,
    progress: &Progress,
) -> Result<Summary, BackupError> {
    let prefix = format!("{TEMPORARY_PREFIX}backup-");
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(beside);
    let folder = folder.map_err(|error| BackupError::Folder(io_error(beside)(error)))?;
    let database = folder.path().join(DATABASE);
    struct Looking(PathBuf);
    impl Unpacking for Looking {
        fn target(&mut self, name: &str, _: u64) -> Result<Option<PathBuf>, BackupError> {
            Ok((name == DATABASE).then(|| self.0.clone()))
        }
    }
    unpack(input, &database, &mut Looking(database.clone()), progress)
}

/// Reads a whole backup, and writes its files where `unpacking` says. `database` is where it says that
/// the database goes. What was written is on the disk when this returns.
///
/// # Errors
/// Says what is wrong with it. What was written until then is left there.
pub(super) fn unpack(
    input: Input,
    database: &Path,
    unpacking: &mut dyn Unpacking,
    progress: &Progress,
) -> Result<Summary, BackupError> {
    progress.stage("reading the backup", input.bytes.unwrap_or(0) >> 20);
    let watched = Watched { reader: input.reader, bytes: 0, progress };
    let gzip = GzDecoder::new(BufReader::with_capacity(1 << 18, watched));
    let mut archive = Archive::new(gzip);
    let (mut format, mut manifest): (Option<Format>, Option<Manifest>) = (None, None);
    let mut found = BTreeMap::new();
    // Raw: what would give an entry another name or size is an entry itself, and refused.
    for entry in archive.entries().map_err(BackupError::Unreadable)?.raw(true) {
        let mut entry = entry.map_err(BackupError::Unreadable)?;
        let name = name(&entry)?;
        if manifest.is_some() {
            return Err(BackupError::Foreign(format!("{name:?} comes after {MANIFEST_FILE}")));
        }
        match &format {
            None if name == FORMAT_FILE => {
                format = Some(checked(read_json(&mut entry, &name, FORMAT_BYTES_MAX)?)?);
            }
            None => {
                return Err(BackupError::Foreign(format!(
                    "{name:?} stands where {FORMAT_FILE} should"
                )));
            }
            Some(_) if name == MANIFEST_FILE => {
                manifest = Some(read_json(&mut entry, &name, MANIFEST_BYTES_MAX)?);
            }
            Some(_) => {
                let bytes = entry.header().entry_size().map_err(BackupError::Unreadable)?;
                if place(&name).is_none() || found.contains_key(&name) {
                    return Err(BackupError::Foreign(format!("it holds {name:?}")));
                }
                if found.len() >= FILES_MAX {
                    return Err(BackupError::TooMany);
                }
                let target = unpacking.target(&name, bytes)?;
                let content = copy(&mut entry, (&name, bytes), target.as_deref())?;
                found.insert(name, content);
            }
        }
    }
    // The last bytes hold the checksum of the whole.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(BackupError::Unreadable)?;
    let format = format.ok_or_else(|| BackupError::Foreign("it is empty".to_owned()))?;
    let Some(manifest) = manifest else {
        return Err(BackupError::Damaged(format!("it ends before {MANIFEST_FILE}")));
    };
    compare(&found, &manifest)?;
    compare_database(database, &manifest)?;
    Ok(Summary::new(&format, &manifest))
}

/// Tells how far it is as it is read.
struct Watched<'a> {
    reader: Box<dyn Read>,
    bytes: u64,
    progress: &'a Progress,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes += count as u64;
        self.progress.set(self.bytes >> 20);
        Ok(count)
    }
}

/// The name of a regular file.
fn name(entry: &Entry<'_, impl Read>) -> Result<String, BackupError> {
    let bytes = entry.path_bytes().into_owned();
    let name = String::from_utf8(bytes);
    let name = name.map_err(|_| BackupError::Foreign("a name in it is no text".to_owned()))?;
    match entry.header().entry_type() {
        EntryType::Regular => Ok(name),
        kind => Err(BackupError::Foreign(format!("{name:?} is no plain file but a {kind:?}"))),
    }
}

/// The format, which must not be newer than this program.
fn checked(format: Format) -> Result<Format, BackupError> {
    let newer = |what, found, known| {
        let program = format.program.clone();
        if found > known { Err(BackupError::Newer { program, what, found, known }) } else { Ok(()) }
    };
    newer("a format", format.format_version, FORMAT_VERSION)?;
    newer("a database", format.schema_version, schema_version())?;
    Ok(format)
}

fn read_json<T: DeserializeOwned>(
    entry: &mut impl Read,
    name: &str,
    bytes_max: u64,
) -> Result<T, BackupError> {
    let mut bytes = Vec::new();
    entry.take(bytes_max + 1).read_to_end(&mut bytes).map_err(BackupError::Unreadable)?;
    if bytes.len() as u64 > bytes_max {
        return Err(BackupError::Foreign(format!("{name} has more than {bytes_max} bytes")));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| BackupError::Foreign(format!("{name} cannot be read: {error}")))
}

/// Reads a file, and writes it where `target` says.
fn copy(
    entry: &mut impl Read,
    (name, bytes): (&str, u64),
    target: Option<&Path>,
) -> Result<Content, BackupError> {
    // The database and the secrets are for the owner alone.
    let is_private = place(name).is_none_or(|(folder, _)| folder.is_none());
    let mode = if is_private { 0o600 } else { 0o644 };
    let create = |path: &Path| create(path, mode);
    let failed = |error| -> BackupError {
        let path = target.unwrap_or(Path::new(""));
        BackupError::Folder(io_error(path)(error))
    };
    let mut file = target.map(create).transpose().map_err(failed)?;
    let (mut hash, mut buffer, mut read) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let count = entry.read(&mut buffer).map_err(BackupError::Unreadable)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        if let Some(file) = &mut file {
            file.write_all(&buffer[..count]).map_err(failed)?;
        }
        read += count as u64;
    }
    if read != bytes {
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "a file in it is cut off");
        return Err(BackupError::Unreadable(cut));
    }
    if let Some(file) = &file {
        file.sync_all().map_err(failed)?;
    }
    Ok(Content { bytes, sha256: Digest::from_bytes(hash.finalize().into()) })
}

/// A new file with these permissions.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    options.open(path)
}

/// Whether the files are those that were written.
fn compare(found: &BTreeMap<String, Content>, manifest: &Manifest) -> Result<(), BackupError> {
    for (name, content) in &manifest.files {
        match found.get(name) {
            Some(found) if found == content => {}
            Some(_) => return Err(BackupError::Damaged(format!("{name} has other bytes"))),
            None => return Err(BackupError::Damaged(format!("{name} is not there"))),
        }
    }
    match found.keys().find(|name| !manifest.files.contains_key(*name)) {
        Some(name) => Err(BackupError::Damaged(format!("{name} was put in later"))),
        None => Ok(()),
    }
}

/// Whether the database is whole, and every file there that it names.
fn compare_database(database: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    if !manifest.files.contains_key(DATABASE) {
        return Err(BackupError::Foreign(format!("it has no {DATABASE}")));
    }
    let snapshot = Snapshot::open(database)?;
    let (found, known) = (snapshot.schema_version()?, schema_version());
    if found > known {
        let program = "of its time".to_owned();
        return Err(BackupError::Newer { program, what: "a database", found, known });
    }
    if let Some(fault) = snapshot.faults()?.first() {
        return Err(BackupError::Damaged(format!("its database: {fault}")));
    }
    if snapshot.row_counts()? != manifest.rows {
        return Err(BackupError::Damaged("its database has other rows".to_owned()));
    }
    let named = snapshot.named_files()?;
    let lost = named.needed.iter().find(|path| !manifest.files.contains_key(&super::name_of(path)));
    match lost {
        Some(path) => Err(BackupError::Damaged(format!(
            "{}, which its database names, is not there",
            path.display()
        ))),
        None => Ok(()),
    }
}
