//! What an artifact says about itself, put together from a run.

use learn::estimator::{Estimator, Fitted};
use learn::table::Table;
use model_format::id::Digest;
use model_format::manifest::{FORMAT_VERSION, FeatureEntry, Lineage, Manifest, Target, Task};
use model_format::pipeline::Pipeline;
use model_format::signal::features;
use serde_json::json;

use super::baseline::baseline;
use super::entries::Entries;
use super::extract::Extracted;
use super::settings::{Selection, Settings, TargetName};
use crate::store::DatasetVersion;

/// Raised when the same settings would give other bytes than before.
pub(super) const TRAINING_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+2");

/// What a manifest is made of.
pub(super) struct Parts<'a> {
    pub(super) settings: &'a Settings,
    pub(super) estimator: &'a dyn Estimator,
    pub(super) version: &'a DatasetVersion,
    pub(super) entries: &'a Entries,
    pub(super) selection: &'a Selection,
    pub(super) pipeline: &'a Pipeline,
    pub(super) extracted: &'a Extracted,
    pub(super) windows: &'a [usize],
    pub(super) train: &'a Table,
    pub(super) fitted: &'a dyn Fitted,
}

/// The manifest of a run's artifact.
pub(super) fn manifest(parts: Parts<'_>) -> Manifest {
    let Parts { settings, pipeline, selection, .. } = parts;
    let task = parts.estimator.task();
    let target = target_info(selection, parts.entries, task);
    let feature = |name: &String| {
        let definition = features::feature_named(name);
        FeatureEntry { name: name.clone(), version: definition.map_or(0, |known| known.version) }
    };
    let split = split_json(selection, parts.entries);
    Manifest {
        format_version: FORMAT_VERSION,
        task,
        features: pipeline.features.iter().map(feature).collect(),
        classes: classes(task, parts.extracted),
        target,
        threshold: parts.fitted.threshold(),
        baseline: baseline(parts.extracted, parts.windows, parts.train, pipeline.channels.len()),
        adopted: None,
        lineage: Lineage {
            dataset_version: parts.version.digest,
            estimator: parts.estimator.name().to_owned(),
            parameters: parts.estimator.parameters().clone(),
            split,
            seed: settings.seed,
            training_version: TRAINING_VERSION.to_owned(),
        },
        // Filled in when the artifact is built.
        lineage_id: Digest::of(b""),
        pipeline: pipeline.clone(),
    }
}

/// What a regression predicts.
pub(super) fn target_info(selection: &Selection, entries: &Entries, task: Task) -> Option<Target> {
    selection.target.as_ref().filter(|_| task == Task::Regression).map(|target| {
        let name = match target {
            TargetName::Channel(name) | TargetName::Tag(name) => name.clone(),
        };
        let channels = &entries.list[0].info.channels;
        let unit = channels.iter().find(|channel| channel.name == name);
        let unit = unit.and_then(|channel| channel.unit.clone());
        Target { name, unit }
    })
}

/// How training and test data were told apart, for a lineage.
pub(super) fn split_json(selection: &Selection, entries: &Entries) -> serde_json::Value {
    let label_rule = Some(selection.label_rule.unwrap_or_default());
    let selection = Selection { label_rule, ..selection.clone() };
    let mut split = serde_json::to_value(selection).expect("plain data has a JSON form");
    if let Some(digest) = entries.other {
        split["test_dataset_version"] = json!(digest);
    }
    split
}

/// The classes of the model by label index; none but for classification.
pub(super) fn classes(task: Task, extracted: &Extracted) -> Vec<String> {
    if task == Task::Classification { extracted.classes.clone() } else { Vec::new() }
}
