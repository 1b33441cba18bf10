//! The catalogues of features and estimators as data, for the command line and the API.

use learn::catalogue::Entry;
use model_format::pipeline::machine::{MACHINE_FIELDS, MachineField};
use model_format::signal::features::{Feature, Needs};
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
    /// What it belongs to: level, spread, shape, change, order, spectrum, bands, runs, cepstrum, pairs,
    /// velocity, envelope, bearing, band_energy, orders, rows.
    pub family: &'static str,
    /// Whether `all` features include it; others are asked for by family or name.
    pub in_all: bool,
    /// What it is.
    pub doc: &'static str,
    /// Where the formula comes from.
    pub source: &'static str,
    /// Its unit, in terms of the channel's.
    pub unit: String,
    /// The values that it can have.
    pub range: String,
    /// The shortest window that it can be computed of; with the smallest K, where it has one.
    pub window_min_samples: u32,
    /// True where it needs a sampling rate.
    pub needs_rate: bool,
    /// True where it compares two channels: its name is followed by `_` and the other one's.
    pub needs_partner: bool,
    /// What it reads of the pipeline's `machine`.
    pub parameters: Vec<FeatureParameter>,
}

/// A field of the pipeline's `machine` that a feature reads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FeatureParameter {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// What it takes, in words.
    pub accepts: &'static str,
}

impl From<&Feature> for FeatureInfo {
    fn from(feature: &Feature) -> Self {
        FeatureInfo {
            name: feature.name,
            version: feature.version,
            family: feature.family.name(),
            in_all: feature.family.is_in_all(),
            doc: feature.doc,
            source: feature.source,
            unit: feature.unit.describe("channel"),
            range: feature.range.describe(),
            window_min_samples: feature.window_min_samples,
            needs_rate: feature.needs.rate(),
            needs_partner: feature.needs == Needs::Partner,
            parameters: parameters(feature.needs),
        }
    }
}

fn parameters(needs: Needs) -> Vec<FeatureParameter> {
    let read = |field: &&MachineField| needs.machine_fields().contains(&field.name);
    let parameters = MACHINE_FIELDS.iter().filter(read).map(|field| FeatureParameter {
        name: field.name,
        doc: field.doc,
        accepts: field.accepts,
    });
    parameters.collect()
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
