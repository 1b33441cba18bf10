//! The seam between what answers samples and what decides which model does so.
//!
//! `link` (deployments, the trainer) decides; `serve` (streams, inference) obeys. Neither knows
//! the other: both know this.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use engine::Engine;
use model_format::artifact::Artifact;
use model_format::id::Digest;
use model_format::manifest::Manifest;
use model_format::protocol::{ModelReport, StreamReport};

/// A model that has been loaded and proved, ready to answer.
pub(crate) struct ReadyModel {
    /// What the artifact says about itself. The artifact is not kept: the engine has what it needs of it.
    pub(crate) manifest: Manifest,
    /// Digest of the artifact's bytes.
    pub(crate) artifact_sha256: Digest,
    /// What executes it.
    pub(crate) engine: Box<dyn Engine>,
    /// Name of the model with the trainer; the file's name for one given on the command line.
    pub(crate) name: String,
    /// Version with the trainer, if it has one.
    pub(crate) version: Option<u32>,
    /// Size of the artifact's bytes.
    pub(crate) artifact_bytes: u64,
}

impl ReadyModel {
    /// An artifact that `engine` has loaded, under its name and version.
    pub(crate) fn new(
        artifact: &Artifact,
        engine: Box<dyn Engine>,
        (name, version): (String, Option<u32>),
        artifact_bytes: u64,
    ) -> ReadyModel {
        let (manifest, artifact_sha256) = (artifact.manifest().clone(), artifact.sha256());
        ReadyModel { manifest, artifact_sha256, engine, name, version, artifact_bytes }
    }
}

pub(crate) use model_format::protocol::MODELS_MAX;

/// How a model in service is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ModelStatus {
    /// Windows that it answered since it went into service.
    pub(crate) windows: u64,
    /// Windows that its engine failed on, since then.
    pub(crate) failed_windows: u64,
    /// The time that its engine took for half of the windows, since then.
    pub(crate) latency_p50_us: f64,
    /// The time that its engine took for 99 of 100 windows, since then.
    pub(crate) latency_p99_us: f64,
}

/// How the service is, for heartbeats.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceStatus {
    /// Windows answered since the program started.
    pub(crate) windows: u64,
    /// The models in service, by name.
    pub(crate) models: BTreeMap<String, ModelStatus>,
    /// Samples dropped since the program started, whatever the reason.
    pub(crate) dropped_samples: u64,
    /// Results dropped since the program started.
    pub(crate) dropped_results: u64,
    /// True while connected to the broker.
    pub(crate) broker_connected: bool,
    /// Streams, the busiest first, at most 100.
    pub(crate) streams: Vec<StreamReport>,
}

/// How the link is, for whoever looks at the device.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkStatus {
    /// Whether the trainer answered the newest heartbeat; none before the first, and without a
    /// trainer.
    pub(crate) trainer_answers: Option<bool>,
    /// How each name stands.
    pub(crate) models: Vec<ModelReport>,
}

/// A link's status, where one writes it and another reads it.
pub(crate) type SharedLinkStatus = Arc<Mutex<LinkStatus>>;

/// What runs models.
pub(crate) trait Service: Send + Sync {
    /// Puts a model into service between two windows, in the place of the one with its name or
    /// beside the others; waits until it is. Windows that were begun under an equal pipeline are
    /// completed by the new model; otherwise its streams start anew.
    ///
    /// # Errors
    /// There are [`MODELS_MAX`] others, or the service is ending.
    fn swap(&self, model: ReadyModel) -> anyhow::Result<()>;

    /// Takes the model of this name out of service between two windows; waits until it is. What was
    /// held back is answered before.
    ///
    /// # Errors
    /// The service is ending.
    fn take_out(&self, name: &str) -> anyhow::Result<()>;

    /// How it is now.
    fn status(&self) -> ServiceStatus;
}
