//! The data folder: database, recordings and artifacts of one trainer, and the lock that keeps a
//! second process away.
//!
//! ```text
//! cirame.db                      what is known of everything below, users, devices, jobs
//! datasets/<content>.parquet     recordings, named by the digest of their content
//! datasets/<content>.blocks      what plots of long ones are drawn from; made from them
//! models/<sha256>.onnx           artifacts, named by the digest of their bytes
//! models/<sha256>.proof.json     their proofs
//! evaluations/<job>.csv          answers of models, window by window
//! runs/<run>.csv                 answers of models on the windows of their runs
//! uploads/<id>                   uploads, whole or not
//! inbox/                         files that the service offers for import
//! recorders/<id>.journal         what comes while it is recorded
//! broker-secret                  what the embedded broker's passwords are made of
//! first-login                    the first admin's password, until it was used
//! lock                           locked while a process works here; holds its process id
//! copying                        locked while a backup copies files: none is removed meanwhile
//! restoring.json                 how far a restore is; whoever opens the folder brings it to its end
//! before-restore-<time>/         what was here before a restore; also in the folders above
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use model_format::id::Digest;
use sha2::{Digest as _, Sha256};

use crate::backup::exchange;
use crate::ownership;
use crate::store::{JobId, RunId, Store, StoreError, UploadId};

/// Begins the names of files that are being written; what a killed process left is removed.
pub(crate) const TEMPORARY_PREFIX: &str = ".writing-";

/// The folders in the data folder.
pub(crate) const FOLDERS: [&str; 7] =
    ["datasets", "models", "evaluations", "runs", "uploads", "inbox", "recorders"];

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process works in the folder.
    #[error(
        "the data folder {} is in use by process {holder}: wait until it ends, stop it, or name \
         another folder with --data", path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The other process's id, as far as it can be read.
        holder: String,
    },
    /// The folder is not there and could not be made.
    #[error("the data folder {} cannot be made: {source}{}", path.display(), ownership::making(path, source))]
    Make {
        /// The folder.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A file or folder could not be read or written.
    #[error("{}: {source}{}", path.display(), ownership::advice(path, source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An opened and locked data folder.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    store: Store,
    /// Held for reading while files are used that nothing names, for writing while such are removed.
    files: RwLock<()>,
    /// Held, not read: the lock ends with the process.
    _lock: File,
}

impl DataFolder {
    /// Opens the folder, makes it if there is none, locks it, removes half-written files of a
    /// killed process, and opens the database.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        make(path)?;
        let lock = lock(path)?;
        exchange::finish(path)?;
        remove_temporary_files(path)?;
        for folder in FOLDERS.map(|name| path.join(name)) {
            fs::create_dir_all(&folder).map_err(io_error(&folder))?;
            remove_temporary_files(&folder)?;
        }
        let database = database_path(path);
        make_private(&database).map_err(io_error(&database))?;
        let store = Store::open(&database)?;
        let folder =
            DataFolder { path: path.to_owned(), store, files: RwLock::new(()), _lock: lock };
        folder.store.forget_old_imported_files()?;
        folder.sweep()?;
        Ok(folder)
    }

    /// Keeps files from being removed until it is dropped: for whoever writes some that nothing
    /// names yet, or relies on some that are there.
    pub fn use_files(&self) -> RwLockReadGuard<'_, ()> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes files that nothing names; later where somebody uses files just now.
    pub fn sweep(&self) -> Result<(), FolderError> {
        let Ok(_alone) = self.files.try_write() else { return Ok(()) };
        // A backup copies what the database named when it began: it must find it.
        let Some(_nobody_copies) = try_lock_copying(&self.path)? else { return Ok(()) };
        for path in self.store.loose_files()? {
            self.remove(&self.path.join(path))?;
        }
        Ok(self.store.forget_loose_files()?)
    }

    /// Notes that the files of a recording are about to be written.
    pub fn expect_recording(&self, content: Digest) -> Result<(), FolderError> {
        self.expect(&recording_file(content), &content.to_string())?;
        self.expect(&blocks_file(content), &content.to_string())
    }

    /// Notes that an artifact and its proof are about to be written.
    pub fn expect_artifact(&self, artifact: Digest) -> Result<(), FolderError> {
        self.expect(&artifact_file(artifact), &artifact.to_string())?;
        self.expect(&proof_file(artifact), &artifact.to_string())
    }

    /// Notes that the answers of an evaluation are about to be written.
    pub fn expect_evaluation(&self, job: JobId) -> Result<(), FolderError> {
        self.expect(&evaluation_file(job), &job.to_string())
    }

    /// Notes that the answers of a run are about to be written.
    pub fn expect_run(&self, run: RunId) -> Result<(), FolderError> {
        self.expect(&run_file(run), &run.to_string())
    }

    fn expect(&self, path: &Path, name: &str) -> Result<(), FolderError> {
        Ok(self.store.note_loose_file(&path.display().to_string(), name)?)
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where the recording of this content lies.
    pub fn recording_path(&self, content: Digest) -> PathBuf {
        self.path.join(recording_file(content))
    }

    /// Where the blocks of the recording of this content lie, if it is long enough.
    pub fn blocks_path(&self, content: Digest) -> PathBuf {
        self.path.join(blocks_file(content))
    }

    /// Where the artifact of this digest lies.
    pub fn artifact_path(&self, artifact: Digest) -> PathBuf {
        self.path.join(artifact_file(artifact))
    }

    /// Where the proof of this artifact lies.
    pub fn proof_path(&self, artifact: Digest) -> PathBuf {
        self.path.join(proof_file(artifact))
    }

    /// Where the answers of this evaluation lie.
    pub fn evaluation_path(&self, job: JobId) -> PathBuf {
        self.path.join(evaluation_file(job))
    }

    /// Where the answers of this run lie.
    pub fn run_path(&self, run: RunId) -> PathBuf {
        self.path.join(run_file(run))
    }

    /// Where the bytes of this upload lie.
    pub fn upload_path(&self, upload: UploadId) -> PathBuf {
        self.path.join(upload_file(upload))
    }

    /// The folder of the recordings.
    pub(crate) fn recordings_path(&self) -> PathBuf {
        self.path.join("datasets")
    }

    /// The folder whose files are offered for import.
    pub fn inbox_path(&self) -> PathBuf {
        self.path.join("inbox")
    }

    /// Where the files of this import are laid out while it goes on.
    pub fn import_path(&self, job: JobId) -> PathBuf {
        self.path.join("uploads").join(format!("{TEMPORARY_PREFIX}{job}"))
    }

    /// Where what recorders hear is kept until it has become recordings.
    pub(crate) fn recorders_path(&self) -> PathBuf {
        self.path.join("recorders")
    }

    /// Where the first admin's password stands until it was used.
    pub fn first_login_path(&self) -> PathBuf {
        self.path.join("first-login")
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a file of the folder, if it is there.
    fn remove(&self, path: &Path) -> Result<(), FolderError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path)(error)),
            _ => Ok(()),
        }
    }

    /// The bytes of an artifact, checked against its digest.
    pub fn read_artifact(&self, artifact: Digest) -> Result<Vec<u8>, FolderError> {
        let path = self.artifact_path(artifact);
        let bytes = fs::read(&path).map_err(io_error(&path))?;
        if Digest::of(&bytes) != artifact {
            let source = io::Error::other("the file's content is not what its name says: damaged");
            return Err(FolderError::Io { path, source });
        }
        Ok(bytes)
    }
}

/// The database of a data folder.
pub(crate) fn database_path(folder: &Path) -> PathBuf {
    folder.join("cirame.db")
}

/// Where the recording of this content lies, below the data folder.
pub(crate) fn recording_file(content: Digest) -> PathBuf {
    Path::new("datasets").join(format!("{content}.parquet"))
}

/// Where the blocks of the recording of this content lie, below the data folder.
pub(crate) fn blocks_file(content: Digest) -> PathBuf {
    Path::new("datasets").join(format!("{content}.blocks"))
}

/// Where the artifact of this digest lies, below the data folder.
pub(crate) fn artifact_file(artifact: Digest) -> PathBuf {
    Path::new("models").join(format!("{artifact}.onnx"))
}

/// Where the proof of this artifact lies, below the data folder.
pub(crate) fn proof_file(artifact: Digest) -> PathBuf {
    Path::new("models").join(format!("{artifact}.proof.json"))
}

/// Where the bytes of this upload lie, below the data folder.
pub(crate) fn upload_file(upload: UploadId) -> PathBuf {
    Path::new("uploads").join(upload.to_string())
}

/// Where the answers of this evaluation lie, below the data folder.
pub(crate) fn evaluation_file(job: JobId) -> PathBuf {
    Path::new("evaluations").join(format!("{job}.csv"))
}

/// Where the answers of this run lie, below the data folder.
pub(crate) fn run_file(run: RunId) -> PathBuf {
    Path::new("runs").join(format!("{run}.csv"))
}

/// Writes a file so that it is there whole or not at all, also after a crash: into a temporary
/// file beside it, synced, renamed, the folder synced.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// [`write_atomically`] for content that is written in pieces.
pub fn write_atomically_with(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), FolderError> {
    write_with(path, write, set_readable)
}

fn write_with(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
    permit: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), FolderError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut writing = Writing::begin(folder)?;
    write(writing.temporary.as_file_mut()).map_err(io_error(path))?;
    writing.finish_with(path, permit)
}

/// A file on its way into a folder, under a name that is removed at the next start if the process
/// ends before.
#[derive(Debug)]
pub(crate) struct Writing {
    temporary: tempfile::NamedTempFile,
}

impl Writing {
    pub(crate) fn begin(folder: &Path) -> Result<Self, FolderError> {
        let temporary = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(folder);
        Ok(Writing { temporary: temporary.map_err(io_error(folder))? })
    }

    /// The file, to be written to.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.temporary.as_file().try_clone()
    }

    /// Puts the file, whole and synced, to its place in the same folder.
    pub(crate) fn finish(self, path: &Path) -> Result<(), FolderError> {
        self.finish_with(path, set_readable)
    }

    fn finish_with(
        self,
        path: &Path,
        permit: impl FnOnce(&File) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        let Writing { temporary } = self;
        let result = (|| {
            temporary.as_file().sync_all()?;
            permit(temporary.as_file())?;
            let placed = temporary.persist(path).map_err(|error| error.error)?;
            drop(placed);
            let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        })();
        result.map_err(io_error(path))
    }
}

/// [`write_atomically`] for a secret: only the owner of the process may read the file.
pub fn write_privately(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_with(path, |file| file.write_all(bytes), |_| Ok(()))
}

/// Digest of what is left to read of a file.
pub(crate) fn digest(file: &mut File) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(Digest::from_bytes(hash.finalize().into()));
        }
        hash.update(&buffer[..count]);
    }
}

/// Makes the database's file where there is none, so that only the owner of the process may read it:
/// it holds hashes of passwords. SQLite gives its other files the same permissions.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Temporary files are private; what is handed to users is not.
fn set_readable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}

/// Makes the data folder, where there is none.
pub(crate) fn make(path: &Path) -> Result<(), FolderError> {
    let refused = |source| FolderError::Make { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(refused)
}

/// Keeps every process from removing files of the data folder until it is dropped; waits while one
/// does.
pub(crate) fn lock_copying(folder: &Path) -> Result<File, FolderError> {
    let (path, file) = open_copying(folder)?;
    file.lock_shared().map_err(io_error(&path))?;
    Ok(file)
}

/// The lock that nobody has who copies; none where somebody does.
pub(crate) fn try_lock_copying(folder: &Path) -> Result<Option<File>, FolderError> {
    let (path, file) = open_copying(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(FolderError::Io { path, source }),
    }
}

fn open_copying(folder: &Path) -> Result<(PathBuf, File), FolderError> {
    let path = folder.join("copying");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(io_error(&path))?;
    ownership::give_to_owner_of(folder, &path).map_err(io_error(&path))?;
    Ok((path, file))
}

/// Locks the data folder for this process.
pub(crate) fn lock(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The holder may be about to write its id: the refusal stands without it.
            let _ = file.take(20).read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "(unknown)".to_owned(),
                holder => holder.to_owned(),
            };
            return Err(FolderError::Locked { path: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(FolderError::Io { path, source }),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(io_error(&path))?;
    Ok(file)
}

fn remove_temporary_files(folder: &Path) -> Result<(), FolderError> {
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed =
                if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(io_error(&path))?;
        }
    }
    Ok(())
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_written_files_of_a_killed_process_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataFolder::open(folder.path()).unwrap());
        let left = folder.path().join("datasets").join(".writing-1234");
        fs::write(&left, b"half").unwrap();
        DataFolder::open(folder.path()).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let failed = write_atomically_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_artifact_that_was_changed_on_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let digest = Digest::of(b"model");
        write_atomically(&data.artifact_path(digest), b"model").unwrap();
        assert_eq!(data.read_artifact(digest).unwrap(), b"model");
        fs::write(data.artifact_path(digest), b"other").unwrap();
        assert!(data.read_artifact(digest).is_err());
    }
}
