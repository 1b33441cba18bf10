//! The job of an import: uploads and files of the inbox become recordings of a dataset.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use model_format::payload::csv;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Outcome;
use crate::api::Source;
use crate::api::problem::{IMPORT, INVALID, Problem, io_problem};
use crate::importing::import;
use crate::ingest::{self, ImportOptions, TimeOption};
use crate::store::{Job, UploadId};
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

/// How files are to be read: the options of `cirame-trainer import`, by the same names. What a file
/// does not say itself (Edge Impulse files say almost everything, CSV files almost nothing) must be
/// said here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportSettings {
    /// CSV: the column with the time of each row.
    pub time: Option<String>,
    /// CSV: unit of the time column: `s`, `ms`, `us`, `ns` or `datetime`.
    pub time_unit: Option<String>,
    /// CSV: samples per second for files without times, as text, or `none` for rows without a rate.
    pub rate_hz: Option<String>,
    /// Where the label stands: `folder`, `filename`, `filename:PATTERN`, `column:NAME`,
    /// `value:CLASS` or `none`.
    pub label_from: Option<String>,
    /// Tags from the file's name: `gt_{year}`.
    pub tags_from: Option<String>,
    /// Tags of all recordings.
    pub tags: BTreeMap<String, String>,
    /// CSV: a column whose values tell recordings apart.
    pub recording_column: Option<String>,
    /// CSV: columns that a regression shall predict.
    pub target_columns: Vec<String>,
    /// Units by channel.
    pub units: BTreeMap<String, String>,
    /// CSV: columns to leave out.
    pub ignore_columns: Vec<String>,
    /// CSV: the sign between two cells: `,` `;` `tab` or `|`; found otherwise.
    pub delimiter: Option<String>,
    /// CSV: the decimal sign: `point` or `comma`; found otherwise.
    pub decimal: Option<String>,
}

impl ImportSettings {
    /// The options that these settings name.
    ///
    /// # Errors
    /// With the field that cannot be understood.
    pub fn parse(&self) -> Result<ImportOptions, Problem> {
        let time_unit = parse_field("time_unit", self.time_unit.as_ref())?;
        if self.time.is_none() && time_unit.is_some() {
            return Err(Problem::new(INVALID, "time_unit is given without time"));
        }
        let delimiter = self.delimiter.as_deref().map(csv::parse_delimiter).transpose();
        let options = ImportOptions {
            time: self.time.clone().map(|column| TimeOption { column, format: time_unit }),
            rate: parse_field("rate_hz", self.rate_hz.as_ref())?,
            label_from: parse_field("label_from", self.label_from.as_ref())?,
            tags_from: parse_field("tags_from", self.tags_from.as_ref())?,
            tags: self.tags.clone(),
            recording_column: self.recording_column.clone(),
            target_columns: self.target_columns.clone(),
            units: self.units.clone(),
            ignore_columns: self.ignore_columns.clone(),
            dialect: csv::Options {
                delimiter: delimiter.map_err(|error| refused("delimiter", &error))?,
                decimal: parse_field("decimal", self.decimal.as_ref())?,
            },
        };
        options.check().map_err(|error| Problem::new(INVALID, error.to_string()))?;
        Ok(options)
    }
}

fn parse_field<T: FromStr>(name: &str, text: Option<&String>) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse()).transpose().map_err(|error| refused(name, &error))
}

fn refused(name: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(INVALID, format!("{name}: {error}")).with("field", name)
}

pub(super) fn carry_out(work: Work<'_>, job: &Job) -> Outcome {
    let input: ImportInput = serde_json::from_value(job.input.clone())
        .map_err(|error| Problem::internal(&format!("the job's input: {error}")))?;
    let options = input.options.parse()?;
    let laid_out = LaidOut::new(work, job, &input)?;
    let planned = ingest::plan(std::slice::from_ref(&laid_out.path));
    let plan =
        planned.map_err(|error| laid_out.problem(Problem::new(IMPORT, error.to_string())))?;
    let imported = import(work, &input.dataset, &plan, &options, &mut |_| {});
    let mut imported = imported.map_err(|error| laid_out.problem(error.into()))?;
    for skipped in &mut imported.skipped {
        skipped.file = laid_out.without_folder(&skipped.file);
    }
    serde_json::to_value(imported).map_err(|error| Problem::internal(&error))
}

/// The files of an import in a folder of their own, by the names that the client gave them.
struct LaidOut {
    path: PathBuf,
}

impl LaidOut {
    fn new(work: Work<'_>, job: &Job, input: &ImportInput) -> Result<Self, Problem> {
        let folder = work.folder;
        let path = folder.import_path(job.id);
        let broken = |error: io::Error| io_problem(&path.display().to_string(), &error);
        fs::create_dir_all(&path).map_err(broken)?;
        let laid_out = LaidOut { path: path.clone() };
        for (name, file) in &input.files {
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
        let detail = self.without_folder(problem.detail());
        problem.with_detail(detail)
    }

    fn without_folder(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.path.display()), "")
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
