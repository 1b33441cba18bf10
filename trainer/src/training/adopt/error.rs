//! Why a file of another program was not adopted.

use model_format::artifact::ForeignError;
use model_format::manifest::{InputReading, Task};

use crate::store::task_name;

/// Why a file was not adopted. Every message says what was found and what to change.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The file itself.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// The judge is missing.
    #[error(
        "ONNX Runtime is needed to judge a file of another program, and its library is not here: \
         pip install onnxruntime, and set ORT_DYLIB_PATH to its libonnxruntime.so"
    )]
    NoOnnxRuntime,
    /// A shape that no window has.
    #[error(
        "the input {name:?} has the shape [N, {shape}], which no window of {channels} channels \
         ({}) fits{window}: choose --channels as the model takes them, or --window-samples", names.join(", ")
    )]
    Shape {
        /// The input.
        name: String,
        /// Its dimensions.
        shape: String,
        /// Channels of the pipeline.
        channels: usize,
        /// Their names.
        names: Vec<String>,
        /// The window, where one is asked for.
        window: String,
    },
    /// A shape that can be read in two ways.
    #[error(
        "the input {name:?} has the shape [N, {shape}], which can be read as {}: say which with \
         --input", list(.readings)
    )]
    Ambiguous {
        /// The input.
        name: String,
        /// Its dimensions.
        shape: String,
        /// The readings.
        readings: Vec<InputReading>,
    },
    /// A reading that the shape does not allow.
    #[error("--input {asked} does not fit the input {name:?} of shape [N, {shape}]{possible}")]
    Reading {
        /// What was asked for.
        asked: InputReading,
        /// The input.
        name: String,
        /// Its dimensions.
        shape: String,
        /// What would fit.
        possible: String,
    },
    /// A window of any length.
    #[error("the input {name:?} takes windows of any length: give it with --window-samples")]
    OpenWindow {
        /// The input.
        name: String,
    },
    /// Several outputs.
    #[error("the file has several outputs of 32-bit floats ({}): choose one with --output", .known.join(", "))]
    SeveralOutputs {
        /// Their names.
        known: Vec<String>,
    },
    /// No such output.
    #[error("no output of 32-bit floats is called {name:?}; there are {}", .known.join(", "))]
    UnknownOutput {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Nothing says what the model answers.
    #[error(
        "the output {output:?} has one number a window, which may be a value, a score or the probability \
         of the second of two classes: name what it predicts with --target, or the normal class \
         with --normal, or both classes with --classes"
    )]
    Task {
        /// The output.
        output: String,
    },
    /// An option of another task.
    #[error("{option} is no option of a {}: leave it out, or change --task", task_name(*.task))]
    Option {
        /// The option.
        option: &'static str,
        /// The task.
        task: Task,
    },
    /// A regression without a target.
    #[error("a regression predicts something: name its channel or tag with --target")]
    NoTarget,
    /// An output of the wrong width.
    #[error(
        "the output {output:?} has {} a window, {expected}: choose another --output, or \
         export the model with one that has",
        if *.width == 1 { "one number".to_owned() } else { format!("{} numbers", .width) }
    )]
    Width {
        /// The output.
        output: String,
        /// Its width.
        width: usize,
        /// What is needed, in words.
        expected: String,
    },
    /// The order of the classes is not known.
    #[error(
        "which class each of the numbers of {output:?} stands for is not in the file: give --classes \
         in the order of the output{}. scikit-learn sorts them (clf.classes_)", has_labels(.labels)
    )]
    Classes {
        /// The output.
        output: String,
        /// Labels of the dataset.
        labels: Vec<String>,
    },
    /// No probabilities.
    #[error(
        "the output {output:?} has no probabilities: a window has {found:?}; if they are logits, add \
         --logits"
    )]
    NoProbabilities {
        /// The output.
        output: String,
        /// The numbers of a window.
        found: Vec<f32>,
    },
    /// Something that is no number.
    #[error(
        "the output {output:?} is {found} on a window of the recording {recording:?}: answers must be \
         finite"
    )]
    NotFinite {
        /// The output.
        output: String,
        /// What it is.
        found: f32,
        /// The recording.
        recording: String,
    },
    /// No spread of scores.
    #[error(
        "the output {output:?} is {found} on half of the normal windows and on those that set the \
         alarm line: no line can be drawn"
    )]
    NoSpread {
        /// The output.
        output: String,
        /// What it is.
        found: f32,
    },
}

fn list(readings: &[InputReading]) -> String {
    readings.iter().map(InputReading::to_string).collect::<Vec<_>>().join(" or ")
}

fn has_labels(labels: &[String]) -> String {
    match labels {
        [] => String::new(),
        labels => format!(" (the dataset has the labels {})", labels.join(", ")),
    }
}
