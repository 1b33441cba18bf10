//! What people ask of a running service: files in the folder `requests` of its state folder, which the
//! link looks into at each tick. A program that does not hold the lock writes nothing else there.
//!
//! `ID.json` asks, `ID.bundle` is the bundle to install, `ID.answer` is the answer.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use model_format::bundle::{BUNDLE_BYTES_MAX, Bundle};
use model_format::protocol::{DeploymentState, DesiredModel, INSTALLED, Limits};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lanes::Lanes;
use super::model_keys::ModelKeys;
use super::state_folder::{StateFolder, read_bounded};

/// Largest request or answer, in bytes.
const TEXT_BYTES_MAX: u64 = 64 << 10;

/// Most requests that are taken at one tick.
const REQUESTS_MAX: usize = 16;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Go back to the model before.
    RollBack {
        /// Name of the model; the only one otherwise.
        model: Option<String>,
    },
    /// Take the bundle beside the request into service.
    Install {},
}

/// What came of it: what was done, or why it was not.
pub(crate) type Answer = Result<String, String>;

/// The requests that are being worked on.
#[derive(Default)]
pub(super) struct Requests {
    /// Installed models that are not in service yet: request, name, deployment, what to call it.
    under_way: Vec<(String, String, String, String)>,
}

impl Requests {
    /// Whatever an earlier program left is over.
    pub(super) fn new(folder: &StateFolder) -> Requests {
        for entry in fs::read_dir(requests_path(folder.path())).into_iter().flatten().flatten() {
            remove(&entry.path());
        }
        Requests::default()
    }

    /// Takes what was asked, and answers what is done.
    pub(super) fn look(&mut self, lanes: &mut Lanes, now_ms: u64) {
        let path = requests_path(lanes.shop().folder.path());
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()),
            Err(error) => {
                tracing::debug!(%error, "no requests can be read");
                return;
            }
        };
        let is_request = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let is_whole = |path: &PathBuf| {
            path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        };
        let asked: Vec<PathBuf> =
            entries.filter(is_request).filter(is_whole).take(REQUESTS_MAX).collect();
        for path in asked {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let answer = self.take(&path, &id, lanes, now_ms);
            remove(&path);
            remove(&path.with_extension("bundle"));
            if let Some(answer) = answer {
                say(lanes, &id, &answer);
            }
        }
        self.answer_finished(lanes);
    }

    /// None where the answer comes later.
    fn take(&mut self, path: &Path, id: &str, lanes: &mut Lanes, now_ms: u64) -> Option<Answer> {
        let request = File::open(path).and_then(|file| read_bounded(file, TEXT_BYTES_MAX));
        let request = request.map_err(|error| error.to_string()).and_then(|bytes| {
            serde_json::from_slice::<Request>(&bytes).map_err(|error| error.to_string())
        });
        match request {
            Err(error) => Some(Err(format!("the request cannot be read: {error}"))),
            Ok(Request::RollBack { model }) => Some(
                lanes
                    .roll_back(model.as_deref(), now_ms)
                    .map(|name| format!("{name} goes back to the model before it")),
            ),
            Ok(Request::Install {}) => {
                match self.install(&path.with_extension("bundle"), lanes, now_ms) {
                    Ok((name, deployment, called)) => {
                        self.under_way.push((id.to_owned(), name, deployment, called));
                        None
                    }
                    Err(reason) => Some(Err(reason)),
                }
            }
        }
    }

    fn install(
        &self,
        bundle: &Path,
        lanes: &mut Lanes,
        now_ms: u64,
    ) -> Result<(String, String, String), String> {
        if self.under_way.len() >= REQUESTS_MAX {
            return Err("too many bundles are being installed: wait until they are".to_owned());
        }
        let shop = lanes.shop();
        let model = unpack(bundle, &shop.folder, &shop.keys)?;
        let (name, id) = (model.model.clone(), model.deployment_id.clone());
        let called = format!("{name} {}", model.version);
        lanes.install(model, now_ms)?;
        Ok((name, id, called))
    }

    fn answer_finished(&mut self, lanes: &Lanes) {
        if self.under_way.is_empty() {
            return;
        }
        let reports = lanes.reports();
        self.under_way.retain(|(id, name, deployment, called)| {
            let report = reports.iter().find(|report| report.model == *name);
            let report = report.and_then(|report| report.deployment.as_ref());
            let answer = match report.filter(|report| report.deployment_id == *deployment) {
                // What was being done when it came is brought to its end first.
                None if lanes.is_wanted(name, deployment) => return true,
                None => Err(format!("another deployment took the place of {called}")),
                Some(report) => match report.state {
                    DeploymentState::Serving => Ok(format!("{called} is in service")),
                    DeploymentState::Failed => Err(report.error.clone().unwrap_or_default()),
                    DeploymentState::Downloading | DeploymentState::Proving => return true,
                },
            };
            say(lanes, id, &answer);
            false
        });
    }
}

/// Checks a bundle and puts its artifact to the models.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unpack(
    path: &Path,
    folder: &StateFolder,
    keys: &ModelKeys,
) -> Result<DesiredModel, String> {
    let name = path.display();
    let bytes = File::open(path).and_then(|file| read_bounded(file, BUNDLE_BYTES_MAX as u64));
    let bytes = bytes.map_err(|error| format!("{name} cannot be read: {error}"))?;
    let Bundle { facts, artifact, proof, signature } =
        Bundle::read(&bytes).map_err(|error| error.to_string())?;
    let digest = facts.artifact_sha256;
    keys.check(digest, signature.as_ref())?;
    let proof: engine::proof::Proof = serde_json::from_value(proof)
        .map_err(|error| format!("model.proof.json in the bundle is no proof: {error}"))?;
    if !proof.passed || proof.artifact_sha256 != digest {
        return Err(
            "the proof in the bundle did not pass, or is that of another model: make the bundle anew \
             with `cirame-trainer bundle`"
                .to_owned(),
        );
    }
    folder.put_model(digest, &artifact).map_err(|error| {
        format!("the state folder of the device cannot be written ({error}): check its disk")
    })?;
    Ok(DesiredModel {
        deployment_id: format!("{INSTALLED}{}", Uuid::now_v7()),
        model: facts.model,
        version: facts.version,
        artifact_sha256: digest,
        artifact_bytes: artifact.len() as u64,
        limits: Limits::default(),
        signature,
    })
}

/// Where requests lie.
pub(super) fn requests_path(state: &Path) -> PathBuf {
    state.join("requests")
}

fn say(lanes: &Lanes, id: &str, answer: &Answer) {
    let name = format!("requests/{id}.answer");
    let written = serde_json::to_vec(answer)
        .map_err(io::Error::from)
        .and_then(|bytes| lanes.shop().folder.write(&name, &bytes));
    match (answer, written) {
        (Ok(text), Ok(())) => tracing::info!(text, "done on request"),
        (Err(reason), Ok(())) => tracing::warn!(reason, "refused on request"),
        (_, Err(error)) => tracing::error!(%error, "a request cannot be answered"),
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "a request cannot be removed");
        }
        _ => {}
    }
}
