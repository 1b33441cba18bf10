//! The manifest: what an artifact says about itself, in `metadata_props` under `cirame.manifest`.
//!
//! Its text is bounded by what all metadata may take (`artifact::METADATA_BYTES_MAX`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Digest;
use crate::pipeline::Pipeline;

mod adopted;
pub(crate) mod check;
mod short;

pub use adopted::{Adopted, InputReading, Producer, ScoreScale, SecondClass, UnknownReading};
pub use check::{CLASSES_MAX, ManifestError, NAME_BYTES_MAX, WHOLE_NUMBER_MAX};

/// The version of the artifact format that this code writes for its own graphs.
pub const FORMAT_VERSION: u32 = 1;

/// The version of an artifact whose graph is another program's.
pub const ADOPTED_FORMAT_VERSION: u32 = 2;

/// What the model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Which class: outputs `probabilities [N, K]` and `label [N]`.
    Classification,
    /// How much: output `value [N]`.
    Regression,
    /// How unusual: outputs `score [N]` (1.0 is the alarm line) and `label [N]` (1 is an anomaly).
    Anomaly,
}

impl Task {
    /// Names of the outputs: the floats, then `label` where there is one.
    pub fn output_names(self) -> &'static [&'static str] {
        match self {
            Task::Classification => &["probabilities", "label"],
            Task::Regression => &["value"],
            Task::Anomaly => &["score", "label"],
        }
    }
}

/// Everything an artifact says about itself. Written as canonical JSON (RFC 8785).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`], or [`ADOPTED_FORMAT_VERSION`] where there is `adopted`.
    pub format_version: u32,
    /// What the model answers.
    pub task: Task,
    /// From samples to features.
    pub pipeline: Pipeline,
    /// The features that `pipeline` names, with the version of each definition; empty in an adopted
    /// artifact, whose graph reads the window itself.
    pub features: Vec<FeatureEntry>,
    /// Classes by label index; empty but for classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// What a regression predicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The alarm line of an anomaly detector before `score` was scaled to 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// What the training data looked like.
    pub baseline: Baseline,
    /// Where the graph comes from, where another program made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// What made the model.
    pub lineage: Lineage,
    /// Digest of the canonical JSON of `{"lineage": …, "pipeline": …}`.
    pub lineage_id: Digest,
}

/// One feature as the model uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureEntry {
    /// `channel.name`.
    pub name: String,
    /// Version of the definition.
    pub version: u32,
}

/// What a regression predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Name of the target.
    pub name: String,
    /// Its unit, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// The alarm line of an anomaly detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The raw score that became 1.0.
    pub raw: f64,
    /// How many held-back windows decided it.
    pub calibration_windows: u64,
    /// The share of those windows that the line was set to leave above it.
    pub false_alarm_rate: f64,
}

/// What the training data looked like: for drift and plausibility on the device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// By channel, in pipeline order.
    pub channels: Vec<ChannelBaseline>,
    /// By feature, in pipeline order.
    pub features: Vec<FeatureBaseline>,
}

/// Range of a channel in the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelBaseline {
    /// Smallest value.
    #[serde(serialize_with = "short::number")]
    pub min: f32,
    /// Largest value.
    #[serde(serialize_with = "short::number")]
    pub max: f32,
}

/// Distribution of a feature in the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureBaseline {
    /// Quantiles 0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.
    #[serde(serialize_with = "short::numbers")]
    pub quantiles: [f32; 9],
    /// Share of the windows in ten equal bins between quantile 0 and quantile 1.
    #[serde(serialize_with = "short::numbers")]
    pub histogram: [f32; 10],
}

/// What made a model. Equal lineage, equal bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// Digest of the dataset version.
    pub dataset_version: Digest,
    /// Name of the estimator in the catalogue.
    pub estimator: String,
    /// Its parameters, defaults written out.
    pub parameters: Map<String, Value>,
    /// How training and test data were told apart.
    pub split: Value,
    /// The seed, at most [`WHOLE_NUMBER_MAX`].
    pub seed: u64,
    /// Version of the training code.
    pub training_version: String,
}
