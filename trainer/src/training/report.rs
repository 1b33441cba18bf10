//! What a run found: kept with the run as JSON, printed for people.

use engine::proof::Proof;
use learn::metrics::Evaluation;
use learn::table::Target;
use model_format::id::Digest;
use model_format::manifest::{Target as TargetInfo, Task, Threshold};
use model_format::pipeline::Pipeline;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::cross_validation::CrossValidation;
use super::importance::FeatureImportances;
use super::spans::RecordingParts;
use crate::store::{ModelVersion, RunId};

/// What a run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunReport {
    /// What the model answers.
    pub task: Task,
    /// What was decided on the user's behalf, in sentences.
    pub notes: Vec<String>,
    /// Digest of the dataset version.
    pub dataset_version: Digest,
    /// From samples to features.
    #[schema(value_type = Object)]
    pub pipeline: Pipeline,
    /// How many windows there were for what.
    pub windows: WindowCounts,
    /// Classes by label index; empty but for classification.
    pub classes: Vec<String>,
    /// What a regression predicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetInfo>,
    /// What the fit found.
    #[schema(value_type = Object)]
    pub facts: Map<String, Value>,
    /// The alarm line before it was scaled to 1.0.
    #[schema(value_type = Option<Object>)]
    pub threshold: Option<Threshold>,
    /// Figures on the test windows, with the naive answer's beside them; none where nothing is
    /// known about these windows.
    pub evaluation: Option<Evaluation>,
    /// Share of the test windows with an alarm; anomaly detectors only.
    pub alarm_share: Option<f64>,
    /// What the naive answer is made of.
    pub naive: NaiveAnswer,
    /// The same settings fold by fold, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_validation: Option<CrossValidation>,
    /// What the model owes to each channel and feature, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<FeatureImportances>,
    /// Digest of the artifact's bytes.
    pub artifact_sha256: Digest,
    /// Digest of what made it.
    pub lineage_id: Digest,
    /// Size of the artifact.
    pub artifact_bytes: u64,
    /// Who checked the artifact, and what was found.
    #[schema(value_type = Object)]
    pub proof: Proof,
    /// What the parts of each recording were for; empty for runs from before this was kept.
    #[serde(default)]
    #[schema(required = true)]
    pub split: Vec<RecordingParts>,
}

/// How many windows there were for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowCounts {
    /// To learn from.
    pub train: u64,
    /// To set the alarm line by.
    pub calibration: u64,
    /// To test on.
    pub test: u64,
    /// Between the parts, or named by none.
    pub unused: u64,
    /// Without a class or a value.
    pub unlabelled: u64,
}

/// What the naive answer is made of, so that later evaluations have it beside their figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NaiveAnswer {
    /// Training windows by class.
    Classes(Vec<u64>),
    /// Mean target of the training windows.
    Mean(f32),
    /// Never an alarm.
    NoAlarm,
}

impl NaiveAnswer {
    pub(super) fn of(target: &Target) -> NaiveAnswer {
        match target {
            Target::Classes { index, names } => {
                let mut counts = vec![0; names.len()];
                index.iter().for_each(|&class| counts[class as usize] += 1);
                NaiveAnswer::Classes(counts)
            }
            Target::Values(values) => {
                let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
                NaiveAnswer::Mean((sum / values.len() as f64) as f32)
            }
            Target::None => NaiveAnswer::NoAlarm,
        }
    }

    /// A training target with the same naive answer.
    pub(crate) fn target(&self, classes: &[String]) -> Target {
        match self {
            NaiveAnswer::Classes(counts) => {
                let index = counts.iter().enumerate();
                let index =
                    index.flat_map(|(class, &n)| std::iter::repeat_n(class as u32, n as usize));
                Target::Classes { index: index.collect(), names: classes.to_vec() }
            }
            NaiveAnswer::Mean(mean) => Target::Values(vec![*mean]),
            NaiveAnswer::NoAlarm => Target::None,
        }
    }
}

/// A finished run.
#[derive(Clone, Debug, Serialize)]
pub struct Trained {
    /// Identifier of the run.
    pub run_id: RunId,
    /// The stored model version.
    pub model: ModelVersion,
    /// What the run found.
    pub report: RunReport,
}
