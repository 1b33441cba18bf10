//! Evaluation: a stored model answers the windows of a dataset, and the answers are measured.

use std::path::Path;

use engine::EngineKind;
use learn::metrics::anomaly::is_alarm;
use learn::metrics::{self, Evaluation};
use learn::prediction::Prediction;
use model_format::artifact::Artifact;
use model_format::id::Digest;
use model_format::manifest::{Manifest, Task};
use serde::Serialize;

use crate::answers::Answers;
use crate::data_folder::FolderError;
use crate::store::{DatasetVersion, Entry, ModelVersion};
use crate::training::settings::{RowRange, Selection, Selector};
use crate::training::{
    Compute, Extracted, NaiveAnswer, TrainError, Work, anomalies, choose_labels, extract, in_pool,
    selected, spans,
};

/// What to answer, and how.
#[derive(Clone, Debug)]
pub struct Question {
    /// Only these recordings; all where empty.
    pub only: Vec<Selector>,
    /// Only windows within these rows of each recording.
    pub rows: Option<RowRange>,
    /// What executes the artifact; where nobody says, the native engine, or for a graph of another
    /// program the one that judged it.
    pub engine: Option<EngineKind>,
}

/// How a model answered a dataset.
#[derive(Debug, Serialize)]
pub struct Answered {
    /// Name of the model.
    pub model: String,
    /// Number of its version.
    pub model_version: u32,
    /// Digest of the artifact.
    pub artifact_sha256: Digest,
    /// Name of the dataset.
    pub dataset: String,
    /// Number of its version.
    pub dataset_version: u32,
    /// True where the model was trained on this very dataset version: figures on what it has learned
    /// from are too good.
    pub learned_from_dataset: bool,
    /// What executed the artifact.
    pub engine: EngineKind,
    /// How many windows were answered.
    pub windows: u64,
    /// How many of these have a class or a value, and so are measured.
    pub measured: u64,
    /// The figures, with the naive answer's beside them; none where nothing is measured.
    pub evaluation: Option<Evaluation>,
    /// Share of the windows with an alarm; anomaly detectors only.
    pub alarm_share: Option<f64>,
    /// The answers themselves.
    #[serde(skip)]
    answers: Answering,
}

/// Answers with what is known of their windows.
#[derive(Debug)]
struct Answering {
    manifest: Manifest,
    entries: Vec<Entry>,
    extracted: Extracted,
    /// Positions of the answered windows.
    windows: Vec<usize>,
    normal: Option<String>,
}

/// Lets a model version answer the windows of a dataset version. Labels and targets are read as the
/// model's lineage says they were read for training.
///
/// # Errors
/// Where the dataset does not have the model's channels or has classes that it does not know.
pub(crate) fn evaluate(
    work: Work<'_>,
    model: &ModelVersion,
    dataset: &DatasetVersion,
    question: &Question,
) -> Result<Answered, TrainError> {
    let Work { folder, progress, .. } = work;
    let bytes = folder.read_artifact(model.artifact_sha256)?;
    let artifact = Artifact::read(&bytes)?;
    let manifest = artifact.manifest().clone();
    let chosen = |entry: &&Entry| question.only.is_empty() || selected(entry, &question.only);
    let mut entries: Vec<Entry> = dataset.entries.iter().filter(chosen).cloned().collect();
    if entries.is_empty() {
        let (dataset, filtered) = (dataset.dataset.clone(), !question.only.is_empty());
        return Err(TrainError::NoRecordings { dataset, filtered });
    }
    let selection = trained_selection(&manifest);
    choose_labels(&mut entries, selection.label_set.as_deref());
    progress.stage("answers", entries.len() as u64);
    let engine = question.engine.unwrap_or_else(|| usual_engine(&artifact));
    let start = || compute(engine, &bytes);
    let extracted = in_pool(work.threads, || {
        extract(folder, &entries, &manifest.pipeline, &selection, progress, &start)
    })?;
    let inside = |&window: &usize| {
        let window = &extracted.windows[window];
        question.rows.is_none_or(|rows| rows.from <= window.start_row && window.end_row <= rows.to)
    };
    let windows: Vec<usize> = (0..extracted.windows.len()).filter(inside).collect();
    if windows.is_empty() {
        return Err(TrainError::EmptyPart { part: "evaluated" });
    }
    let naive = naive_answer(work, model)?;
    let (evaluation, measured) = measure(&manifest, &extracted, &windows, &selection, &naive)?;
    let alarm_share = (manifest.task == Task::Anomaly).then(|| {
        let alarms =
            windows.iter().filter(|&&window| is_alarm(floats(&manifest, &extracted, window)[0]));
        alarms.count() as f64 / windows.len() as f64
    });
    Ok(Answered {
        model: model.model.clone(),
        model_version: model.number,
        artifact_sha256: model.artifact_sha256,
        dataset: dataset.dataset.clone(),
        dataset_version: dataset.number,
        learned_from_dataset: manifest.lineage.dataset_version == dataset.digest,
        engine,
        windows: windows.len() as u64,
        measured,
        evaluation,
        alarm_share,
        answers: Answering { manifest, entries, extracted, windows, normal: selection.normal },
    })
}

/// Our own graphs run natively; those of other programs in ONNX Runtime, or in tract where it is missing.
fn usual_engine(artifact: &Artifact) -> EngineKind {
    match artifact.own() {
        Some(_) => EngineKind::Native,
        None if engine::available().contains(&EngineKind::Ort) => EngineKind::Ort,
        None => EngineKind::Tract,
    }
}

/// Answers one window after the other, as a device does.
fn compute(engine: EngineKind, bytes: &[u8]) -> Result<Compute<'static>, TrainError> {
    let mut engine = engine::load(engine, bytes)?;
    Ok(Box::new(move |window, values| {
        values.extend_from_slice(&engine.run(window, 1)?.floats);
        Ok(())
    }))
}

/// How labels and targets were read for training. A lineage of another training version may hold
/// something else: then the defaults stand.
fn trained_selection(manifest: &Manifest) -> Selection {
    let mut split = manifest.lineage.split.clone();
    if let Some(split) = split.as_object_mut() {
        split.remove("test_dataset_version");
    }
    serde_json::from_value(split).unwrap_or_default()
}

fn naive_answer(work: Work<'_>, model: &ModelVersion) -> Result<NaiveAnswer, TrainError> {
    let run = work.folder.store().run(work.owner, &model.run_id.to_string())?;
    Ok(run.report.map_or(NaiveAnswer::NoAlarm, |report| report.naive))
}

/// Numbers that a window's answer has.
fn width(manifest: &Manifest) -> usize {
    manifest.classes.len().max(1)
}

fn floats<'a>(manifest: &Manifest, extracted: &'a Extracted, window: usize) -> &'a [f32] {
    let width = width(manifest);
    &extracted.values[window * width..(window + 1) * width]
}

fn measure(
    manifest: &Manifest,
    extracted: &Extracted,
    windows: &[usize],
    selection: &Selection,
    naive: &NaiveAnswer,
) -> Result<(Option<Evaluation>, u64), TrainError> {
    let known = |&&window: &&usize| match manifest.task {
        Task::Regression => extracted.windows[window].value.is_finite(),
        _ => extracted.windows[window].class.is_some(),
    };
    let known: Vec<usize> = windows.iter().filter(known).copied().collect();
    if known.is_empty() {
        return Ok((None, 0));
    }
    let answers: Vec<f32> =
        known.iter().flat_map(|&window| floats(manifest, extracted, window)).copied().collect();
    let train = naive.target(&manifest.classes);
    let count = known.len() as u64;
    let evaluation = match manifest.task {
        Task::Classification => {
            let truth = true_classes(manifest, extracted, &known)?;
            let prediction = Prediction::Classification {
                probabilities: answers,
                classes: manifest.classes.len(),
            };
            metrics::evaluate(
                &prediction,
                metrics::Truth::Classes(&truth, &manifest.classes),
                &train,
            )?
        }
        Task::Regression => {
            let truth: Vec<f32> =
                known.iter().map(|&window| extracted.windows[window].value).collect();
            let prediction = Prediction::Regression { values: answers };
            metrics::evaluate(&prediction, metrics::Truth::Values(&truth), &train)?
        }
        Task::Anomaly => {
            let Some(truth) = anomalies(extracted, &known, selection) else {
                return Ok((None, 0));
            };
            let prediction = Prediction::Anomaly { scores: answers };
            let spans = spans(extracted, &known);
            metrics::evaluate(&prediction, metrics::Truth::Anomalies(&truth, &spans), &train)?
        }
    };
    Ok((Some(evaluation), count))
}

/// The windows' classes by the model's index.
fn true_classes(
    manifest: &Manifest,
    extracted: &Extracted,
    windows: &[usize],
) -> Result<Vec<u32>, TrainError> {
    let model_index = |class: &String| manifest.classes.iter().position(|known| known == class);
    let by_class: Vec<Option<usize>> = extracted.classes.iter().map(model_index).collect();
    let index = |&window: &usize| {
        let class = extracted.windows[window].class.map_or(0, |class| class as usize);
        by_class[class].map(|index| index as u32).ok_or_else(|| {
            let same = |&&other: &&usize| extracted.windows[other].class == Some(class as u32);
            TrainError::ClassNotKnown {
                class: extracted.classes[class].clone(),
                windows: windows.iter().filter(same).count() as u64,
                known: manifest.classes.clone(),
            }
        })
    };
    windows.iter().map(index).collect()
}

impl Answered {
    /// Writes one line per window as CSV: the fields of `cirame-edge run`, then the truth.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write_results(&self, path: &Path) -> Result<(), FolderError> {
        let Answering { manifest, entries, extracted, windows, normal } = &self.answers;
        let answers = Answers {
            artifact_sha256: self.artifact_sha256,
            task: manifest.task,
            classes: &manifest.classes,
            entries,
            extracted,
            numbers: &extracted.values,
            windows,
            parts: None,
            normal: normal.as_deref(),
        };
        answers.write(path)
    }
}
