//! Writes a backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use model_format::id::Digest;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::{
    BackupError, Content, DATABASE, FILES_MAX, FORMAT_FILE, FORMAT_VERSION, Format, MANIFEST_FILE,
    Manifest, PARTS, Summary, name_of,
};
use crate::clock::now_ms;
use crate::data_folder::{TEMPORARY_PREFIX, io_error, lock_copying};
use crate::progress::Progress;
use crate::store::snapshot::Snapshot;

/// Writes everything that the data folder keeps, whether a service works there or not.
///
/// # Errors
/// Where something cannot be read, is lost, or cannot be written.
pub(crate) fn write(
    data: &Path,
    output: &mut dyn Write,
    progress: &Progress,
) -> Result<Summary, BackupError> {
    let database = data.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NoData(data.to_owned()));
    }
    let _copying = lock_copying(data)?;
    let created_ms = now_ms();
    let prefix = format!("{TEMPORARY_PREFIX}backup-");
    let place = tempfile::Builder::new().prefix(&prefix).tempdir_in(data);
    let place = place.map_err(|error| BackupError::Folder(io_error(data)(error)))?;
    let copy = place.path().join(DATABASE);
    progress.stage("copying the database", 1);
    let snapshot = Snapshot::take(&database, &copy)?;
    snapshot.forget_passing_things()?;
    let format = Format {
        format_version: FORMAT_VERSION,
        schema_version: snapshot.schema_version()?,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        created_ms,
    };
    let rows = snapshot.row_counts()?;
    let files = files(data, &snapshot)?;
    drop(snapshot);
    let mut archive = Archive::new(output, created_ms);
    archive.append_json(FORMAT_FILE, &format)?;
    let total_bytes = size(&copy)? + files.iter().map(|(_, bytes)| bytes).sum::<u64>();
    progress.stage("writing the backup", total_bytes >> 20);
    archive.append_file(DATABASE.to_owned(), &copy, progress)?;
    for (path, _) in &files {
        archive.append_file(name_of(path), &data.join(path), progress)?;
    }
    let manifest = Manifest { files: archive.contents.clone(), rows };
    archive.append_json(MANIFEST_FILE, &manifest)?;
    archive.finish()?;
    Ok(Summary::new(&format, &manifest))
}

/// The files beside the database, below the data folder, with their sizes.
fn files(data: &Path, snapshot: &Snapshot) -> Result<Vec<(PathBuf, u64)>, BackupError> {
    let mut found = Vec::new();
    let named = snapshot.named_files()?;
    for part in PARTS.iter().map(PathBuf::from).chain(named.perhaps) {
        match fs::metadata(data.join(&part)) {
            Ok(facts) => found.push((part, facts.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(&data.join(part))(error).into()),
        }
    }
    for path in named.needed {
        let bytes = size(&data.join(&path))?;
        found.push((path, bytes));
    }
    if found.len() + 1 > FILES_MAX {
        return Err(BackupError::TooMany);
    }
    Ok(found)
}

fn size(path: &Path) -> Result<u64, BackupError> {
    match fs::metadata(path) {
        Ok(facts) => Ok(facts.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(BackupError::Lost(path.to_owned()))
        }
        Err(error) => Err(io_error(path)(error).into()),
    }
}

/// The archive that grows.
struct Archive<'a> {
    tar: Builder<GzEncoder<BufWriter<&'a mut dyn Write>>>,
    contents: BTreeMap<String, Content>,
    created_ms: i64,
    done_bytes: u64,
}

impl<'a> Archive<'a> {
    fn new(output: &'a mut dyn Write, created_ms: i64) -> Self {
        // Recordings are compressed already: more effort would save nothing but take long, and level 1
        // of this library makes what cannot be compressed larger.
        let gzip = GzEncoder::new(BufWriter::with_capacity(1 << 18, output), Compression::new(2));
        Archive { tar: Builder::new(gzip), contents: BTreeMap::new(), created_ms, done_bytes: 0 }
    }

    fn append_json(
        &mut self,
        name: &str,
        value: &impl serde::Serialize,
    ) -> Result<(), BackupError> {
        let bytes = serde_json::to_vec_pretty(value).expect("plain data has a JSON form");
        let mut header = self.header(bytes.len() as u64);
        self.tar.append_data(&mut header, name, &bytes[..]).map_err(BackupError::Unwritable)
    }

    fn append_file(
        &mut self,
        name: String,
        path: &Path,
        progress: &Progress,
    ) -> Result<(), BackupError> {
        // A file that is replaced meanwhile is read as it was when it was opened.
        let unreadable = io_error(path);
        let (file, bytes) =
            match File::open(path).and_then(|file| Ok((file.metadata()?.len(), file))) {
                Ok((bytes, file)) => (file, bytes),
                Err(error) => return Err(unreadable(error).into()),
            };
        let mut header = self.header(bytes);
        let (begun, mut failed) = (self.done_bytes, None);
        let mut reader = Watched {
            file: file.take(bytes),
            hash: Sha256::new(),
            bytes: 0,
            failed: &mut failed,
            told: |done| progress.set((begun + done) >> 20),
        };
        let appended = self.tar.append_data(&mut header, &name, &mut reader);
        let (read, hash) = (reader.bytes, reader.hash);
        if let Some(error) = failed {
            return Err(unreadable(error).into());
        }
        appended.map_err(BackupError::Unwritable)?;
        if read != bytes {
            let error = io::Error::other("it has become shorter while it was read");
            return Err(unreadable(error).into());
        }
        self.done_bytes += bytes;
        let sha256 = Digest::from_bytes(hash.finalize().into());
        self.contents.insert(name, Content { bytes, sha256 });
        Ok(())
    }

    fn header(&self, bytes: u64) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.created_ms / 1000).unwrap_or(0));
        header
    }

    fn finish(self) -> Result<(), BackupError> {
        let gzip = self.tar.into_inner().map_err(BackupError::Unwritable)?;
        let mut output = gzip.finish().map_err(BackupError::Unwritable)?;
        output.flush().map_err(BackupError::Unwritable)
    }
}

/// A file whose bytes are hashed and counted as they are read, and whose errors are told from those of
/// the archive.
struct Watched<'a, F: FnMut(u64)> {
    file: io::Take<File>,
    hash: Sha256,
    bytes: u64,
    failed: &'a mut Option<io::Error>,
    told: F,
}

impl<F: FnMut(u64)> Read for Watched<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer).inspect_err(|error| {
            *self.failed = Some(io::Error::new(error.kind(), error.to_string()));
        })?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        (self.told)(self.bytes);
        Ok(count)
    }
}
