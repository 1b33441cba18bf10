//! `restore`: what a backup has becomes what the trainer has.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::backup::{open, text};
use super::report::Report;
use crate::backup::restore;

/// Put what a backup has into the place of what the data folder has, which is kept beside it. The
/// service must not run. Everything is checked before anything changes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer restore backups/20261128_093000.tar.gz
  Into a new folder, to look at it:
    cirame-trainer restore backups/20261128_093000.tar.gz --data looked-at
  Into a container that does not run:
    docker compose run --rm -T --no-deps trainer restore - < backup.tar.gz
  Everybody signs in anew afterwards.")]
pub(super) struct Restore {
    /// The backup, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Restore {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let restored = restore(&context.data, open(&self.file)?, &context.progress)?;
        let mut report = format!("restored: {}", text(&restored.summary));
        let before: Vec<String> =
            restored.before.iter().map(|path| path.display().to_string()).collect();
        if !before.is_empty() {
            let _ = writeln!(
                report,
                "what was there before is kept; when all is well, remove it:\n  rm -r {}",
                before.join(" ")
            );
        }
        let mut json = super::to_json(&restored.summary);
        json["before"] = before.into();
        Ok(Report { text: report, json })
    }
}
