//! Tests of the link: the machine on its own, and the whole of it against a scripted trainer.

mod boot;
mod by_hand;
mod crashes;
mod deployment;
mod enrolment;
mod limits;
mod machine;
mod membership;
mod refusals;
mod scripted_trainer;
mod several;
mod signatures;
mod versions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model_format::id::Digest;
use model_format::protocol::{
    Deployed, DeploymentReport, DeploymentState, DesiredModel, Limits, ModelReport,
};
use tempfile::TempDir;

use super::engines::Engines;
use super::{
    EnrolmentToken, Link, LinkConfig, ModelKeys, Pace, StateFolder, Stop, TrainerAccess,
    enrol_or_load,
};
use crate::service::{
    LinkStatus, ModelStatus, ReadyModel, Service, ServiceStatus, SharedLinkStatus,
};
use scripted_trainer::ScriptedTrainer;

/// A released artifact.
fn corpus(name: &str) -> PathBuf {
    let corpus = "../model-format/tests/corpus/v1";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus).join(format!("{name}.onnx"))
}

fn artifact(name: &str) -> Vec<u8> {
    fs::read(corpus(name)).expect("the corpus is there")
}

/// An artifact whose first golden window is not the one that its golden answers belong to.
fn differing_artifact() -> Vec<u8> {
    let mut bytes = artifact("regression");
    let golden = find(&bytes, b"cirame.golden");
    let values = golden + find(&bytes[golden..], b"\"values\":\"") + b"\"values\":\"".len();
    // The third byte of a little-endian f32 holds the upper bits of its mantissa.
    assert_ne!(bytes[values + 3], b'A');
    bytes[values + 3] = b'A';
    bytes
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("the file has it")
}

/// What the trainer would say of an artifact, under the name that most tests use.
fn desired(deployment_id: &str, bytes: &[u8]) -> DesiredModel {
    DesiredModel {
        deployment_id: deployment_id.to_owned(),
        model: "pump".to_owned(),
        version: 1,
        artifact_sha256: Digest::of(bytes),
        artifact_bytes: bytes.len() as u64,
        limits: Limits::default(),
        signature: None,
    }
}

/// Looks until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A service that lets each new model answer one window, and says what it was given.
#[derive(Default)]
struct TestService {
    served: Mutex<Vec<Digest>>,
    /// In service, by name.
    models: Mutex<BTreeMap<String, (ReadyModel, ModelStatus)>>,
    /// How often it was looked at: once in each tick.
    looks: AtomicU64,
}

impl Service for TestService {
    fn swap(&self, mut model: ReadyModel) -> anyhow::Result<()> {
        let window = vec![0.5; model.engine.layout().window_values()];
        model.engine.run(&window, 1)?;
        self.served.lock().unwrap().push(model.artifact_sha256);
        let name = model.name.clone();
        self.models.lock().unwrap().insert(name, (model, ModelStatus::default()));
        Ok(())
    }

    fn take_out(&self, name: &str) -> anyhow::Result<()> {
        self.models.lock().unwrap().remove(name);
        Ok(())
    }

    fn status(&self) -> ServiceStatus {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let models = self.models.lock().unwrap();
        let models: BTreeMap<_, _> =
            models.iter().map(|(name, (_, status))| (name.clone(), *status)).collect();
        let windows = models.values().map(|status| status.windows).sum();
        ServiceStatus { windows, models, ..ServiceStatus::default() }
    }
}

impl TestService {
    /// All models that came into service, in order.
    fn served(&self) -> Vec<Digest> {
        self.served.lock().unwrap().clone()
    }

    fn serves(&self, bytes: &[u8]) -> bool {
        self.served().last() == Some(&Digest::of(bytes))
    }

    /// What is in service now, by name.
    fn in_service(&self) -> BTreeMap<String, Digest> {
        let models = self.models.lock().unwrap();
        models.iter().map(|(name, (model, _))| (name.clone(), model.artifact_sha256)).collect()
    }

    /// Changes how the model of a name is.
    fn change(&self, name: &str, change: impl FnOnce(&mut ModelStatus)) {
        change(&mut self.models.lock().unwrap().get_mut(name).expect("it serves").1);
    }
}

/// A device with its state folder, which outlives its program.
struct TestDevice {
    folder: TempDir,
    memory_limit_bytes: Option<u64>,
    given: Vec<PathBuf>,
    keys: Vec<PathBuf>,
    unknown_ms: u64,
    /// The file in which the trainer leaves tokens.
    token_file: Option<PathBuf>,
    /// Whether the broker is another than the one that the trainer names.
    has_own_broker: bool,
}

/// A program of that device.
struct Running {
    link: Link,
    service: Arc<TestService>,
    status: SharedLinkStatus,
    /// How often it was asked to begin anew.
    anew: Arc<AtomicU64>,
}

impl TestDevice {
    fn new() -> TestDevice {
        let folder = TempDir::new().expect("a temporary folder");
        TestDevice {
            folder,
            memory_limit_bytes: None,
            given: Vec::new(),
            keys: Vec::new(),
            unknown_ms: 100,
            token_file: None,
            has_own_broker: false,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn start_with(&self, access: Option<&TrainerAccess>) -> anyhow::Result<Running> {
        let folder = Arc::new(StateFolder::open(self.path())?);
        let stop = Stop::default();
        let enrolled = enrol_or_load(&folder, access, "device", &stop)?;
        let status = SharedLinkStatus::default();
        let anew = Arc::new(AtomicU64::new(0));
        let asked = Arc::clone(&anew);
        let config = LinkConfig {
            folder,
            enrolled,
            token: self.token_file.clone().map(EnrolmentToken::File),
            uses_broker: !self.has_own_broker,
            begin_anew: Arc::new(move || {
                asked.fetch_add(1, Ordering::SeqCst);
            }),
            given: self.given.clone(),
            keys: ModelKeys::load(self.path(), &self.keys)?,
            engines: Engines::default(),
            memory_limit_bytes: self.memory_limit_bytes,
            status: Arc::clone(&status),
            pace: Pace { tick_ms: 10, retry_ms: (10, 50), unknown_ms: self.unknown_ms },
        };
        let service = Arc::new(TestService::default());
        let link = Link::start(config, Arc::clone(&service) as Arc<dyn Service>, stop)?;
        Ok(Running { link, service, status, anew })
    }

    /// Starts with a trainer.
    fn start(&self, trainer: &ScriptedTrainer) -> Running {
        self.start_with(Some(&trainer.access())).expect("the device starts")
    }

    /// Starts on its own.
    fn start_alone(&self) -> Running {
        self.start_with(None).expect("the device starts")
    }

    /// The slots of the name that most tests use.
    fn slots(&self) -> serde_json::Value {
        self.slots_of("pump")
    }

    fn slots_of(&self, name: &str) -> serde_json::Value {
        let bytes = fs::read(self.path().join("slots.json")).expect("there are slots");
        let book: serde_json::Value =
            serde_json::from_slice(&bytes).expect("slots are never half-written");
        book["models"][name].clone()
    }

    /// Names of the files in one of its folders.
    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).expect("the folder is there");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Running {
    fn status(&self) -> LinkStatus {
        self.status.lock().unwrap().clone()
    }

    fn model(&self, name: &str) -> Option<ModelReport> {
        self.status().models.into_iter().find(|report| report.model == name)
    }

    fn report_of(&self, name: &str) -> Option<DeploymentReport> {
        self.model(name)?.deployment
    }

    /// How the name stands that most tests use.
    fn report(&self) -> Option<DeploymentReport> {
        self.report_of("pump")
    }

    fn serving(&self) -> Option<Deployed> {
        self.model("pump")?.serving
    }

    fn reports(&self) -> Vec<DeploymentReport> {
        self.status().models.into_iter().filter_map(|model| model.deployment).collect()
    }

    /// Waits until a deployment serves.
    fn until_serving(&self, deployment_id: &str) {
        until("the deployment serves", || {
            self.reports().iter().any(|report| {
                report.deployment_id == deployment_id && report.state == DeploymentState::Serving
            })
        });
    }

    /// Waits until a deployment has failed; its reason.
    fn until_failed(&self, deployment_id: &str) -> String {
        let mut reason = None;
        until("the deployment fails", || {
            let mut reports = self.reports().into_iter();
            let report = reports.find(|report| report.deployment_id == deployment_id);
            reason = report.and_then(|report| report.error);
            reason.is_some()
        });
        reason.expect("it was just found")
    }

    /// Answers enough windows for the model to be trusted.
    fn answer_windows(&self) {
        self.answer_windows_of("pump");
    }

    fn answer_windows_of(&self, name: &str) {
        let more = super::state::PROBATION_WINDOWS;
        self.service.change(name, |status| status.windows += more);
    }
}
