//! The catalogues of features and estimators as data, for the command line and the API.

use learn::catalogue::Entry;
use model_format::signal::features::Feature;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::store::task_name;

/// A feature and its definition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FeatureInfo {
    /// Name, to be put behind a channel's: `accX.rms`. For a K at its end stands a number of samples.
    pub name: &'static str,
    /// Version of the definition.
    pub version: u32,
    /// What it belongs to: level, spread, shape, change, order, spectrum, bands, rows.
    pub family: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Where the formula comes from.
    pub source: &'static str,
    /// Its unit, in terms of the channel's.
    pub unit: String,
    /// The shortest window that it can be computed of; with the smallest K, where it has one.
    pub window_min_samples: u32,
    /// True where it needs a sampling rate.
    pub needs_rate: bool,
}

impl From<&Feature> for FeatureInfo {
    fn from(feature: &Feature) -> Self {
        FeatureInfo {
            name: feature.name,
            version: feature.version,
            family: feature.family.name(),
            doc: feature.doc,
            source: feature.source,
            unit: feature.unit.describe("channel"),
            window_min_samples: feature.window_min_samples,
            needs_rate: feature.needs_rate,
        }
    }
}

/// An estimator and its parameters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct EstimatorInfo {
    /// Name.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// classification, regression or anomaly.
    pub task: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its parameters.
    pub parameters: Vec<ParameterInfo>,
}

/// A parameter of an estimator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ParameterInfo {
    /// Name, as in scikit-learn.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its value where nothing is given.
    pub default: Value,
    /// What it takes, in words.
    pub accepts: String,
}

impl From<&Entry> for EstimatorInfo {
    fn from(entry: &Entry) -> Self {
        let parameters = entry.parameters.iter().map(|parameter| ParameterInfo {
            name: parameter.name,
            doc: parameter.doc,
            default: parameter.default.json(),
            accepts: parameter.accepts_text(),
        });
        EstimatorInfo {
            name: entry.name,
            title: entry.title,
            task: task_name(entry.task),
            doc: entry.doc,
            parameters: parameters.collect(),
        }
    }
}
