//! What a foreign model answers: its output, the task, the classes.

use model_format::artifact::{Foreign, ForeignOutput};
use model_format::manifest::Task;

use super::{AdoptError, AdoptOptions};
use crate::training::settings::Selection;

/// The share of normal windows above the alarm line, where nothing else is said.
const FALSE_ALARM_RATE: f64 = 0.01;

/// What is made of a foreign model.
#[derive(Clone, Debug)]
pub(super) struct AnswerPlan {
    /// Name of its output.
    pub(super) output: String,
    pub(super) task: Task,
    /// By output position; empty but for classification.
    pub(super) classes: Vec<String>,
    /// Whether the output has logits.
    pub(super) logits: bool,
    /// Whether the output has one number for two classes: that of the second.
    pub(super) is_second_alone: bool,
    pub(super) false_alarm_rate: f64,
    pub(super) lower_is_unusual: bool,
}

/// Decides what the model answers; `labels` are those of the dataset.
pub(super) fn plan(
    foreign: &Foreign,
    options: &AdoptOptions,
    selection: &Selection,
    labels: Vec<String>,
) -> Result<AnswerPlan, AdoptError> {
    let output = output(foreign, options)?;
    let task = task(foreign, output, options, selection)?;
    check_options(task, options, selection)?;
    let classes = match task {
        Task::Classification => classes(foreign, output, options, labels)?,
        Task::Regression | Task::Anomaly => Vec::new(),
    };
    let is_second_alone = classes.len() == 2 && output.width == Some(1);
    let numbers = if is_second_alone { 1 } else { classes.len().max(1) };
    if let Some(width) = output.width.filter(|&width| width != numbers) {
        let expected = match task {
            Task::Classification => format!("and the classes are {}", classes.join(", ")),
            Task::Regression => "where a regression has one".to_owned(),
            Task::Anomaly => "where an anomaly detector has one".to_owned(),
        };
        return Err(AdoptError::Width { output: output.name.clone(), width, expected });
    }
    Ok(AnswerPlan {
        output: output.name.clone(),
        task,
        classes,
        logits: options.logits,
        is_second_alone,
        false_alarm_rate: options.false_alarm_rate.unwrap_or(FALSE_ALARM_RATE),
        lower_is_unusual: options.lower_is_unusual,
    })
}

fn output<'a>(
    foreign: &'a Foreign,
    options: &AdoptOptions,
) -> Result<&'a ForeignOutput, AdoptError> {
    let outputs = foreign.outputs();
    let known = || outputs.iter().map(|output| output.name.clone()).collect();
    match (&options.output, outputs) {
        (Some(name), _) => {
            let found = outputs.iter().find(|output| output.name == *name);
            found.ok_or_else(|| AdoptError::UnknownOutput { name: name.clone(), known: known() })
        }
        (None, [output]) => Ok(output),
        (None, _) => Err(AdoptError::SeveralOutputs { known: known() }),
    }
}

fn task(
    foreign: &Foreign,
    output: &ForeignOutput,
    options: &AdoptOptions,
    selection: &Selection,
) -> Result<Task, AdoptError> {
    if let Some(task) = options.task {
        return Ok(task);
    }
    if selection.target.is_some() {
        return Ok(Task::Regression);
    }
    if selection.normal.is_some() || options.false_alarm_rate.is_some() || options.lower_is_unusual
    {
        return Ok(Task::Anomaly);
    }
    let names_classes = !options.classes.is_empty() || foreign.class_names().is_some();
    if names_classes || options.logits || output.width.is_some_and(|width| width > 1) {
        return Ok(Task::Classification);
    }
    Err(AdoptError::Task { output: output.name.clone() })
}

/// Refuses what another task would need: nothing that is given is ignored.
fn check_options(
    task: Task,
    options: &AdoptOptions,
    selection: &Selection,
) -> Result<(), AdoptError> {
    let (classifies, predicts, watches) =
        (task == Task::Classification, task == Task::Regression, task == Task::Anomaly);
    for (option, is_given, fits) in [
        ("--classes", !options.classes.is_empty(), classifies),
        ("--logits", options.logits, classifies),
        ("--target", selection.target.is_some(), predicts),
        ("--normal", selection.normal.is_some(), watches),
        ("--false-alarm-rate", options.false_alarm_rate.is_some(), watches),
        ("--lower-is-unusual", options.lower_is_unusual, watches),
    ] {
        if is_given && !fits {
            return Err(AdoptError::Option { option, task });
        }
    }
    if predicts && selection.target.is_none() {
        return Err(AdoptError::NoTarget);
    }
    Ok(())
}

/// The classes as they were given, else as a classifier in the file carries them. Bare numbers are
/// names only where the dataset uses them.
fn classes(
    foreign: &Foreign,
    output: &ForeignOutput,
    options: &AdoptOptions,
    labels: Vec<String>,
) -> Result<Vec<String>, AdoptError> {
    if !options.classes.is_empty() {
        return Ok(options.classes.clone());
    }
    let carried = foreign.class_names().filter(|names| {
        let is_number = |name: &String| name.parse::<i64>().is_ok();
        !names.iter().all(is_number) || names.iter().any(|name| labels.contains(name))
    });
    match carried {
        Some(names) => Ok(names.to_vec()),
        None => Err(AdoptError::Classes { output: output.name.clone(), labels }),
    }
}
