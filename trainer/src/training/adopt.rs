//! Adoption: a model of another program becomes an artifact, judged by ONNX Runtime on the windows of a
//! dataset, proved, measured and stored like one that was trained here.

use std::collections::BTreeSet;

use engine::EngineKind;
use learn::anomaly::alarm_line::AlarmLine;
use learn::prediction::Prediction;
use model_format::artifact::{
    AdoptedAnswer, Artifact, Foreign, Golden, ScoreSteps, Wrapping, seal,
};
use model_format::id::Digest;
use model_format::manifest::{
    ADOPTED_FORMAT_VERSION, Adopted, Baseline, InputReading, Lineage, Manifest, ScoreScale,
    SecondClass, Task, Threshold,
};
use model_format::signal::features::check_machine_is_read;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answered;
use super::baseline::channel_ranges;
use super::curves::curves;
use super::entries::entries;
use super::extract::{Compute, Extracted, check_windows, extract};
use super::manifest::{TRAINING_VERSION, split_json, target_info};
use super::measure::{anomalies, measure, spans};
use super::partition::{self, Partition};
use super::recipe::{self, frame};
use super::report::{NaiveAnswer, RunReport, Trained, WindowCounts};
use super::settings::Settings;
use super::spans::{parts_of_windows, split_of};
use super::{
    Data, Done, GOLDEN_MAX, HELD_OUT_MAX, Start, TrainError, Work, in_pool, keep, raw, windows,
};
use crate::store::{DatasetVersion, NewRun, Store};

mod answer;
mod error;
mod input;
mod judge;

use answer::AnswerPlan;
pub use error::AdoptError;

/// Name of the estimator in runs and lineages.
const ESTIMATOR: &str = "adopted";

/// What a file of another program is to become. Its JSON is what the run keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdoptOptions {
    /// What the model answers; derived from its output and the selection where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The classes in the order of the output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The output that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How the input reads a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputReading>,
    /// Whether the output has logits.
    pub logits: bool,
    /// Whether lower scores are more unusual.
    pub lower_is_unusual: bool,
    /// Share of normal windows above the alarm line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarm_rate: Option<f64>,
}

/// What to adopt, and on which data.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The bytes of the file.
    pub file: Vec<u8>,
    /// What it is to become.
    pub options: AdoptOptions,
    /// Dataset, windows and selection; the estimator and its parameters are filled in.
    pub settings: Settings,
}

/// Adopts a file and stores it under `name`.
///
/// # Errors
/// Refusals name the option to change, or how to export the file instead. A failed run is kept with
/// its error.
pub fn adopt(work: Work<'_>, adoption: Adoption, name: &str) -> Result<Trained, TrainError> {
    Store::check_model_name(name)?;
    let Adoption { file, options, mut settings } = adoption;
    let foreign = Foreign::read(&file).map_err(AdoptError::from)?;
    if !engine::available().contains(&EngineKind::Ort) {
        return Err(AdoptError::NoOnnxRuntime.into());
    }
    let store = work.folder.store();
    let version = store.dataset_version(work.owner, &settings.dataset, settings.dataset_version)?;
    settings.dataset_version = Some(version.number);
    settings.estimator = ESTIMATOR.to_owned();
    settings.parameters = parameters(&foreign, &options);
    let run = NewRun {
        dataset_version: version.id,
        settings: serde_json::to_value(&settings).expect("plain data has a JSON form"),
        model_name: name.to_owned(),
    };
    let run_id = store.begin_run(work.owner, &run)?;
    let attempt = Attempt { work, settings: &settings, options: &options, foreign, version };
    let outcome = in_pool(work.threads, || attempt.run())
        .and_then(|done| Ok((keep(work, name, run_id, &done)?, done.report)));
    match outcome {
        Ok((model, report)) => Ok(Trained { run_id, model, report }),
        Err(error) => {
            store.fail_run(run_id, &error.to_string())?;
            Err(error)
        }
    }
}

/// What decides an adopted model beside data and pipeline: the file and the options.
fn parameters(foreign: &Foreign, options: &AdoptOptions) -> Map<String, Value> {
    let options = serde_json::to_value(options).expect("plain data has a JSON form");
    let Value::Object(mut parameters) = options else { return Map::new() };
    parameters.insert("file_sha256".to_owned(), json!(foreign.sha256()));
    parameters
}

/// One adoption in work.
struct Attempt<'a> {
    work: Work<'a>,
    settings: &'a Settings,
    options: &'a AdoptOptions,
    foreign: Foreign,
    version: DatasetVersion,
}

/// What is decided before any window is answered.
struct Decided {
    start: Start,
    plan: AnswerPlan,
    reading: InputReading,
    /// Complete but for the baseline and the alarm line.
    manifest: Manifest,
}

/// The windows with the answers of ONNX Runtime.
struct Answers {
    extracted: Extracted,
    partition: Partition,
    prediction: Prediction,
    /// The alarm line of an anomaly detector, before it was scaled to 1.0.
    threshold: Option<Threshold>,
    /// What makes its scores of the output.
    steps: ScoreSteps,
}

impl Attempt<'_> {
    fn run(&self) -> Result<Done, TrainError> {
        let Decided { mut start, plan, reading, mut manifest } = self.decide()?;
        let raw_steps = ScoreSteps {
            sign: if plan.lower_is_unusual { -1.0 } else { 1.0 },
            centre: 0.0,
            factor: 1.0,
        };
        let wrap = |manifest: &Manifest, steps, batch| {
            let answer = answer_of(&plan, steps);
            let wrapping = Wrapping { manifest, reading, output: &plan.output, answer, batch };
            self.foreign.wrap(&wrapping)
        };
        let symbolic = !self.foreign.input().one_at_a_time;
        let (batch, wrapped) =
            judge::batch(symbolic, &mut start.notes, |batch| wrap(&manifest, raw_steps, batch))?;
        let Answers { extracted, partition, prediction, threshold, steps } =
            self.answers(&start, &plan, &wrapped, raw_steps)?;
        manifest.baseline.channels =
            channel_ranges(&extracted, &all(&extracted), start.pipeline.channels.len());
        if let (Some(line), Some(adopted)) = (&threshold, &mut manifest.adopted) {
            let lower_is_unusual = plan.lower_is_unusual;
            adopted.score = Some(ScoreScale { lower_is_unusual, centre: steps.centre.into() });
            manifest.threshold = Some(line.clone());
        }
        let wrapped = wrap(&manifest, steps, batch)?;
        let parts = parts_of_windows(&partition, extracted.windows.len());
        let data = Data { start, extracted, partition, parts };
        let golden = self.golden(&data, &wrapped)?;
        let artifact = seal(&wrapped, manifest, &golden)?;
        self.report(data, &plan, prediction, artifact)
    }

    /// Pipeline, task and classes, from the file, the options and what the dataset says of itself.
    fn decide(&self) -> Result<Decided, TrainError> {
        let Attempt { work, settings, options, foreign, version } = self;
        let entries = entries(*work, settings, version)?;
        let asked = settings.pipeline.window;
        let recipe =
            frame(&settings.pipeline, &settings.selection, &entries.list, &mut |channels| {
                Ok(input::window(foreign.input(), channels, asked, options.input)?)
            })?;
        let recipe::Recipe { pipeline, mut notes, .. } = recipe;
        pipeline.check().map_err(TrainError::Pipeline)?;
        check_machine_is_read(&pipeline)?;
        let (reading, note) =
            input::reading(foreign.input(), &pipeline, options.input, asked.is_some())?;
        notes.extend(note);
        let spans = entries.list.iter().flat_map(|entry| &entry.annotation.labels);
        let labels: BTreeSet<String> = spans.map(|span| span.class.clone()).collect();
        let labels = labels.into_iter().collect();
        let plan = answer::plan(foreign, options, &settings.selection, labels)?;
        let mut start = Start { entries, selection: settings.selection.clone(), pipeline, notes };
        if plan.task == Task::Anomaly {
            start.resolve();
            // No window is learned from here: all normal ones that are not tested set the line.
            start.selection.calibration_share = 1.0;
        }
        let manifest = self.manifest(&start, &plan, reading);
        Ok(Decided { start, plan, reading, manifest })
    }

    fn manifest(&self, start: &Start, plan: &AnswerPlan, reading: InputReading) -> Manifest {
        Manifest {
            format_version: ADOPTED_FORMAT_VERSION,
            task: plan.task,
            pipeline: start.pipeline.clone(),
            features: Vec::new(),
            classes: plan.classes.clone(),
            target: target_info(&start.selection, &start.entries, plan.task),
            threshold: None,
            baseline: Baseline::default(),
            adopted: Some(Adopted {
                file_sha256: self.foreign.sha256(),
                producer: self.foreign.producer().clone(),
                input: reading,
                output: plan.output.clone(),
                softmax: plan.logits && !plan.is_second_alone,
                second_class: second_class(plan),
                score: None,
            }),
            lineage: Lineage {
                dataset_version: self.version.digest,
                estimator: ESTIMATOR.to_owned(),
                parameters: resolved(&self.settings.parameters, plan, reading),
                split: split_json(&start.selection, &start.entries),
                seed: self.settings.seed,
                training_version: TRAINING_VERSION.to_owned(),
            },
            // Filled in when the artifact is sealed.
            lineage_id: Digest::of(b""),
        }
    }

    /// Every window answered by ONNX Runtime, one after the other as on a device.
    fn answers(
        &self,
        start: &Start,
        plan: &AnswerPlan,
        wrapped: &[u8],
        raw_steps: ScoreSteps,
    ) -> Result<Answers, TrainError> {
        let Start { entries, selection, pipeline, .. } = start;
        let progress = self.work.progress;
        progress.stage("answers", entries.list.len() as u64);
        let begin = || -> Result<Compute<'static>, TrainError> {
            let mut engine = engine::load(EngineKind::Ort, wrapped)?;
            Ok(Box::new(move |window, values| {
                values.extend_from_slice(&engine.run(window, 1)?.floats);
                Ok(())
            }))
        };
        let mut extracted =
            extract(self.work.folder, &entries.list, pipeline, selection, progress, &begin)?;
        check_windows(plan.task, "the model", selection, &extracted)?;
        judge::check_answers(plan, &extracted)?;
        if plan.task == Task::Classification {
            judge::name_classes(&mut extracted, &plan.classes)?;
        }
        let partition =
            partition::of_fitted(plan.task, &extracted, entries, selection, self.settings.seed)?;
        let (mut threshold, mut steps) = (None, raw_steps);
        if plan.task == Task::Anomaly {
            let rows = partition.calibration.len();
            let line = AlarmLine::new("the model", plan.false_alarm_rate, rows)?;
            let scores: Vec<f32> =
                partition.calibration.iter().map(|&window| extracted.values[window]).collect();
            let (found, raw) = judge::score_steps(plan, raw_steps.sign, &line, scores)?;
            let scored = |value: &mut f32| *value = (*value - found.centre) * found.factor;
            extracted.values.iter_mut().for_each(scored);
            steps = found;
            threshold = Some(Threshold {
                raw,
                calibration_windows: rows as u64,
                false_alarm_rate: plan.false_alarm_rate,
            });
        }
        let numbers = std::mem::take(&mut extracted.values);
        let prediction = match plan.task {
            Task::Classification => {
                let classes = plan.classes.len();
                Prediction::Classification { probabilities: numbers, classes }
            }
            Task::Regression => Prediction::Regression { values: numbers },
            Task::Anomaly => Prediction::Anomaly { scores: numbers },
        };
        Ok(Answers { extracted, partition, prediction, threshold, steps })
    }

    /// Windows with the answers that ONNX Runtime gives for the wrapped file.
    fn golden(&self, data: &Data, wrapped: &[u8]) -> Result<Vec<Golden>, TrainError> {
        let mut engine = engine::load(EngineKind::Ort, wrapped)?;
        let answered = raw(self.work, data, GOLDEN_MAX)?.into_iter().map(|window| {
            let outputs = engine.run(&window, 1)?;
            let label = outputs.labels.and_then(|labels| labels.first().copied());
            Ok(Golden { window, floats: outputs.floats, label })
        });
        answered.collect()
    }

    fn report(
        &self,
        mut data: Data,
        plan: &AnswerPlan,
        answers: Prediction,
        artifact: Vec<u8>,
    ) -> Result<Done, TrainError> {
        let held_out = raw(self.work, &data, HELD_OUT_MAX)?;
        let notes = &mut data.start.notes;
        let read = Artifact::read(&artifact)?;
        let proof = judge::prove(&read, &held_out, self.work.progress, notes)?;
        let Data { start, extracted, partition, parts } = &mut data;
        let manifest = read.manifest().clone();
        let tested = answers.rows(&partition.test);
        let truth = windows::target(extracted, plan.task, &partition.test);
        let anomalies = anomalies(extracted, &partition.test, &start.selection);
        let spans = spans(extracted, &partition.test);
        let known = anomalies.as_deref().zip(Some(&spans[..]));
        let (evaluation, alarm_share) = measure(&tested, &truth, known, &truth)?;
        if plan.task != Task::Anomaly {
            let note = "naive answer: from the tested windows themselves, as what the model learned \
                        from is not known";
            start.notes.push(note.to_owned());
        }
        let split = split_of(&start.entries.list, extracted, parts, &mut start.notes);
        let kept = answered::kept(parts, answers.width(), &mut start.notes);
        let report = RunReport {
            task: plan.task,
            dataset_version: self.version.digest,
            windows: WindowCounts {
                train: 0,
                calibration: partition.calibration.len() as u64,
                test: partition.test.len() as u64,
                unused: partition.unused as u64,
                unlabelled: partition.unlabelled as u64,
            },
            classes: plan.classes.clone(),
            target: manifest.target,
            notes: start.notes.clone(),
            pipeline: start.pipeline.clone(),
            facts: facts(manifest.adopted),
            threshold: manifest.threshold,
            evaluation,
            alarm_share,
            naive: NaiveAnswer::of(&truth),
            cross_validation: None,
            importance: None,
            artifact_sha256: proof.artifact_sha256,
            lineage_id: proof.lineage_id,
            artifact_bytes: artifact.len() as u64,
            proof,
            split,
        };
        let curves = curves(&tested, &truth, anomalies.as_deref());
        Ok(Done { report, artifact, curves, data, answers, kept })
    }
}

fn answer_of(plan: &AnswerPlan, steps: ScoreSteps) -> AdoptedAnswer {
    match plan.task {
        Task::Classification => match second_class(plan) {
            Some(number) => AdoptedAnswer::SecondClass(number),
            None => AdoptedAnswer::Classification { softmax: plan.logits },
        },
        Task::Regression => AdoptedAnswer::Regression,
        Task::Anomaly => AdoptedAnswer::Anomaly(steps),
    }
}

/// What the output says of the second of two classes, where that is all it says.
fn second_class(plan: &AnswerPlan) -> Option<SecondClass> {
    let number = if plan.logits { SecondClass::Logit } else { SecondClass::Probability };
    plan.is_second_alone.then_some(number)
}

/// The options as they were decided.
fn resolved(
    given: &Map<String, Value>,
    plan: &AnswerPlan,
    reading: InputReading,
) -> Map<String, Value> {
    let mut parameters = given.clone();
    parameters.insert("task".to_owned(), json!(plan.task));
    parameters.insert("input".to_owned(), json!(reading));
    parameters.insert("output".to_owned(), json!(plan.output));
    if plan.task == Task::Classification {
        parameters.insert("classes".to_owned(), json!(plan.classes));
    }
    if plan.task == Task::Anomaly {
        parameters.insert("false_alarm_rate".to_owned(), json!(plan.false_alarm_rate));
    }
    parameters
}

fn facts(adopted: Option<Adopted>) -> Map<String, Value> {
    match serde_json::to_value(adopted) {
        Ok(Value::Object(facts)) => facts,
        _ => Map::new(),
    }
}

fn all(extracted: &Extracted) -> Vec<usize> {
    (0..extracted.windows.len()).collect()
}
