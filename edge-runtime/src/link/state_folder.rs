//! The state folder: what a device keeps across restarts, each file there whole or not at all.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use model_format::id::Digest;

/// A state folder, locked: one program uses it at a time.
pub(crate) struct StateFolder {
    path: PathBuf,
    /// Holds the lock as long as it is open.
    _lock: File,
}

impl StateFolder {
    /// Opens the folder; makes it, for its owner alone, where it is not there.
    ///
    /// # Errors
    /// Another program uses it, or it cannot be written.
    pub(crate) fn open(path: &Path) -> anyhow::Result<StateFolder> {
        let name = path.display();
        let made = make_private(path)
            .and_then(|()| make_private(&path.join("models")))
            .and_then(|()| make_private(&path.join("downloads")))
            .and_then(|()| make_private(&path.join("requests")));
        made.with_context(|| format!("the state folder {name} cannot be made{}", owner(path)))?;
        let lock = OpenOptions::new().create(true).append(true).open(path.join("lock"));
        let lock = lock
            .with_context(|| format!("the state folder {name} cannot be written{}", owner(path)))?;
        match lock.try_lock() {
            Ok(()) => Ok(StateFolder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another cirame-edge uses the state folder {name}: end it, or name another folder"
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("the state folder {name} cannot be locked"))
            }
        }
    }

    /// Whether there is such a folder.
    pub(crate) fn exists(path: &Path) -> bool {
        path.join("lock").is_file()
    }

    /// Whether a program uses the folder.
    ///
    /// # Errors
    /// There is no such folder, or it cannot be read.
    pub(crate) fn is_in_use(path: &Path) -> anyhow::Result<bool> {
        let name = path.display();
        let lock = File::open(path.join("lock")).with_context(|| {
            format!(
                "{name} is no state folder of cirame-edge that can be read: name the right one with \
                 --state, and run this as the user of the service"
            )
        })?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("the state folder {name} cannot be looked at"))
            }
        }
    }

    /// Where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a model that has arrived whole.
    pub(super) fn model_path(&self, artifact: Digest) -> PathBuf {
        self.path.join("models").join(format!("{artifact}.onnx"))
    }

    /// The file of a model that is on its way. Names may share an artifact, and not the file; what a
    /// name looks like never reaches a path.
    pub(super) fn download_path(&self, artifact: Digest, name: &str) -> PathBuf {
        let name = Digest::of(name.as_bytes()).to_string();
        self.path.join("downloads").join(format!("{artifact}.{}.part", &name[..16]))
    }

    /// Puts a model that arrived by hand to the models.
    pub(super) fn put_model(&self, artifact: Digest, bytes: &[u8]) -> io::Result<()> {
        self.write(&format!("models/{artifact}.onnx"), bytes)
    }

    /// Writes a file that only its owner may read: into a temporary one beside it, synced,
    /// renamed, the folder synced.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{file_name}.tmp"));
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_folder(path.parent().unwrap_or(&self.path))
    }

    /// Reads a file of at most `bytes_max` bytes; `None` where there is none.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.path.join(name);
        let bytes = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.and_then(|file| read_bounded(file, bytes_max)),
        };
        bytes.map(Some).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// Takes a file out of the way without losing it.
    pub(super) fn set_aside(&self, name: &str) -> io::Result<()> {
        fs::rename(self.path.join(name), self.path.join(format!("{name}.broken")))
    }

    /// Moves a download that is complete to the models.
    pub(super) fn adopt_download(&self, artifact: Digest, name: &str) -> io::Result<()> {
        let (from, to) = (self.download_path(artifact, name), self.model_path(artifact));
        File::open(&from)?.sync_all()?;
        fs::rename(from, to)?;
        sync_folder(&self.path.join("models"))?;
        sync_folder(&self.path.join("downloads"))
    }

    /// Removes models and downloads that are not kept. What cannot be removed is told and left.
    pub(super) fn clean(&self, models: &[Digest], downloads: &[(Digest, &str)]) {
        let model_paths: Vec<PathBuf> = models.iter().map(|&kept| self.model_path(kept)).collect();
        remove_others(&self.path.join("models"), &model_paths);
        let kept = downloads.iter().map(|&(artifact, name)| self.download_path(artifact, name));
        let paths: Vec<PathBuf> = kept.collect();
        remove_others(&self.path.join("downloads"), &paths);
    }
}

/// Whose a folder is, and the command that gives it to the user that this program runs as, or makes it;
/// nothing where it is that user's already.
fn owner(path: &Path) -> String {
    let Ok(own) = fs::metadata("/proc/self") else { return String::new() };
    let (user, group, place) = (own.uid(), own.gid(), path.display());
    let Ok(folder) = fs::metadata(path) else {
        return format!("; make it with `sudo install -d -o {user} -g {group} {place}`");
    };
    if folder.uid() == user {
        return String::new();
    }
    format!(
        "; {place} belongs to the user {}:{}, and this program runs as {user}:{group}: run `sudo chown -R \
         {user}:{group} {place}`, in a container on the folder of the host that is mounted there",
        folder.uid(),
        folder.gid()
    )
}

/// The usual place for a state folder: `$STATE_DIRECTORY`, as systemd sets it, or `cirame-edge` in
/// `$XDG_STATE_HOME` or `~/.local/state`.
///
/// # Errors
/// There is none.
pub(crate) fn usual_path() -> anyhow::Result<PathBuf> {
    let of = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || of("HOME").map(|home| home.join(".local/state"));
    let usual = || Some(of("XDG_STATE_HOME").or_else(home)?.join("cirame-edge"));
    let path = of("STATE_DIRECTORY").or_else(usual);
    path.context("there is no usual place for state: name a folder with --state")
}

/// Reads at most `bytes_max` bytes; a longer file is an error.
pub(super) fn read_bounded(file: File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove_others(folder: &Path, kept: &[PathBuf]) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "old models cannot be removed");
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if kept.contains(&path) {
            continue;
        }
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(file = %path.display(), %error, "an old model cannot be removed");
        }
    }
}
