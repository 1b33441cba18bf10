//! `prove`: an artifact's golden windows through every engine of this machine.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use engine::EngineKind;
use engine::proof::judges;
use model_format::artifact::Artifact;

use super::report::Report;
use super::{Context, Versioned, evaluation_text, to_json};
use crate::store::OwnerId;

/// Prove a model once more: its golden windows through the engines at hand, differences and
/// latency. Fails where an answer differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer prove pump
  cirame-trainer prove pump.onnx --engine native --engine ort")]
pub(super) struct Prove {
    /// Name of a model (NAME or NAME@VERSION), or an .onnx file.
    #[arg(value_name = "MODEL|FILE")]
    model: String,
    /// Only these engines; otherwise all that this machine has. Repeatable.
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<EngineKind>,
}

impl Prove {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let artifact = Artifact::read(&self.bytes(context)?)?;
        let engines = match self.engines.is_empty() {
            true => judges(&artifact)?.able,
            false => self.engines.clone(),
        };
        let began = Instant::now();
        let clock_ns = || u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let proof = engine::proof::prove(&artifact, &[], &engines, &clock_ns)?;
        let text = evaluation_text::proof(&proof);
        anyhow::ensure!(proof.passed, "the artifact does not give the answers it carries:\n{text}");
        Ok(Report { text, json: to_json(&proof) })
    }

    fn bytes(&self, context: &Context) -> anyhow::Result<Vec<u8>> {
        let path = PathBuf::from(&self.model);
        if path.is_file() || path.extension().is_some_and(|ending| ending == "onnx") {
            return read(&path);
        }
        let model: Versioned = self.model.parse().map_err(anyhow::Error::msg)?;
        let folder = context.open()?;
        let version = folder.store().model_version(OwnerId::LOCAL, &model.name, model.number)?;
        Ok(folder.read_artifact(version.artifact_sha256)?)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}
