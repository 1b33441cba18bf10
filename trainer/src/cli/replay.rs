//! `replay`: recordings that repairs have made are made again, and compared.

use std::fmt::Write as _;

use clap::Args;

use super::report::Report;
use super::{Context, Versioned, to_json};
use crate::repair::replay;
use crate::store::OwnerId;

/// Make recordings again from what they were made of, and compare: samples must be the same, byte by byte.
/// Labels and tags that were changed since are told. A file that is missing is written again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer replay pump-100hz
  cirame-trainer replay pump-100hz@2 run_01.csv --json")]
pub(super) struct Replay {
    /// Name of the dataset, or NAME@VERSION.
    dataset: Versioned,
    /// Name of the recording; all that repairs have made otherwise.
    recording: Option<String>,
}

impl Replay {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<(Report, usize)> {
        let folder = context.open()?;
        let Versioned { name, number } = &self.dataset;
        let version = folder.store().dataset_version(OwnerId::LOCAL, name, *number)?;
        let wanted = |name: &str| self.recording.as_ref().is_none_or(|wanted| wanted == name);
        let entries: Vec<_> = version
            .entries
            .iter()
            .filter(|entry| wanted(&entry.info.name))
            .filter(|entry| entry.lineage.is_some() || self.recording.is_some())
            .collect();
        if entries.is_empty() {
            let which = self.recording.as_ref().map_or("result of a repair", String::as_str);
            anyhow::bail!("dataset {} version {} has no {which}", version.dataset, version.number);
        }
        let work = context.work(&folder);
        work.progress.stage("replay", entries.len() as u64);
        let (mut text, mut replayed) = (String::new(), Vec::new());
        for entry in entries {
            let found = replay(work, entry)?;
            work.progress.step();
            let how = if found.same { "the same" } else { "DIFFERENT" };
            let file =
                if found.restored { "; its file was missing, and is there again" } else { "" };
            let labels = if found.same_labels { "" } else { "; labels or tags were changed since" };
            let _ = writeln!(text, "{}: {how}{file}{labels}", found.recording);
            replayed.push(found);
        }
        let failures = replayed.iter().filter(|found| !found.same).count();
        Ok((Report { text, json: to_json(&replayed) }, failures))
    }
}
