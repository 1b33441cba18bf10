//! Training: a dataset version and settings go in; a proved model with its evaluation comes out.
//!
//! Recordings are replayed through the code that runs on devices, so that an estimator learns from
//! exactly the features that a device will compute.

use learn::estimator::{Estimator, FitContext, Fitted};
use learn::metrics::Evaluation;
use learn::table::Table;
use model_format::artifact::{Batch, Draft, build};
use model_format::manifest::Task;
use model_format::pipeline::Pipeline;

use crate::data_folder::{DataFolder, write_atomically};
use crate::progress::Progress;
use crate::store::{DatasetVersion, ModelVersion, NewModelVersion, NewRun, OwnerId, RunId, Store};

mod baseline;
mod entries;
mod error;
mod estimate;
mod extract;
mod manifest;
mod measure;
mod partition;
mod proof;
mod recipe;
mod replay;
mod report;
pub mod settings;
mod truth;
mod windows;

use entries::{Entries, entries};
pub use error::TrainError;
pub(crate) use estimate::{memory_bytes, preview};
pub(crate) use extract::{Compute, Extracted, extract};
use extract::{check_windows, extract_features, raw_windows};
pub(crate) use measure::anomalies;
use partition::Partition;
pub(crate) use partition::selected;
pub(crate) use proof::prove_artifact;
use recipe::check_target;
pub use report::{NaiveAnswer, RunReport, Trained, WindowCounts};
use settings::{Selection, Settings};
use windows::{round_robin, spread};

/// The most windows whose outputs an artifact carries; fewer where they are large.
const GOLDEN_MAX: usize = 24;

/// The most held-out windows that a proof is made with.
const HELD_OUT_MAX: usize = 512;

/// The most values of windows that are kept for golden and held-out windows.
const KEPT_VALUES_MAX: usize = 1 << 24;

/// Where work is done, for whom, and how.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The data folder.
    pub folder: &'a DataFolder,
    /// Whose things are used and made.
    pub owner: OwnerId,
    /// How many threads may work; never changes a result.
    pub threads: usize,
    /// How far it is.
    pub progress: &'a Progress,
}

/// Checks what is asked of a run as far as that is quick, and writes out what was left open: the
/// estimator's parameters and the dataset's version.
///
/// # Errors
/// Refusals name the option to change.
pub fn plan(
    store: &Store,
    owner: OwnerId,
    mut settings: Settings,
    model_name: &str,
) -> Result<(NewRun, Settings), TrainError> {
    Store::check_model_name(model_name)?;
    let estimator = learn::catalogue::estimator(&settings.estimator, &settings.parameters)?;
    settings.parameters = estimator.parameters().clone();
    let version = store.dataset_version(owner, &settings.dataset, settings.dataset_version)?;
    settings.dataset_version = Some(version.number);
    let run = NewRun {
        dataset_version: version.id,
        settings: serde_json::to_value(&settings).expect("plain data has a JSON form"),
        model_name: model_name.to_owned(),
    };
    Ok((run, settings))
}

/// Trains, evaluates, builds and proves a model, and stores it under `name`.
///
/// # Errors
/// Refusals name the option to change. A failed run is kept with its error.
pub fn train(work: Work<'_>, settings: Settings, name: &str) -> Result<Trained, TrainError> {
    let (run, settings) = plan(work.folder.store(), work.owner, settings, name)?;
    let run_id = work.folder.store().begin_run(work.owner, &run)?;
    let outcome = carry_out(work, run_id, &settings, name);
    if let Err(error) = &outcome {
        work.folder.store().fail_run(run_id, &error.to_string())?;
    }
    outcome
}

/// Carries out a run that [`plan`] has checked and the store knows. Its success is noted; what a
/// failure means is up to the caller.
///
/// # Errors
/// Refusals name the option to change.
pub fn carry_out(
    work: Work<'_>,
    run_id: RunId,
    settings: &Settings,
    name: &str,
) -> Result<Trained, TrainError> {
    let estimator = learn::catalogue::estimator(&settings.estimator, &settings.parameters)?;
    let store = work.folder.store();
    let version = store.dataset_version(work.owner, &settings.dataset, settings.dataset_version)?;
    let attempt = Attempt { work, settings, estimator: estimator.as_ref(), version: &version };
    let (report, artifact) = in_pool(work.threads, || attempt.run())?;
    let model = keep(work, name, run_id, &report, &artifact)?;
    Ok(Trained { run_id, model, report })
}

/// Runs `work` with so many threads.
pub(crate) fn in_pool<T: Send>(
    threads: usize,
    work: impl FnOnce() -> Result<T, TrainError> + Send,
) -> Result<T, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let refused = |error: rayon::ThreadPoolBuildError| TrainError::Threads {
        threads,
        reason: error.to_string(),
    };
    pool.map_err(refused)?.install(work)
}

fn keep(
    work: Work<'_>,
    name: &str,
    run_id: RunId,
    report: &RunReport,
    artifact: &[u8],
) -> Result<ModelVersion, TrainError> {
    let folder = work.folder;
    let proof = serde_json::to_vec_pretty(&report.proof).expect("plain data has a JSON form");
    folder.expect_artifact(report.artifact_sha256)?;
    write_atomically(&folder.artifact_path(report.artifact_sha256), artifact)?;
    write_atomically(&folder.proof_path(report.artifact_sha256), &proof)?;
    let new = NewModelVersion {
        task: report.task,
        artifact_sha256: report.artifact_sha256,
        lineage_id: report.lineage_id,
        run_id,
    };
    let report = serde_json::to_value(report).expect("plain data has a JSON form");
    Ok(folder.store().succeed_run(work.owner, name, &new, &report)?)
}

/// One run in work.
struct Attempt<'a> {
    work: Work<'a>,
    settings: &'a Settings,
    estimator: &'a dyn Estimator,
    version: &'a DatasetVersion,
}

/// The windows of a run, with what each is for.
struct Data {
    entries: Entries,
    /// The settings' selection with what was decided on the user's behalf.
    selection: Selection,
    pipeline: Pipeline,
    notes: Vec<String>,
    extracted: Extracted,
    parts: Partition,
}

/// What was learned, and how well.
struct Learned {
    fitted: Box<dyn Fitted>,
    train: Table,
    naive: NaiveAnswer,
    evaluation: Option<Evaluation>,
    alarm_share: Option<f64>,
}

impl Attempt<'_> {
    fn run(&self) -> Result<(RunReport, Vec<u8>), TrainError> {
        let data = self.prepare()?;
        let learned = self.learn(&data)?;
        let artifact = self.artifact(&data, &learned)?;
        let held_out = self.raw(&data, HELD_OUT_MAX)?;
        self.work.progress.check()?;
        let proof = prove_artifact(&artifact, &held_out, self.work.progress)?;
        let parts = &data.parts;
        let report = RunReport {
            task: self.estimator.task(),
            dataset_version: self.version.digest,
            windows: WindowCounts {
                train: parts.train.len() as u64,
                calibration: parts.calibration.len() as u64,
                test: parts.test.len() as u64,
                unused: parts.unused as u64,
                unlabelled: parts.unlabelled as u64,
            },
            classes: manifest::classes(self.estimator.task(), &data.extracted),
            notes: data.notes,
            pipeline: data.pipeline,
            facts: learned.fitted.facts(),
            threshold: learned.fitted.threshold(),
            evaluation: learned.evaluation,
            alarm_share: learned.alarm_share,
            naive: learned.naive,
            artifact_sha256: proof.artifact_sha256,
            lineage_id: proof.lineage_id,
            artifact_bytes: artifact.len() as u64,
            proof,
        };
        Ok((report, artifact))
    }

    fn prepare(&self) -> Result<Data, TrainError> {
        let Attempt { work, settings, estimator, .. } = *self;
        let entries = entries(work, settings, self.version)?;
        check_target(settings, estimator, &entries.list)?;
        let mut recipe = recipe::recipe(&settings.pipeline, &settings.selection, &entries.list)?;
        let mut selection = settings.selection.clone();
        partition::resolve(&mut selection, &entries.list[..entries.own], &mut recipe.notes);
        let recipe::Recipe { pipeline, notes } = recipe;
        let extracted =
            extract_features(work.folder, &entries.list, &pipeline, &selection, work.progress)?;
        check_windows(settings, estimator, &extracted)?;
        let parts = partition::partition(
            estimator.task(),
            &extracted,
            &entries,
            &selection,
            settings.seed,
        )?;
        Ok(Data { entries, selection, pipeline, notes, extracted, parts })
    }

    fn learn(&self, data: &Data) -> Result<Learned, TrainError> {
        let task = self.estimator.task();
        let table = |windows: &[usize]| {
            windows::table(&data.extracted, &data.pipeline.features, task, windows)
        };
        let train = table(&data.parts.train);
        let calibration = (task == Task::Anomaly).then(|| table(&data.parts.calibration));
        let progress = self.work.progress;
        progress.stage("fit", 1000);
        let context = FitContext {
            seed: self.settings.seed,
            threads: self.work.threads,
            progress: &|share| progress.set((share * 1000.0) as u64),
            cancel: &|| progress.is_cancelled(),
        };
        let fitted = self.estimator.fit(&train, calibration.as_ref(), &context)?;
        let test = table(&data.parts.test);
        let prediction = learn::predict(fitted.as_ref(), &test)?;
        let anomalies = anomalies(&data.extracted, &data.parts.test, &data.selection);
        let (evaluation, alarm_share) =
            measure::measure(&prediction, &test.target, anomalies.as_deref(), &train.target)?;
        let naive = NaiveAnswer::of(&train.target);
        Ok(Learned { fitted, train, naive, evaluation, alarm_share })
    }

    fn artifact(&self, data: &Data, learned: &Learned) -> Result<Vec<u8>, TrainError> {
        let fitted = learned.fitted.as_ref();
        let manifest = manifest::manifest(manifest::Parts {
            settings: self.settings,
            estimator: self.estimator,
            version: self.version,
            entries: &data.entries,
            selection: &data.selection,
            pipeline: &data.pipeline,
            extracted: &data.extracted,
            windows: &data.parts.train,
            train: &learned.train,
            fitted,
        });
        let golden_windows = self.raw(data, GOLDEN_MAX)?;
        Ok(build(Draft { manifest, head: fitted, golden_windows, batch: Batch::Symbolic })?)
    }

    /// The raw values of at most `count` test windows, beginning with one of each class.
    fn raw(&self, data: &Data, count: usize) -> Result<Vec<Vec<f32>>, TrainError> {
        let Data { entries, pipeline, extracted, .. } = data;
        let chosen = spread(extracted, &data.parts.test, kept_max(pipeline, count));
        let mut raw = raw_windows(self.work.folder, &entries.list, pipeline, extracted, &chosen)?;
        let order = round_robin(extracted, &chosen).into_iter();
        Ok(order.map(|position| std::mem::take(&mut raw[position])).collect())
    }
}

/// How many windows of this pipeline may be kept, at most `count`, at least one.
fn kept_max(pipeline: &Pipeline, count: usize) -> usize {
    let values = pipeline.window.length_samples as usize * pipeline.channels.len();
    count.min(KEPT_VALUES_MAX / values).max(1)
}
