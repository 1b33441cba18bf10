//! Makes the demo, step by step; what an earlier start has done is not done again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use model_format::protocol::Limits;
use serde_json::Map;
use tokio_util::sync::CancellationToken;

use super::{DemoState, Facts, NAME};
use crate::api::ApiState;
use crate::data_folder::DataFolder;
use crate::jobs::run::RunInput;
use crate::progress::Progress;
use crate::simulated::{Machine, Plan, add_to_dataset};
use crate::store::{
    DeploymentStatus, DeviceId, Job, JobKind, JobStatus, NewJob, OwnerId, Stage, StoreError,
};
use crate::training::insight::Insight;
use crate::training::plan;
use crate::training::settings::{PipelineSettings, Selection, Settings};

/// What the machine does and suffers from, in the order in which it is played.
pub(crate) const CLASSES: [&str; 4] = ["normal", "imbalance", "bearing", "cavitation"];

/// Recordings of each class, and their length.
const PER_CLASS: u32 = 6;
const RECORDING_S: f64 = 8.0;

const ESTIMATOR: &str = "random_forest_classifier";

const OWNER: OwnerId = OwnerId::LOCAL;

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest time for a device to take a model into service.
const DEPLOY_MAX: Duration = Duration::from_secs(120);

/// What is to be made, of whose parts.
pub(crate) struct Making<'a> {
    pub(crate) state: &'a ApiState,
    /// The device that will serve it.
    pub(crate) device: DeviceId,
    /// Ends it early.
    pub(crate) shutdown: &'a CancellationToken,
}

/// Whether the demo is to be made: it was begun, or there never was one and its names are free.
///
/// # Errors
/// Where the folder cannot be read, and where somebody else's things have its names.
pub(crate) fn is_wanted(folder: &DataFolder) -> anyhow::Result<bool> {
    if let Some(facts) = Facts::read(folder)? {
        return Ok(facts.state == DemoState::Making);
    }
    let store = folder.store();
    let is_free = |found: Result<(), StoreError>| match found {
        Ok(()) => Ok(false),
        Err(StoreError::Unknown { .. }) => Ok(true),
        Err(error) => Err(error),
    };
    let dataset = is_free(store.dataset_version(OWNER, NAME, None).map(drop))?;
    let model = is_free(store.model(OWNER, NAME).map(drop))?;
    if !dataset || !model {
        bail!(
            "the demo cannot be made: there is a dataset or a model {NAME} that is not the demo's; \
             start without the demo, or remove it"
        );
    }
    Ok(true)
}

impl Making<'_> {
    fn folder(&self) -> &DataFolder {
        &self.state.folder
    }

    /// Notes that the demo is so far.
    pub(crate) fn note(&self, state: DemoState) -> anyhow::Result<()> {
        Ok(Facts { state, device_id: self.device }.write(self.folder())?)
    }

    /// Simulates the recordings; gives how many there are.
    pub(crate) fn dataset(&self) -> anyhow::Result<usize> {
        let planned = Plan {
            per_class: PER_CLASS,
            classes: CLASSES.map(str::to_owned).to_vec(),
            ..Plan::usual(Machine::Vibration, 1, RECORDING_S)
        };
        let planned = planned.recordings()?;
        let progress = Progress::figures(std::sync::Arc::default(), std::sync::Arc::default());
        let version = add_to_dataset(self.folder(), OWNER, NAME, &planned, &progress)?;
        Ok(version.entries.len())
    }

    /// Trains and proves the model through the queue, as a user would; gives what was measured on
    /// recordings that it has not seen. The model is in production then.
    pub(crate) fn model(&self) -> anyhow::Result<String> {
        let store = self.folder().store();
        let version = match store.model_version(OWNER, NAME, Some(1)) {
            Ok(version) => version,
            Err(StoreError::Unknown { .. }) => {
                let job = self.submit()?;
                self.wait_for(&job)?;
                store.model_version(OWNER, NAME, None)?
            }
            Err(error) => return Err(error.into()),
        };
        store.set_stage(OWNER, NAME, version.number, Stage::Production)?;
        let run = store.run(OWNER, &version.run_id.to_string())?;
        let figure = run.figures.first();
        let figure = figure.context("the run's report does not say how good the model is")?;
        let naive = figure.naive.map(|naive| format!("; the naive answer: {naive:.3}"));
        Ok(format!(
            "model {NAME} version {}, {} {:.3} on recordings that it has not seen{}",
            version.number,
            figure.name,
            figure.value,
            naive.unwrap_or_default()
        ))
    }

    fn submit(&self) -> anyhow::Result<Job> {
        let store = self.folder().store();
        let settings = Settings {
            dataset: NAME.to_owned(),
            dataset_version: None,
            estimator: ESTIMATOR.to_owned(),
            parameters: Map::new(),
            pipeline: PipelineSettings::default(),
            selection: Selection::default(),
            seed: 0,
            insight: Insight::default(),
        };
        let (run, settings) = plan(store, OWNER, settings, NAME)?;
        let input = serde_json::to_value(RunInput { settings, model: NAME.to_owned() })?;
        let new = NewJob { kind: JobKind::Run, input, run: Some(run), attempt: None };
        let job = store.submit_job(OWNER, &new)?;
        self.state.jobs.wake();
        Ok(job)
    }

    fn wait_for(&self, job: &Job) -> anyhow::Result<()> {
        loop {
            let now = self.folder().store().job(OWNER, job.id)?;
            match now.status {
                JobStatus::Succeeded => return Ok(()),
                status if status.is_final() => {
                    let reason = now.error.map(|error| error.to_string()).unwrap_or_default();
                    bail!("the demo's run was {}: {reason}", status.name());
                }
                _ => self.pause()?,
            }
        }
    }

    /// Deploys the model, and waits until the device answers with it; gives the device's name.
    pub(crate) fn deploy(&self) -> anyhow::Result<String> {
        let store = self.folder().store();
        let newest = crate::store::PageOf { limit: 1, cursor: None };
        let newest = store.deployments(OWNER, Some(self.device), &newest)?.items.pop();
        let is_ours = |deployment: &crate::store::Deployment| {
            deployment.model == NAME && deployment.status != DeploymentStatus::Withdrawn
        };
        let deployment = match newest.filter(is_ours) {
            Some(deployment) => deployment,
            None => store.deploy(OWNER, self.device, (NAME, None), Limits::default(), None)?,
        };
        self.state.live.deployment(OWNER, &deployment);
        let deadline = Instant::now() + DEPLOY_MAX;
        loop {
            let now = store.deployment(OWNER, deployment.id)?;
            match now.status {
                DeploymentStatus::Serving => return Ok(now.device),
                DeploymentStatus::Failed => {
                    bail!("the device refuses the demo's model: {}", now.error.unwrap_or_default())
                }
                _ if Instant::now() > deadline => {
                    let seconds = DEPLOY_MAX.as_secs();
                    bail!("the device did not take the demo's model into service in {seconds} s")
                }
                _ => self.pause()?,
            }
        }
    }

    fn pause(&self) -> anyhow::Result<()> {
        if self.shutdown.is_cancelled() {
            bail!("it was ended before the demo was made: the next start goes on");
        }
        std::thread::sleep(LOOK_EVERY);
        Ok(())
    }
}
