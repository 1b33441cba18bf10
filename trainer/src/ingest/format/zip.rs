//! ZIP archives: unpacked within bounds into a folder that is removed after the import.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::super::ImportError;
use super::super::files::io_error;

/// Most entries of an archive.
const ENTRIES_MAX: usize = 100_000;

/// Most bytes of all entries together, unpacked.
const UNPACKED_BYTES_MAX: u64 = 64 << 30;

/// Entries above this size may be packed to no less than a 200th: what is packed tighter is made to
/// fill disks.
const RATIO_FROM_BYTES: u64 = 16 << 20;
const RATIO_MAX: u64 = 200;

/// Unpacks an archive into a folder of its own below `scratch`.
pub(in crate::ingest) fn unpack(
    path: &Path,
    scratch: &Path,
) -> Result<tempfile::TempDir, ImportError> {
    let input = File::open(path).map_err(|source| io_error(path, source))?;
    let mut archive = open(path, &input)?;
    check(path, &mut archive, UNPACKED_BYTES_MAX)?;
    let folder = tempfile::Builder::new()
        .prefix(crate::data_folder::TEMPORARY_PREFIX)
        .tempdir_in(scratch)
        .map_err(|source| io_error(scratch, source))?;
    for index in 0..archive.len() {
        let refused = |reason: String| ImportError::Form { path: path.to_owned(), reason };
        let mut entry = archive
            .by_index(index)
            .map_err(|error| refused(format!("an entry of it cannot be read: {error}")))?;
        let name = safe_name(path, &entry)?;
        let target = folder.path().join(&name);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(|source| io_error(&target, source))?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|source| io_error(parent, source))?;
        }
        let said = entry.size();
        let mut output = File::create_new(&target).map_err(|source| io_error(&target, source))?;
        // No entry unpacks to more than it says.
        let copied = io::copy(&mut entry.by_ref().take(said), &mut output);
        let copied = copied.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                refused(format!("its entry {} is damaged: {error}", name.display()))
            }
            _ => io_error(&target, error),
        })?;
        if copied != said {
            return Err(refused(format!("its entry {} is cut off", name.display())));
        }
    }
    Ok(folder)
}

/// Refuses an archive whose entries unpack to more than `bytes_max`, or that is packed too tightly.
pub(super) fn check_unpacked(path: &Path, input: &File, bytes_max: u64) -> Result<(), ImportError> {
    check(path, &mut open(path, input)?, bytes_max)
}

fn open<'f>(
    path: &Path,
    input: &'f File,
) -> Result<ZipArchive<io::BufReader<&'f File>>, ImportError> {
    ZipArchive::new(io::BufReader::new(input)).map_err(|error| ImportError::Form {
        path: path.to_owned(),
        reason: format!("is no ZIP archive that can be read: {error}"),
    })
}

fn check(
    path: &Path,
    archive: &mut ZipArchive<io::BufReader<&File>>,
    bytes_max: u64,
) -> Result<(), ImportError> {
    let refused = |reason: String| ImportError::Form { path: path.to_owned(), reason };
    if archive.len() > ENTRIES_MAX {
        let reason = format!("has {} entries; at most {ENTRIES_MAX} are unpacked", archive.len());
        return Err(refused(reason));
    }
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .map_err(|error| refused(format!("an entry of it cannot be read: {error}")))?;
        let name = safe_name(path, &entry)?;
        let (size, packed) = (entry.size(), entry.compressed_size());
        if size > RATIO_FROM_BYTES && size / RATIO_MAX > packed {
            let reason = format!(
                "its entry {} says that {packed} bytes unpack to {size}: more than {RATIO_MAX} times is \
                 not unpacked",
                name.display()
            );
            return Err(refused(reason));
        }
        total = total.saturating_add(size);
        if total > bytes_max {
            let reason = format!("unpacks to more than {bytes_max} bytes: split it");
            return Err(refused(reason));
        }
    }
    Ok(())
}

/// The path of an entry below the folder. Links, and paths that lead elsewhere, are refused.
fn safe_name<R: io::Read + ?Sized>(
    path: &Path,
    entry: &zip::read::ZipFile<'_, R>,
) -> Result<PathBuf, ImportError> {
    let written = match entry.name() {
        Ok(name) => name.into_owned(),
        Err(_) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
    };
    let shown: String = written.chars().take(80).flat_map(char::escape_debug).collect();
    let refused = |reason: &str| {
        let reason = format!("its entry \"{shown}\" {reason}");
        Err(ImportError::Form { path: path.to_owned(), reason })
    };
    if entry.encrypted() {
        return refused("is encrypted: unpack it with its password first");
    }
    if entry.is_symlink() {
        return refused("is a link, and links are not followed: pack the file itself");
    }
    let is_safe = !written.is_empty()
        && !written.contains(['\\', '\0', ':'])
        && written.trim_end_matches('/').split('/').all(|part| !["", ".", ".."].contains(&part));
    match is_safe {
        true => Ok(PathBuf::from(written)),
        false => refused("leads out of the archive's folder, or has no usable name"),
    }
}
