//! Single files that programs send: each becomes a recording of a dataset that grows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ImportingError;
use crate::ingest::{
    self, Destination, ImportError, ImportOptions, ImportedFile, Looking, PlannedFile,
};
use crate::progress::Cancelled;
use crate::store::NewEntry;
use crate::training::Work;

/// Digits of a content's digest that tell files of one name apart.
const DIGITS: usize = 8;

/// A file that was sent, in a folder of its own that goes with this.
#[derive(Debug)]
pub struct Sent {
    path: PathBuf,
}

impl Sent {
    /// Puts the file into `folder`, below the part of the dataset that it is for.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn folder(folder: &Path, partition: &str, name: &str, bytes: &[u8]) -> io::Result<Self> {
        let sent = Sent { path: folder.to_owned() };
        let path = folder.join(partition).join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
        Ok(sent)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), error = %error, "cannot be removed");
        }
    }
}

/// Puts a file into a dataset, and gives the names of its recordings. What the dataset has already is
/// kept once; another content of the same name gets a name of its own.
///
/// # Errors
/// If the file is refused, or the dataset has it and `refuses_known` says that this is an error.
pub fn keep(
    work: Work<'_>,
    dataset: &str,
    sent: &Sent,
    options: &ImportOptions,
    refuses_known: bool,
) -> Result<Vec<String>, ImportingError> {
    let paths = [sent.path.clone()];
    let plan = ingest::plan(&paths, Looking::new(&sent.path))?;
    let mut files = Vec::new();
    let mut sink = |_: &PlannedFile, file: ImportedFile| {
        files.push(file);
        Ok::<(), ImportError>(())
    };
    let destination = Destination::Folder(work.folder);
    ingest::import(&plan, options, destination, &mut Silent, &mut sink)?;
    let store = work.folder.store();
    let before = store.dataset_version(work.owner, dataset, None);
    let known = before.map(|version| version.entries).unwrap_or_default();
    let mut entries: Vec<NewEntry> = Vec::new();
    let mut names = Vec::new();
    for mut entry in files.into_iter().flat_map(|file| file.recordings).map(|one| one.entry) {
        if let Some(same) = known.iter().find(|known| known.info.content == entry.info.content) {
            if refuses_known {
                let name = same.info.name.clone();
                return Err(ImportingError::Known { name, dataset: dataset.to_owned() });
            }
            names.push(same.info.name.clone());
            continue;
        }
        if known.iter().any(|known| known.info.name == entry.info.name) {
            entry.info.name = told_apart(&entry);
        }
        names.push(entry.info.name.clone());
        entries.push(entry);
    }
    if !entries.is_empty() {
        store.add_to_dataset(work.owner, dataset, &entries)?;
    }
    Ok(names)
}

/// `training/idle.json` becomes `training/idle.1a2b3c4d.json`.
fn told_apart(entry: &NewEntry) -> String {
    let digits = &entry.info.content.to_string()[..DIGITS];
    match entry.info.name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{digits}.{ending}"),
        None => format!("{}.{digits}", entry.info.name),
    }
}

struct Silent;

impl ingest::Progress for Silent {
    fn file(&mut self, _: &Path, _: u64, _: u64) {}

    fn bytes(&mut self, _: u64, _: u64) -> Result<(), Cancelled> {
        Ok(())
    }
}
