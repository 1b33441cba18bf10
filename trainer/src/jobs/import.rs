//! The job of an import: uploads and files of the inbox become recordings of a dataset.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::api::Source;
use crate::api::problem::{IMPORT, Problem, io_problem};
use crate::data_folder::DataFolder;
use crate::importing::import;
use crate::importing::preview::{ImportPreview, preview};
use crate::ingest::{self, ImportSettings, Looking, Plan, in_words_of_settings};
use crate::store::{Job, JobId, UploadId};
use crate::training::Work;

/// Deepest folder of the inbox that is looked into.
const DEPTH_MAX: usize = 8;

/// What is asked: files by the name that they have for the import.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportInput {
    /// Name of the dataset.
    pub dataset: String,
    /// The files.
    pub files: BTreeMap<String, ImportFile>,
    /// How they are to be read.
    pub options: ImportSettings,
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFile {
    /// Among the uploads.
    Upload(UploadId),
    /// In the inbox, by its name.
    Inbox,
}

pub(super) fn carry_out(work: Work<'_>, job: &Job) -> Outcome {
    let input: ImportInput = serde_json::from_value(job.input.clone())
        .map_err(|error| Problem::internal(&format!("the job's input: {error}")))?;
    let options = input.options.parse()?;
    let laid_out = LaidOut::new(work.folder, job.id, &input.files)?;
    let looking = Looking { format: options.format, scratch: &laid_out.path };
    let planned = ingest::plan(std::slice::from_ref(&laid_out.path), looking);
    let plan =
        planned.map_err(|error| laid_out.problem(Problem::new(IMPORT, error.to_string())))?;
    let imported = import(work, &input.dataset, &plan, &options, &mut |_| {});
    let mut imported = imported.map_err(|error| laid_out.problem(error.into()))?;
    for skipped in &mut imported.skipped {
        skipped.file = laid_out.without_folder(&skipped.file);
    }
    for refused in &mut imported.refused {
        refused.reason = laid_out.without_folder(&in_words_of_settings(&refused.reason));
    }
    serde_json::to_value(imported).map_err(|error| Problem::internal(&error))
}

/// The files of an import in a folder of their own, by the names that the client gave them.
pub(crate) struct LaidOut {
    /// The folder.
    pub(crate) path: PathBuf,
}

impl LaidOut {
    /// Lays the files out in a folder that is named by `id`, and is removed with this.
    pub(crate) fn new(
        folder: &DataFolder,
        id: JobId,
        files: &BTreeMap<String, ImportFile>,
    ) -> Result<Self, Problem> {
        let path = folder.import_path(id);
        let broken = |error: io::Error| io_problem(&path.display().to_string(), &error);
        fs::create_dir_all(&path).map_err(broken)?;
        let laid_out = LaidOut { path: path.clone() };
        for (name, file) in files {
            let from = match file {
                ImportFile::Upload(id) => Ok(folder.upload_path(*id)),
                ImportFile::Inbox => in_inbox(&folder.inbox_path(), name),
            };
            let laid = from.and_then(|from| lay_out(&from, &laid_out.path.join(name)));
            laid.map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    let detail = format!("{name:?} is there no more: upload it again");
                    Problem::new(IMPORT, detail)
                }
                ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory => {
                    let detail = format!("{name:?} is a file and the folder of another one");
                    Problem::new(IMPORT, detail)
                }
                _ => broken(error),
            })?;
        }
        Ok(laid_out)
    }

    /// A problem that names files as the client does.
    fn problem(&self, problem: Problem) -> Problem {
        let detail = self.without_folder(&in_words_of_settings(problem.detail()));
        problem.with_detail(detail)
    }

    /// What an import of the files would find.
    pub(crate) fn preview(&self, settings: ImportSettings, decided: &[String]) -> ImportPreview {
        let format = settings.parse().ok().and_then(|options| options.format);
        let looking = Looking { format, scratch: &self.path };
        let looked = ingest::look(std::slice::from_ref(&self.path), looking);
        let (plan, refused) = match looked {
            Ok(plan) => {
                let refused = plan.check(std::slice::from_ref(&self.path)).err();
                (plan, refused)
            }
            Err(error) => (Plan::default(), Some(error)),
        };
        let mut preview = preview(&plan, settings, decided);
        if let Some(error) = refused {
            preview.refusal = Some(error.to_string());
        }
        preview.refusal = preview.refusal.map(|refusal| self.without_folder(&refusal));
        for skipped in &mut preview.skipped {
            skipped.file = self.without_folder(&skipped.file);
        }
        preview
    }

    /// A text without the folder before the names.
    pub(crate) fn without_folder(&self, text: &str) -> String {
        let folder = self.path.display().to_string();
        text.replace(&format!("{folder}/"), "").replace(&folder, "the files")
    }
}

impl Drop for LaidOut {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), error = %error, "cannot be removed");
        }
    }
}

/// A file of the inbox, which no link in its path may lead out of.
fn in_inbox(inbox: &Path, name: &str) -> io::Result<PathBuf> {
    let path = inbox.join(name);
    let real = path.canonicalize()?;
    let own = real == inbox.canonicalize()?.join(name) && real.is_file();
    if own { Ok(real) } else { Err(ErrorKind::NotFound.into()) }
}

/// Puts a file where the import looks for it: the same file, or a copy where the inbox is another
/// file system.
fn lay_out(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => fs::copy(from, to).map(drop),
        linked => linked,
    }
}

/// The files below the inbox, by name, at most `count`. Hidden ones and links are left out.
///
/// # Errors
/// Where the inbox cannot be read.
pub fn sources(inbox: &Path, count: usize) -> Result<Vec<Source>, Problem> {
    let mut found = Vec::new();
    walk(inbox, "", 0, count, &mut found)
        .map_err(|error| io_problem(&inbox.display().to_string(), &error))?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    count: usize,
    found: &mut Vec<Source>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        if name.starts_with('.') || found.len() >= count {
            continue;
        }
        let name = format!("{prefix}{name}");
        if kind.is_dir() && depth < DEPTH_MAX {
            walk(&entry.path(), &format!("{name}/"), depth + 1, count, found)?;
        } else if kind.is_file() {
            found.push(Source { name, size_bytes: entry.metadata()?.len() });
        }
    }
    Ok(())
}
