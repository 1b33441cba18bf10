//! `bundle`: a stored model, its proof and its signature in one file, for devices with no trainer in sight.

use std::path::PathBuf;

use clap::Args;
use model_format::bundle::Bundle;
use serde_json::json;

use super::report::{Report, short};
use super::{Context, Versioned};
use crate::data_folder::write_atomically;
use crate::store::OwnerId;

/// Write a model, its proof and its signature into one file, for `cirame-edge install`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer bundle pump -o pump.bundle
  cirame-edge install pump.bundle              (on the device)")]
pub(super) struct MakeBundle {
    /// Name of the model, or NAME@VERSION.
    model: Versioned,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl MakeBundle {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let version =
            folder.store().model_version(OwnerId::LOCAL, &self.model.name, self.model.number)?;
        let artifact = folder.read_artifact(version.artifact_sha256)?;
        let proof = std::fs::read(folder.proof_path(version.artifact_sha256))?;
        let proof = serde_json::from_slice(&proof)?;
        let name = (version.model.as_str(), version.number);
        let bytes = Bundle::new(name, artifact, proof, version.signature).write()?;
        write_atomically(&self.output, &bytes)?;
        let signed = if version.signature.is_some() { "signed" } else { "not signed" };
        let text = format!(
            "{} ({} bytes): {}@{}, sha256 {}, {signed}\n",
            self.output.display(),
            bytes.len(),
            version.model,
            version.number,
            short(version.artifact_sha256)
        );
        let json = json!({
            "file": self.output.display().to_string(),
            "model": version.model,
            "version": version.number,
            "artifact_sha256": version.artifact_sha256,
            "is_signed": version.signature.is_some(),
            "bytes": bytes.len(),
        });
        Ok(Report { text, json })
    }
}
