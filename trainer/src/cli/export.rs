//! `export`: a stored model as a file, with its proof beside it.

use std::path::{Path, PathBuf};

use clap::Args;
use model_format::artifact::{Artifact, Batch};
use model_format::id::Digest;
use serde_json::json;

use super::report::{Report, short};
use super::{Context, Versioned};
use crate::data_folder::write_atomically;
use crate::store::OwnerId;
use crate::training::prove_artifact;

/// Write a model's .onnx file, and its .proof.json beside it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer export pump -o pump.onnx
  cirame-trainer export pump@1 -o pump-one.onnx --batch-one     (for runtimes with fixed shapes)")]
pub(super) struct Export {
    /// Name of the model, or NAME@VERSION.
    model: Versioned,
    /// The file to write.
    #[arg(long, short, value_name = "FILE.onnx")]
    output: PathBuf,
    /// Fix the number of windows in a call to one, for runtimes that take no symbolic shapes.
    #[arg(long)]
    batch_one: bool,
}

impl Export {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let version =
            folder.store().model_version(OwnerId::LOCAL, &self.model.name, self.model.number)?;
        let mut bytes = folder.read_artifact(version.artifact_sha256)?;
        let proof = if self.batch_one {
            bytes = Artifact::read(&bytes)?.with_batch(Batch::One)?;
            serde_json::to_vec_pretty(&prove_artifact(
                &Artifact::read(&bytes)?,
                &[],
                &context.progress,
            )?)?
        } else {
            std::fs::read(folder.proof_path(version.artifact_sha256))?
        };
        // The proof first: where the model is, its proof is.
        let proof_path = proof_path(&self.output);
        write_atomically(&proof_path, &proof)?;
        write_atomically(&self.output, &bytes)?;
        let digest = Digest::of(&bytes);
        let text = format!(
            "{} ({} bytes, sha256 {}) and {}\n",
            self.output.display(),
            bytes.len(),
            short(digest),
            proof_path.display()
        );
        let json = json!({
            "file": self.output.display().to_string(),
            "proof": proof_path.display().to_string(),
            "model": version.model,
            "version": version.number,
            "artifact_sha256": digest,
            "lineage_id": version.lineage_id,
            "bytes": bytes.len(),
        });
        Ok(Report { text, json })
    }
}

/// `pump.onnx` has its proof in `pump.proof.json`.
fn proof_path(output: &Path) -> PathBuf {
    output.with_extension("proof.json")
}
