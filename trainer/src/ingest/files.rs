//! Which files an import takes: the ones that are named, and the known kinds below folders.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model_format::nearest::did_you_mean;

use super::format::{FileFormat, Sniffed, sniff, zip};
use super::info_labels::{LABELS_FILE, LabelsFile};
use super::{ImportError, ImportOptions};

/// Deepest folder below the named one.
const DEPTH_MAX: usize = 16;

/// Most files in one import.
const FILES_MAX: usize = 1_000_000;

/// Bytes of a file that say what it is.
const HEAD_BYTES: u64 = 1 << 16;

/// Where a plan looks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Looking<'a> {
    /// What all files are, whatever they look like.
    pub format: Option<FileFormat>,
    /// Where archives are unpacked, for as long as the plan lives.
    pub scratch: &'a Path,
}

impl<'a> Looking<'a> {
    /// Files are what they look like.
    pub fn new(scratch: &'a Path) -> Self {
        Looking { format: None, scratch }
    }
}

/// What an import would take.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The files, in the order of their names.
    pub files: Vec<PlannedFile>,
    /// Files below the folders that are of no known kind.
    pub skipped: Vec<SkippedFile>,
    /// Archives, unpacked.
    unpacked: Vec<Arc<tempfile::TempDir>>,
}

/// A file that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// One file to import.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Path below the imported folder, with `/`; names the recording.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// The nearest label file: in the file's folder or above it, up to the imported folder.
    pub(super) labels: Option<Arc<LabelsFile>>,
    /// What it is.
    pub format: FileFormat,
    /// Why it is taken for that.
    pub evidence: String,
}

impl PlannedFile {
    /// Refuses a unit for a channel that the file does not have.
    pub(super) fn check_units<'a>(
        &self,
        options: &ImportOptions,
        channels: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), ImportError> {
        let has = |wanted: &str| channels.clone().any(|name| name == wanted);
        let Some(unit) = options.units.keys().find(|unit| !has(unit)) else { return Ok(()) };
        let hint = did_you_mean(unit, channels);
        let found = format!("--unit names `{unit}`, which is no channel of it{hint}");
        Err(self.undecided(found, "correct the name"))
    }

    /// An error about something that is not said and will not be guessed.
    pub(super) fn undecided(
        &self,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> ImportError {
        ImportError::Undecided {
            path: self.path.clone(),
            found: found.into(),
            advice: advice.into(),
        }
    }
}

/// Looks at `paths`. What a file is, its first bytes say. A file that is named must be of a known
/// format; below folders and in archives, files of others are skipped with the reason. With several
/// folders, names begin with the folder's, so that their files may be called alike.
///
/// # Errors
/// If a path cannot be read, an archive is refused, or nothing is found at all.
pub fn plan(paths: &[PathBuf], looking: Looking<'_>) -> Result<Plan, ImportError> {
    let plan = look(paths, looking)?;
    plan.check(paths)?;
    Ok(plan)
}

impl Plan {
    /// Refuses a plan without a file.
    ///
    /// # Errors
    /// [`ImportError::Nothing`].
    pub fn check(&self, paths: &[PathBuf]) -> Result<(), ImportError> {
        if !self.files.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let skipped = match self.skipped.as_slice() {
            [] => String::new(),
            [one] => format!(" ({}: {})", one.path.display(), one.reason),
            several => format!(" ({} files of other kinds)", several.len()),
        };
        Err(ImportError::Nothing { found: names.join(", ") + &skipped })
    }
}

/// [`plan`], which may come to nothing.
///
/// # Errors
/// If a path cannot be read, or an archive is refused.
pub fn look(paths: &[PathBuf], looking: Looking<'_>) -> Result<Plan, ImportError> {
    let mut plan = Plan::default();
    let is_group = |path: &&PathBuf| path.is_dir() || is_archive(path);
    let several = looking.format.is_none() && paths.iter().filter(is_group).count() > 1;
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        let mut walk = Walk { root: path.clone(), prefix: String::new(), looking, plan: &mut plan };
        if metadata.is_dir() {
            if let (true, Some(name)) = (several, path.file_name()) {
                walk.prefix = format!("{}/", name.to_string_lossy());
            }
            walk.folder(path, 0, None)?;
            continue;
        }
        match walk.sniff(path)? {
            Sniffed::Archive => {
                if let (true, Some(name)) = (several, path.file_stem()) {
                    walk.prefix = format!("{}/", name.to_string_lossy());
                }
                walk.archive(path, 0)?;
            }
            Sniffed::Format(format, evidence) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                let labels = LabelsFile::read(folder)?;
                walk.root = folder.to_owned();
                walk.add(path, metadata.len(), (format, evidence), labels);
            }
            Sniffed::Refused(what, advice) => {
                let (path, what, advice) = (path.clone(), what.to_owned(), advice.to_owned());
                return Err(ImportError::OtherFormat { path, what, advice });
            }
            Sniffed::Unknown(found) => {
                let advice = "say what it is with `--format`, for example `--format csv`";
                let (path, what, advice) = (path.clone(), found, advice.to_owned());
                return Err(ImportError::OtherFormat { path, what, advice });
            }
        }
    }
    Ok(plan)
}

fn is_archive(path: &Path) -> bool {
    read_head(path).is_ok_and(|head| sniff(path, &head) == Sniffed::Archive)
}

struct Walk<'a> {
    root: PathBuf,
    /// What names begin with.
    prefix: String,
    looking: Looking<'a>,
    plan: &'a mut Plan,
}

impl Walk<'_> {
    /// `above` is the nearest label file above `folder`.
    fn folder(
        &mut self,
        folder: &Path,
        depth: usize,
        above: Option<Arc<LabelsFile>>,
    ) -> Result<(), ImportError> {
        let mut entries = fs::read_dir(folder)
            .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
            .map_err(|source| io_error(folder, source))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let labels = LabelsFile::read(folder)?.or(above);
        for entry in entries {
            let path = entry.path();
            let metadata = fs::metadata(&path).map_err(|source| io_error(&path, source))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.skip(path, "hidden");
            } else if metadata.is_dir() && depth < DEPTH_MAX {
                self.folder(&path, depth + 1, labels.clone())?;
            } else if metadata.is_dir() {
                self.skip(path, "deeper than 16 folders");
            } else if !metadata.is_file() {
                self.skip(path, "no file, but a pipe or a device");
            } else if entry.file_name() != LABELS_FILE {
                self.file(path, metadata.len(), depth, labels.clone())?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: PathBuf,
        size_bytes: u64,
        depth: usize,
        labels: Option<Arc<LabelsFile>>,
    ) -> Result<(), ImportError> {
        match self.sniff(&path)? {
            Sniffed::Format(..) if self.plan.files.len() >= FILES_MAX => {
                self.skip(path, "beyond the millionth file");
            }
            Sniffed::Format(format, evidence) => {
                self.add(&path, size_bytes, (format, evidence), labels);
            }
            Sniffed::Archive if depth >= DEPTH_MAX => self.skip(path, "deeper than 16 folders"),
            Sniffed::Archive => self.archive(&path, depth + 1)?,
            Sniffed::Refused(what, advice) => self.skip(path, &format!("{what}: {advice}")),
            Sniffed::Unknown(found) => self.skip(path, &found),
        }
        Ok(())
    }

    /// The files of an archive, by the name of the archive and theirs.
    fn archive(&mut self, path: &Path, depth: usize) -> Result<(), ImportError> {
        let unpacked = Arc::new(zip::unpack(path, self.looking.scratch)?);
        let folder = unpacked.path().to_owned();
        self.plan.unpacked.push(unpacked);
        let below = path.strip_prefix(&self.root).ok().map(Path::to_owned).unwrap_or_default();
        let prefix = match parts(&below.with_extension("")).as_str() {
            "" => self.prefix.clone(),
            below => format!("{}{below}/", self.prefix),
        };
        let looking = self.looking;
        let mut walk = Walk { root: folder.clone(), prefix, looking, plan: self.plan };
        walk.folder(&folder, depth, None)
    }

    /// What a file is: as the options say, or as it looks.
    fn sniff(&self, path: &Path) -> Result<Sniffed, ImportError> {
        if let Some(format) = self.looking.format {
            return Ok(Sniffed::Format(format, "as --format says".to_owned()));
        }
        let head = read_head(path).map_err(|source| io_error(path, source))?;
        Ok(sniff(path, &head))
    }

    fn add(
        &mut self,
        path: &Path,
        size_bytes: u64,
        (format, evidence): (FileFormat, String),
        labels: Option<Arc<LabelsFile>>,
    ) {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let name = format!("{}{}", self.prefix, parts(below));
        let path = path.to_owned();
        self.plan.files.push(PlannedFile { path, name, size_bytes, labels, format, evidence });
    }

    fn skip(&mut self, path: PathBuf, reason: &str) {
        self.plan.skipped.push(SkippedFile { path, reason: reason.to_owned() });
    }
}

/// A path with `/` between its parts.
fn parts(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

fn read_head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// Reads a file that can be read as a whole only.
pub(super) fn read_whole(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ImportError> {
    let size = fs::metadata(path).map_err(|source| io_error(path, source))?.len();
    if size > bytes_max {
        let reason = format!("has {size} bytes; at most {bytes_max} are read: split it");
        return Err(ImportError::Form { path: path.to_owned(), reason });
    }
    fs::read(path).map_err(|source| io_error(path, source))
}

pub(super) fn io_error(path: &Path, source: std::io::Error) -> ImportError {
    ImportError::Io { path: path.to_owned(), source }
}
