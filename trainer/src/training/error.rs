//! Why training was refused or failed.

use engine::proof::{ChoiceError, ProofError};
use learn::estimator::FitError;
use learn::metrics::MetricError;
use learn::parameter::ParameterError;
use learn::prediction::PredictError;
use learn::split::SplitError;
use model_format::artifact::ArtifactError;
use model_format::pipeline::PipelineError;
use model_format::signal::features::FeatureError;

use super::adopt::AdoptError;
use crate::data_folder::FolderError;
use crate::ingest::parquet::ParquetError;
use crate::progress::Cancelled;
use crate::store::StoreError;

/// Why there is no model. Every message says what was found and what to change.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A user ended it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The data folder refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of another program was not adopted.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// There are no settings to train it with again.
    #[error(
        "model {model} version {number} cannot be trained again ({reason}): only models that \
         `cirame-trainer train` or a run of the API made can"
    )]
    NotTrainedHere {
        /// Its name.
        model: String,
        /// Its version.
        number: u32,
        /// Why.
        reason: String,
    },
    /// No engine can judge the artifact.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] ParquetError),
    /// Unknown estimator or parameter, or a value out of bounds.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The pipeline cannot stand.
    #[error(transparent)]
    Pipeline(PipelineError),
    /// A feature cannot be computed.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// A feature needs to be told something, and the command line has an option for it.
    #[error("{error} (option {option})")]
    Untold {
        /// What is missing.
        error: FeatureError,
        /// The option.
        option: &'static str,
    },
    /// The windows cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The estimator refused.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The fitted model gives no answers.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// The answers cannot be measured.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The artifact cannot be written or read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// An engine did not load or failed.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The artifact cannot be proved.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof was made and did not pass.
    #[error("the artifact is not proved, so no model is stored: {reasons}")]
    NotProved {
        /// Which engine found which differences.
        reasons: String,
    },
    /// What to find out is out of bounds.
    #[error("{field} is {found}: it must lie between {min} and {max}")]
    Insight {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// Folds of an anomaly detector.
    #[error(
        "{estimator} learns from normal windows alone, so that folds of them say nothing about \
         anomalies: leave folds out, and test on recordings with anomalies"
    )]
    FoldsOfAnomalies {
        /// The estimator.
        estimator: &'static str,
    },
    /// Threads could not be started.
    #[error("{threads} threads could not be started: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        reason: String,
    },
    /// Nothing was selected.
    #[error("dataset {dataset} has no recordings{}", if *.filtered { " that --only names" } else { "" })]
    NoRecordings {
        /// The dataset.
        dataset: String,
        /// True where `--only` was given.
        filtered: bool,
    },
    /// A channel that is not there.
    #[error("recording {recording:?} has no channel {channel:?}{hint}")]
    NoChannel {
        /// The recording.
        recording: String,
        /// The channel.
        channel: String,
        /// The nearest channels.
        hint: String,
    },
    /// No channel is left as an input.
    #[error("no input channel is left of {}: choose with --channels", known.join(", "))]
    NoInputs {
        /// The channels that there are.
        known: Vec<String>,
    },
    /// A target tag that is no number.
    #[error(
        "recording {recording:?} has {} as tag {tag:?}, where a number to predict is needed",
        .found.as_ref().map_or("nothing".to_owned(), |found| format!("{found:?}"))
    )]
    NoTargetTag {
        /// The recording.
        recording: String,
        /// The tag.
        tag: String,
        /// Its value.
        found: Option<String>,
    },
    /// Recordings with different rates.
    #[error(
        "recording {first:?} has {first_rate}, {second:?} has {second_rate}: name one rate with \
         --rate HZ --resample, or --rate none if rows are cycles"
    )]
    Rates {
        /// A recording.
        first: String,
        /// Its rate.
        first_rate: String,
        /// Another recording.
        second: String,
        /// Its rate.
        second_rate: String,
    },
    /// Seconds without a rate.
    #[error(
        "the {what} is given in seconds, but there is no rate: give it in samples with --{what}-samples"
    )]
    SecondsWithoutRate {
        /// Window or stride.
        what: &'static str,
    },
    /// An impossible number of seconds.
    #[error("a {what} of {seconds} s has {samples} samples: 1 to 65536 are possible")]
    Seconds {
        /// Window or stride.
        what: &'static str,
        /// Its seconds.
        seconds: f64,
        /// Its samples.
        samples: f64,
    },
    /// A window beside rows.
    #[error(
        "rows and a {what} are both given: leave the {what} out, as each row is answered for itself and \
         looks back as far as the lags and differences among the features say; or leave rows out"
    )]
    RowsAndWindow {
        /// Window or stride.
        what: &'static str,
    },
    /// A window that fits into no recording.
    #[error(
        "a window of {length_samples} samples is longer than every recording; the longest has \
         {longest}: shorten the window"
    )]
    WindowTooLong {
        /// The window.
        length_samples: u32,
        /// The longest recording, in samples at the pipeline's rate.
        longest: u64,
    },
    /// Recordings gave no window.
    #[error(
        "no recording gave a window; of the samples, {drops}. Gaps end segments (--gap-max-samples, \
         --gap-fill), another rate is refused (--rate, --resample), a shorter window fits shorter \
         segments"
    )]
    NoWindows {
        /// What became of the samples.
        drops: String,
    },
    /// A feature or family that is not in the catalogue.
    #[error("there is no feature or family {name:?}{hint}; `cirame-trainer features` lists all")]
    UnknownFeature {
        /// The name.
        name: String,
        /// The nearest ones.
        hint: String,
    },
    /// Nothing to compute.
    #[error("none of the features fits these windows: lengthen them or give a rate")]
    NoFeatures,
    /// Too much for memory.
    #[error(
        "there are more than {limit} feature values: raise the stride or choose fewer features"
    )]
    TooManyValues {
        /// The limit.
        limit: u64,
    },
    /// A classifier without labels.
    #[error(
        "{estimator} needs classes and no window has one: import with labels (--label-from), or \
         choose another --label-rule"
    )]
    NoClasses {
        /// The estimator.
        estimator: String,
    },
    /// A regression without a target.
    #[error("{estimator} predicts a number: name its channel or tag with --target{hint}")]
    NoTarget {
        /// The estimator.
        estimator: String,
        /// Channels that were imported as targets.
        hint: String,
    },
    /// No target value in any window.
    #[error("no window has a value of the target {target}: every one is missing")]
    NoTargetValues {
        /// The target.
        target: String,
    },
    /// An anomaly detector that is not told what is normal.
    #[error(
        "an anomaly detector learns from normal data: name it by --normal CLASS{} or by \
         --train-rows FROM..TO", one_of(.classes)
    )]
    NoNormal {
        /// The classes that there are.
        classes: Vec<String>,
    },
    /// A normal class that does not occur.
    #[error("no window has the class {normal:?}, which --normal names{}", one_of(.classes))]
    UnknownNormal {
        /// The class.
        normal: String,
        /// The classes that there are.
        classes: Vec<String>,
    },
    /// A selection of test recordings that names none.
    #[error("--test names no recording of the dataset: `cirame-trainer datasets show` lists them")]
    NoTestRecordings,
    /// A part without windows.
    #[error("the {part} part has no window: change --test, --split or --only")]
    EmptyPart {
        /// The part.
        part: &'static str,
    },
    /// Test data with classes that the model does not know.
    #[error("the model does not know the class {class:?} of {windows} windows; it knows {}", .known.join(", "))]
    ClassNotKnown {
        /// The class.
        class: String,
        /// How many windows have it.
        windows: u64,
        /// The model's classes.
        known: Vec<String>,
    },
}

fn one_of(classes: &[String]) -> String {
    if classes.is_empty() { String::new() } else { format!(" (one of {})", classes.join(", ")) }
}
