//! Training: a dataset version and settings go in; a proved model with its evaluation comes out.
//!
//! Recordings are replayed through the code that runs on devices, so that an estimator learns from
//! exactly the features that a device will compute.

use learn::estimator::{Estimator, FitContext, Fitted};
use learn::metrics::Evaluation;
use learn::prediction::Prediction;
use learn::table::Table;
use model_format::artifact::{Artifact, Batch, Draft, build};
use model_format::manifest::{Target as TargetInfo, Task};
use model_format::pipeline::Pipeline;

use crate::answers::Answers;
use crate::data_folder::{DataFolder, write_atomically};
use crate::progress::Progress;
use crate::store::{DatasetVersion, ModelVersion, NewModelVersion, NewRun, OwnerId, RunId, Store};

pub mod adopt;
mod answered;
mod baseline;
mod cross_validation;
mod curves;
mod entries;
mod error;
mod estimate;
mod extract;
mod figures;
mod health;
mod importance;
pub mod insight;
mod machine;
mod manifest;
mod measure;
mod partition;
mod preview;
mod proof;
mod recipe;
mod replay;
mod report;
pub mod retrain;
pub mod settings;
mod spans;
mod truth;
mod windows;

use cross_validation::cross_validate;
pub use cross_validation::{CrossValidation, Fold, FoldFigure};
pub use curves::{OmittedCurve, RunCurves};
pub(crate) use entries::choose_labels;
use entries::{Entries, entries};
pub use error::TrainError;
pub(crate) use estimate::memory_bytes;
pub(crate) use extract::{Compute, Extracted, WindowInfo, extract};
use extract::{check_windows, extract_features, raw_windows};
pub(crate) use figures::figures;
pub use figures::{Better, Figure};
use importance::importances;
pub use importance::{FeatureImportances, ImportanceOf};
pub(crate) use measure::{anomalies, spans};
use partition::Partition;
pub(crate) use partition::selected;
pub use preview::{DrawnRecording, DrawnWindow};
pub(crate) use preview::{Tried, preview};
pub(crate) use proof::prove_artifact;
use recipe::check_target;
pub use report::{NaiveAnswer, RunReport, Trained, WindowCounts};
use settings::{LabelRule, Selection, Settings};
pub use spans::{Part, PartSpan, RecordingParts};
use spans::{parts_of_windows, split_of};
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
    settings.insight.check(estimator.as_ref())?;
    let version = store.dataset_version(owner, &settings.dataset, settings.dataset_version)?;
    settings.dataset_version = Some(version.number);
    propose_target(store, owner, &mut settings, estimator.as_ref())?;
    let run = NewRun {
        dataset_version: version.id,
        settings: serde_json::to_value(&settings).expect("plain data has a JSON form"),
        model_name: model_name.to_owned(),
    };
    Ok((run, settings))
}

/// The target that the dataset names, where a regression is not told what to predict.
fn propose_target(
    store: &Store,
    owner: OwnerId,
    settings: &mut Settings,
    estimator: &dyn Estimator,
) -> Result<(), TrainError> {
    if estimator.task() == Task::Regression && settings.selection.target.is_none() {
        let named = store.dataset_standing(owner, &settings.dataset)?.target;
        settings.selection.target = named.and_then(|target| target.parse().ok());
    }
    Ok(())
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
    let done = in_pool(work.threads, || attempt.run())?;
    let model = keep(work, name, run_id, &done)?;
    Ok(Trained { run_id, model, report: done.report })
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
    done: &Done,
) -> Result<ModelVersion, TrainError> {
    let (folder, report) = (work.folder, &done.report);
    let proof = serde_json::to_vec_pretty(&report.proof).expect("plain data has a JSON form");
    folder.expect_artifact(report.artifact_sha256)?;
    write_atomically(&folder.artifact_path(report.artifact_sha256), &done.artifact)?;
    write_atomically(&folder.proof_path(report.artifact_sha256), &proof)?;
    folder.expect_run(run_id)?;
    done.answers().write(&folder.run_path(run_id))?;
    let new = NewModelVersion {
        task: report.task,
        artifact_sha256: report.artifact_sha256,
        lineage_id: report.lineage_id,
        run_id,
    };
    Ok(folder.store().succeed_run(work.owner, name, &new, report, &done.curves)?)
}

/// One run in work.
struct Attempt<'a> {
    work: Work<'a>,
    settings: &'a Settings,
    estimator: &'a dyn Estimator,
    version: &'a DatasetVersion,
}

/// A run that is done, before anything of it is stored.
struct Done {
    report: RunReport,
    artifact: Vec<u8>,
    curves: RunCurves,
    data: Data,
    answers: Prediction,
    /// Positions of the windows whose answers are kept.
    kept: Vec<usize>,
}

impl Done {
    fn answers(&self) -> Answers<'_> {
        Answers {
            artifact_sha256: self.report.artifact_sha256,
            task: self.report.task,
            classes: &self.report.classes,
            entries: &self.data.start.entries.list,
            extracted: &self.data.extracted,
            numbers: self.answers.numbers(),
            windows: &self.kept,
            parts: Some(&self.data.parts),
            normal: self.data.start.selection.normal.as_deref(),
        }
    }
}

/// What a run begins with, before anything is read: the same for a preview.
struct Start {
    entries: Entries,
    /// The settings' selection with what was decided on the user's behalf.
    selection: Selection,
    pipeline: Pipeline,
    notes: Vec<String>,
}

impl Start {
    fn of(
        work: Work<'_>,
        settings: &Settings,
        version: &DatasetVersion,
    ) -> Result<Self, TrainError> {
        let entries = entries(work, settings, version)?;
        let recipe = recipe::recipe(&settings.pipeline, &settings.selection, &entries.list)?;
        let recipe::Recipe { pipeline, mut notes, rows } = recipe;
        let mut selection = settings.selection.clone();
        if rows && pipeline.window.length_samples > 1 && selection.label_rule.is_none() {
            notes.push(
                "label rule last: each row is answered for itself (--label-rule to change)"
                    .to_owned(),
            );
            selection.label_rule = Some(LabelRule::Last);
        }
        if let Some(target) = &selection.target {
            let named = work.folder.store().dataset_standing(work.owner, &settings.dataset)?.target;
            if named == Some(target.to_string()) {
                notes.push(format!("the target is {target}, which the dataset names"));
            }
        }
        Ok(Start { entries, selection, pipeline, notes })
    }

    /// Decides what to test on where the user has not said it.
    fn resolve(&mut self) {
        let own = &self.entries.list[..self.entries.own];
        partition::resolve(&mut self.selection, own, &mut self.notes);
    }

    /// What the windows are for.
    fn partition(
        &self,
        settings: &Settings,
        estimator: &dyn Estimator,
        extracted: &Extracted,
    ) -> Result<Partition, TrainError> {
        let task = estimator.task();
        check_windows(task, estimator.name(), &settings.selection, extracted)?;
        let Start { entries, selection, .. } = self;
        partition::partition(task, extracted, entries, selection, settings.seed)
    }
}

/// The windows of a run, with what each is for.
struct Data {
    start: Start,
    extracted: Extracted,
    partition: Partition,
    /// The same by window.
    parts: Vec<Part>,
}

/// What was learned, and how well.
struct Learned {
    fitted: Box<dyn Fitted>,
    train: Table,
    naive: NaiveAnswer,
    /// Of all windows.
    answers: Prediction,
    evaluation: Option<Evaluation>,
    alarm_share: Option<f64>,
    curves: RunCurves,
    cross_validation: Option<CrossValidation>,
    importance: Option<FeatureImportances>,
}

impl Attempt<'_> {
    fn run(&self) -> Result<Done, TrainError> {
        let mut data = self.prepare()?;
        let learned = self.learn(&mut data)?;
        let (artifact, target) = self.artifact(&data, &learned)?;
        let held_out = raw(self.work, &data, HELD_OUT_MAX)?;
        self.work.progress.check()?;
        let proof = prove_artifact(&Artifact::read(&artifact)?, &held_out, self.work.progress)?;
        let Data { start, extracted, partition, parts } = &mut data;
        start.notes.extend(machine::zones(&start.pipeline, &learned.train));
        let split = split_of(&start.entries.list, extracted, parts, &mut start.notes);
        let facts = learned.fitted.facts();
        start.notes.extend(health::notes(&facts, &start.pipeline.features));
        let kept = answered::kept(parts, learned.answers.width(), &mut start.notes);
        let report = RunReport {
            task: self.estimator.task(),
            dataset_version: self.version.digest,
            windows: WindowCounts {
                train: partition.train.len() as u64,
                calibration: partition.calibration.len() as u64,
                test: partition.test.len() as u64,
                unused: partition.unused as u64,
                unlabelled: partition.unlabelled as u64,
            },
            classes: manifest::classes(self.estimator.task(), extracted),
            target,
            notes: start.notes.clone(),
            pipeline: start.pipeline.clone(),
            facts,
            threshold: learned.fitted.threshold(),
            evaluation: learned.evaluation,
            alarm_share: learned.alarm_share,
            naive: learned.naive,
            cross_validation: learned.cross_validation,
            importance: learned.importance,
            artifact_sha256: proof.artifact_sha256,
            lineage_id: proof.lineage_id,
            artifact_bytes: artifact.len() as u64,
            proof,
            split,
        };
        let Learned { answers, curves, .. } = learned;
        Ok(Done { report, artifact, curves, data, answers, kept })
    }

    fn prepare(&self) -> Result<Data, TrainError> {
        let Attempt { work, settings, estimator, .. } = *self;
        let mut start = Start::of(work, settings, self.version)?;
        check_target(settings, estimator, &start.entries.list)?;
        start.resolve();
        let Start { entries, selection, pipeline, .. } = &start;
        let extracted =
            extract_features(work.folder, &entries.list, pipeline, selection, work.progress)?;
        let partition = start.partition(settings, estimator, &extracted)?;
        let parts = parts_of_windows(&partition, extracted.windows.len());
        Ok(Data { start, extracted, partition, parts })
    }

    fn learn(&self, data: &mut Data) -> Result<Learned, TrainError> {
        let insight = self.settings.insight;
        // First, since it is what may be refused.
        let cross_validation =
            insight.folds.map(|count| cross_validate(self, data, count)).transpose()?;
        let Data { start, extracted, partition, .. } = &*data;
        let task = self.estimator.task();
        let columns = &start.pipeline.features;
        let table = |windows: &[usize]| windows::table(extracted, columns, task, windows);
        let train = table(&partition.train);
        let calibration = (task == Task::Anomaly).then(|| table(&partition.calibration));
        let progress = self.work.progress;
        progress.stage("fit", 1000);
        let context = FitContext {
            seed: self.settings.seed,
            threads: self.work.threads,
            progress: &|share| progress.set((share * 1000.0) as u64),
            cancel: &|| progress.is_cancelled(),
        };
        let fitted = self.estimator.fit(&train, calibration.as_ref(), &context)?;
        let answers = answered::answers(fitted.as_ref(), extracted, columns.len(), progress)?;
        let tested = answers.rows(&partition.test);
        let truth = windows::target(extracted, task, &partition.test);
        let anomalies = anomalies(extracted, &partition.test, &start.selection);
        let (known, spans) = (anomalies.as_deref(), spans(extracted, &partition.test));
        let (evaluation, alarm_share) =
            measure::measure(&tested, &truth, known.zip(Some(&spans[..])), &train.target)?;
        let curves = curves::curves(&tested, &truth, anomalies.as_deref());
        let naive = NaiveAnswer::of(&train.target);
        let mut notes = Vec::new();
        let importance = insight.importance_repeats;
        let importance = importance
            .map(|repeats| importances(self, data, fitted.as_ref(), repeats, &mut notes))
            .transpose()?
            .flatten();
        data.start.notes.append(&mut notes);
        Ok(Learned {
            fitted,
            train,
            naive,
            answers,
            evaluation,
            alarm_share,
            curves,
            cross_validation,
            importance,
        })
    }

    /// The artifact, and what a regression predicts.
    fn artifact(
        &self,
        data: &Data,
        learned: &Learned,
    ) -> Result<(Vec<u8>, Option<TargetInfo>), TrainError> {
        let fitted = learned.fitted.as_ref();
        let manifest = manifest::manifest(manifest::Parts {
            settings: self.settings,
            estimator: self.estimator,
            version: self.version,
            entries: &data.start.entries,
            selection: &data.start.selection,
            pipeline: &data.start.pipeline,
            extracted: &data.extracted,
            windows: &data.partition.train,
            train: &learned.train,
            fitted,
        });
        let target = manifest.target.clone();
        let golden_windows = raw(self.work, data, GOLDEN_MAX)?;
        let draft = Draft { manifest, head: fitted, golden_windows, batch: Batch::Symbolic };
        Ok((build(draft)?, target))
    }
}

/// The raw values of at most `count` test windows, beginning with one of each class.
fn raw(work: Work<'_>, data: &Data, count: usize) -> Result<Vec<Vec<f32>>, TrainError> {
    let Data { start: Start { entries, pipeline, .. }, extracted, partition, .. } = data;
    let chosen = spread(extracted, &partition.test, kept_max(pipeline, count));
    let mut raw = raw_windows(work.folder, &entries.list, pipeline, extracted, &chosen)?;
    let order = round_robin(extracted, &chosen).into_iter();
    Ok(order.map(|position| std::mem::take(&mut raw[position])).collect())
}

/// How many windows of this pipeline may be kept, at most `count`, at least one.
fn kept_max(pipeline: &Pipeline, count: usize) -> usize {
    let values = pipeline.window.length_samples as usize * pipeline.channels.len();
    count.min(KEPT_VALUES_MAX / values).max(1)
}
