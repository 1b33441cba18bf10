//! From the bytes of a model to one that is ready to serve: checked, loaded, proved.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use engine::proof::{Choice, Chosen, Proof, choose};
use model_format::artifact::{Artifact, FILE_BYTES_MAX};
use model_format::id::Digest;
use model_format::protocol::{DesiredModel, ModelSignature};
use serde_json::Value;

use super::engines::Engines;
use super::memory::MemoryLimit;
use super::model_keys::ModelKeys;
use super::state_folder::read_bounded;
use crate::memory;
use crate::service::ReadyModel;

/// What is known of a model before its file is opened.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) artifact: Digest,
    pub(super) name: String,
    pub(super) version: Option<u32>,
    /// The detached signature, where there is one.
    pub(super) signature: Option<ModelSignature>,
}

impl Expected {
    /// What a deployment says.
    pub(super) fn of(model: &DesiredModel) -> Expected {
        Expected {
            artifact: model.artifact_sha256,
            name: model.model.clone(),
            version: Some(model.version),
            signature: model.signature,
        }
    }
}

/// Reads, checks, proves and loads a model. Nothing else makes a [`ReadyModel`] of a file.
///
/// # Errors
/// What was found, and what to change.
pub(super) fn prepare(
    path: &Path,
    expected: &Expected,
    keys: &ModelKeys,
    engines: &Engines,
    memory_limit: MemoryLimit,
) -> Result<(ReadyModel, Value), String> {
    let file = File::open(path).and_then(|file| read_bounded(file, FILE_BYTES_MAX as u64));
    let bytes = file.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let found = Digest::of(&bytes);
    if found != expected.artifact {
        return Err(format!(
            "the file of the model is damaged: it has the SHA-256 {found} instead of {}; check the \
             disk of the device, then deploy the model again",
            expected.artifact
        ));
    }
    // Before anything looks into them.
    keys.check(found, expected.signature.as_ref())?;
    memory_limit.check_before(bytes.len() as u64)?;
    // A panic is a bug; here it must not end the thread that would go back to the good model.
    let ready = catch_unwind(AssertUnwindSafe(|| load(&bytes, expected, engines)));
    let (ready, proof) = ready.unwrap_or_else(|_| {
        Err("the engine panicked on this model; the device's log has its words".to_owned())
    })?;
    drop(bytes);
    // The proof took many times what serving takes.
    memory::give_back();
    memory_limit.check_after()?;
    Ok((ready, proof))
}

fn load(
    bytes: &[u8],
    expected: &Expected,
    engines: &Engines,
) -> Result<(ReadyModel, Value), String> {
    let artifact = Artifact::read(bytes)
        .map_err(|error| format!("this is no model that cirame-trainer exported: {error}"))?;
    let start = Instant::now();
    let clock_ns = || start.elapsed().as_nanos() as u64;
    // What may serve is what is judged: other engines judged when the model was exported, and take
    // many times its memory.
    let choice = engines.of(&expected.name, artifact.own().is_some());
    let chosen = choose(&artifact, choice, &clock_ns)
        .map_err(|error| format!("the model cannot be proved on this device: {error}"))?;
    let proof = &chosen.proof;
    if !proof.passed {
        return Err(difference(proof));
    }
    tell(&expected.name, choice, &chosen);
    let engine = engine::load_artifact(chosen.engine, &artifact)
        .map_err(|error| format!("the model cannot be loaded: {error}"))?;
    let proof = serde_json::to_value(proof).map_err(|error| error.to_string())?;
    let named = (expected.name.clone(), expected.version);
    Ok((ReadyModel::new(&artifact, engine, named, bytes.len() as u64), proof))
}

/// Tells the log which engine was chosen for a model of another program, and why.
fn tell(name: &str, choice: Choice, chosen: &Chosen) {
    if chosen.proof.served_by.is_none() {
        return;
    }
    let judges = chosen.proof.judges.iter().map(|judge| {
        let time = judge.latency.map_or_else(
            || "not timed".to_owned(),
            |latency| format!("{:.1} µs for half of the windows", latency.p50_us),
        );
        let passed = if judge.passed { "" } else { ", answers differ" };
        format!("{} {}: {time}{passed}", judge.engine, judge.version)
    });
    let unable = chosen.unable.iter().map(|(_, error)| error.to_string());
    let found: Vec<String> = judges.chain(unable).collect();
    tracing::info!(
        model = name,
        engine = chosen.engine.name(),
        choice = %choice,
        "the model is another program's; {}",
        found.join("; ")
    );
}

fn difference(proof: &Proof) -> String {
    let failed = proof.judges.iter().filter(|judge| !judge.passed).map(|judge| {
        format!("{} {} on {} windows", judge.engine, judge.version, judge.golden.unexplained)
    });
    format!(
        "the model does not give on this device the answers that it carries: {} of its {} golden \
         windows differ; export it anew, then deploy it again",
        failed.collect::<Vec<_>>().join(", "),
        proof.golden_windows
    )
}
