//! Slots: which model is the last good one, which was so before, which is new. `slots.json` says it.

use anyhow::Context as _;
use model_format::id::Digest;
use model_format::protocol::DesiredModel;
use serde::{Deserialize, Serialize};

use super::state_folder::StateFolder;

const FILE: &str = "slots.json";

/// Largest file that is read, in bytes: four models and one error text need far less.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Longest reason that is kept, in characters.
const ERROR_CHARS_MAX: usize = 2000;

/// The models of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slots {
    /// The last good model.
    pub(super) current: Option<DesiredModel>,
    /// The good model before that.
    pub(super) previous: Option<DesiredModel>,
    /// The model that has not shown yet that it is good.
    pub(super) candidate: Option<Candidate>,
    /// The newest deployment, where it failed: it is not tried again by itself.
    pub(super) failed: Option<FailedDeployment>,
}

/// A model that has not shown yet that it is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Candidate {
    /// The model.
    pub(super) model: DesiredModel,
    /// How often it was begun to load it.
    pub(super) tries: u32,
}

/// A deployment that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailedDeployment {
    /// The deployment.
    pub(super) deployment_id: String,
    /// What was found and what to change.
    pub(super) error: String,
}

impl FailedDeployment {
    pub(super) fn new(model: &DesiredModel, error: &str) -> FailedDeployment {
        FailedDeployment {
            deployment_id: model.deployment_id.clone(),
            error: error.chars().take(ERROR_CHARS_MAX).collect(),
        }
    }
}

impl Slots {
    /// Reads the slots. A damaged file is set aside and told: the device then starts without a
    /// model and gets one from the trainer.
    ///
    /// # Errors
    /// The file is there and cannot be read, or not be set aside.
    pub(super) fn load(folder: &StateFolder) -> anyhow::Result<Slots> {
        let Some(bytes) = folder.read(FILE, FILE_BYTES_MAX)? else {
            return Ok(Slots::default());
        };
        match serde_json::from_slice(&bytes) {
            Ok(slots) => Ok(slots),
            Err(error) => {
                folder.set_aside(FILE).context("the damaged slots.json cannot be set aside")?;
                tracing::error!(
                    %error,
                    "slots.json is damaged; it is kept as slots.json.broken, and the device starts \
                     without a model until the trainer deploys one"
                );
                Ok(Slots::default())
            }
        }
    }

    /// Writes the slots; they are on the disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written; the one before is still there.
    pub(super) fn save(&self, folder: &StateFolder) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        folder
            .write(FILE, &bytes)
            .with_context(|| format!("{} cannot be written in {}", FILE, folder.path().display()))
    }

    /// Removes the files of all models that have no slot.
    pub(super) fn clean(&self, folder: &StateFolder) {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.model);
        let digest = |model: &DesiredModel| model.artifact_sha256;
        let good = self.current.iter().chain(&self.previous);
        let models: Vec<Digest> = good.chain(candidate).map(digest).collect();
        let downloads: Vec<Digest> = candidate.map(digest).into_iter().collect();
        folder.clean(&models, &downloads);
    }
}
