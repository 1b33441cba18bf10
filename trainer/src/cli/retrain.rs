//! `retrain`: a model once more, to see whether the same bytes come of it.

use clap::Args;

use super::report::Report;
use super::{Context, Versioned, to_json};
use crate::store::OwnerId;
use crate::training::retrain::{Retrained, retrain};

/// Train a model once more with its own settings, data and seed, and compare the bytes. Keeps nothing;
/// fails where a byte differs, and says what does. The number of threads never matters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer retrain --check pump
  cirame-trainer retrain --check pump@3 --threads 1")]
pub(super) struct Retrain {
    /// Compare with the model that is kept, byte by byte.
    #[arg(long, required = true)]
    check: bool,
    /// Name of the model, or NAME@VERSION.
    model: Versioned,
}

impl Retrain {
    /// The report, and how many checks have failed.
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<(Report, usize)> {
        let folder = context.open()?;
        let Versioned { name, number } = &self.model;
        let version = folder.store().model_version(OwnerId::LOCAL, name, *number)?;
        let retrained = retrain(context.work(&folder), &version)?;
        let text = describe(&format!("{} version {}", version.model, version.number), &retrained);
        Ok((Report { text, json: to_json(&retrained) }, usize::from(!retrained.same)))
    }
}

fn describe(model: &str, retrained: &Retrained) -> String {
    let Retrained { kept_sha256, trained_sha256, threads, .. } = retrained;
    if retrained.same {
        return format!("{model}: the same bytes again, with {threads} threads ({kept_sha256})\n");
    }
    let mut text = format!("{model}: other bytes ({kept_sha256} kept, {trained_sha256} now)\n");
    for line in &retrained.differences {
        text.push_str(&format!("  {line}\n"));
    }
    text
}
