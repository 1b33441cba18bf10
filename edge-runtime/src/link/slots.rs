//! Slots: of each name, which model is the last good one, which was so before, which is new.
//! `slots.json` says it.

mod book;
mod by_hand;

use model_format::protocol::DesiredModel;
use serde::{Deserialize, Serialize};

pub(super) use book::Book;

/// Longest reason that is kept, in characters.
const ERROR_CHARS_MAX: usize = 2000;

/// The models of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// The model that somebody installed by hand: it counts until the trainer deploys another one.
    #[serde(default)]
    pub(super) installed: Option<Installed>,
    /// How often the program was started with `current` and did not keep it in service for long; none
    /// once it has.
    #[serde(default)]
    pub(super) starts: Option<u32>,
}

/// A model that somebody installed by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Installed {
    /// The model.
    pub(super) model: DesiredModel,
    /// The trainer's deployment that was known then: any other one is newer.
    pub(super) over: Option<String>,
}

/// A model that has not shown yet that it is good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Candidate {
    /// The model.
    pub(super) model: DesiredModel,
    /// How often it was begun to load it.
    pub(super) tries: u32,
}

/// A deployment that failed, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
