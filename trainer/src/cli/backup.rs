//! `backup`: everything that the trainer keeps, in one file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::Context;
use super::report::{Report, moment};
use crate::backup::{self, BackupError, Input, Summary};
use crate::clock::now_ms;

/// Begins the names of backups that are being written.
const TEMPORARY_PREFIX: &str = ".writing-backup-";

/// A backup that is being written for longer was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

/// Write everything that the trainer keeps into one file, also while the service works: users,
/// datasets, models, runs, devices and what they need. Or check such a file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer backup
  To another disk, under a name with the time:
    cirame-trainer backup /mnt/backups/
  Out of a container:
    docker compose exec -T trainer /cirame-trainer backup - > backup.tar.gz
  Is a backup whole?
    cirame-trainer backup --check backups/20261128_093000.tar.gz
  The file holds secrets: whoever has it can sign in where devices sign in.")]
pub(super) struct Backup {
    /// The file to write; a folder, for a name with the time; or - for standard output. Otherwise a
    /// name with the time in the folder backups beside the data folder.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Check the file instead, or - for standard input: every byte, and that nothing is missing.
    #[arg(long, requires = "file")]
    check: bool,
}

impl Backup {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        match (&self.file, self.check) {
            (Some(file), true) => check(context, file),
            (Some(file), false) if file.as_os_str() == "-" => {
                let mut output = io::stdout().lock();
                let summary = backup::write(&context.data, &mut output, &context.progress)?;
                // Standard output is the backup.
                eprint!("written: {}", text(&summary));
                Ok(Report { text: String::new(), json: serde_json::Value::Null })
            }
            (file, _) => {
                let path = target(&context.data, file.as_deref())?;
                let summary = write(context, &path)?;
                let bytes = fs::metadata(&path).map(|facts| facts.len()).unwrap_or(0);
                let shown = path.display();
                let text = format!("{shown}, {} MB: {}", megabytes(bytes), text(&summary));
                let mut json = super::to_json(&summary);
                json["file"] = shown.to_string().into();
                json["file_bytes"] = bytes.into();
                Ok(Report { text, json })
            }
        }
    }
}

fn check(context: &Context, file: &Path) -> anyhow::Result<Report> {
    let input = open(file)?;
    let beside = if context.data.is_dir() { context.data.clone() } else { std::env::temp_dir() };
    let summary = backup::check(input, &beside, &context.progress)?;
    Ok(Report { text: format!("whole: {}", text(&summary)), json: super::to_json(&summary) })
}

/// A backup to read: a file, or standard input.
pub(super) fn open(file: &Path) -> anyhow::Result<Input> {
    if file.as_os_str() == "-" {
        return Ok(Input { reader: Box::new(io::stdin().lock()), bytes: None });
    }
    let opened = File::open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = opened.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Input { reader: Box::new(file), bytes: Some(bytes) })
}

/// What is in a backup, in a line.
pub(super) fn text(summary: &Summary) -> String {
    let rows = |table| summary.rows_of(table);
    format!(
        "{} users, {} datasets with {} recordings, {} model versions, {} runs, {} devices; {} files, {} \
         MB; of {} UTC, by cirame-trainer {}\n",
        rows("users"),
        rows("datasets"),
        rows("recordings"),
        rows("model_versions"),
        rows("runs"),
        rows("devices"),
        summary.files,
        megabytes(summary.bytes),
        moment(summary.created_ms),
        summary.program
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// The file to write, in a folder that is there.
fn target(data: &Path, file: Option<&Path>) -> anyhow::Result<PathBuf> {
    let now = jiff::Timestamp::from_millisecond(now_ms())?;
    let name = format!("{}.tar.gz", now.strftime("%Y%m%d_%H%M%S"));
    if !data.is_dir() {
        return Err(BackupError::NoData(data.to_owned()).into());
    }
    let path = match file {
        None => {
            let data = data.canonicalize().with_context(|| format!("{}", data.display()))?;
            let beside = data.parent().context("the data folder has nothing beside it")?;
            let folder = beside.join("backups");
            fs::create_dir_all(&folder).with_context(|| {
                format!("{} cannot be made: name a file or a folder", folder.display())
            })?;
            folder.join(name)
        }
        Some(path) if path.is_dir() => path.join(name),
        Some(path) => path.to_owned(),
    };
    if path.exists() {
        bail!("{} is there already: name another file", path.display());
    }
    Ok(path)
}

/// Removes what killed backups have left in a folder. Another one may be at work: it takes less than a
/// day.
fn remove_left_behind(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        let age = entry.metadata().and_then(|facts| facts.modified()).map(|time| time.elapsed());
        if is_ours && age.is_ok_and(|age| age.is_ok_and(|age| age > LEFT_BEHIND)) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes the file so that it is there whole or not at all. Only its owner can read it.
fn write(context: &Context, path: &Path) -> anyhow::Result<Summary> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = || format!("{} cannot be written", path.display());
    remove_left_behind(folder);
    let temporary = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(folder);
    let mut temporary = temporary.with_context(cannot)?;
    let summary = backup::write(&context.data, temporary.as_file_mut(), &context.progress)?;
    temporary.as_file().sync_all().with_context(cannot)?;
    temporary.persist_noclobber(path).map_err(|error| error.error).with_context(cannot)?;
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(cannot)?;
    Ok(summary)
}
